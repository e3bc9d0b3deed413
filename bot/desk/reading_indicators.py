"""What the page of indicators counts: whole weeks of the office, for a reader who may count them (`access.counted`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Double, Row, and_, func, or_, select, tuple_, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from bot.referrals import access
from bot.store.models import Referral, Staff

WEEKS, MONTHS = 12, 3
ANSWERED = ("helped", "referred", "advised")  # outcomes with which the person got something
WHOLE = Referral.state != "attached"  # a need told twice counts once
_SHARES = [0.5, 0.9]


@dataclass(frozen=True, slots=True)
class Pace:
    """Of how many, and in how many minutes half and nine of ten of them were reached; None where it is nobody."""

    count: int
    half: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class Sum:
    """The requests of one queue that came in one week, or at one office in all of them; the other one is None."""

    queue: str
    week: datetime | None
    office: str | None
    count: int
    accepted: Pace
    contacted: Pace
    closed: Pace
    answered: int
    asked: int
    solved: int


@dataclass(frozen=True, slots=True)
class Week:
    """All queues together: critical requests until the first call, and talks in private."""

    week: datetime
    contacted: Pace
    private: int


def weeks(now: datetime) -> list[datetime]:
    """The Mondays of the last whole weeks, oldest first; `now` in office time. A running week would tell each arrival."""
    monday = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) - timedelta(days=now.weekday())
    return [monday - timedelta(weeks=back) for back in range(WEEKS, 0, -1)]


def sums(session: Session, staff: Staff, now: datetime, timezone: str) -> list[Sum]:
    """By queue and week, then by queue and office; only what is there."""
    # Each value is worked out once, not once for every set of groups.
    one = (
        select(
            access.queue_rows().label("queue"), _week(timezone).label("week"), Referral.office, Referral.outcome,
            Referral.solved, _minutes(Referral.accepted_at).label("accepted"),
            _minutes(Referral.first_attempt_at).label("contacted"), _minutes(Referral.closed_at).label("closed"),
        )
        .where(_inside(now, timezone), WHOLE, access.counted(staff))
        .cte("one").prefix_with("MATERIALIZED")
        .c
    )  # fmt: skip
    query = select(
        one.queue, one.week, one.office, func.count(), *_pace(one.accepted), *_pace(one.contacted), *_pace(one.closed),
        func.count().filter(one.closed.is_not(None), one.outcome.in_(ANSWERED)),
        func.count(one.solved), func.count().filter(one.solved.is_(True)),
    ).group_by(func.grouping_sets(tuple_(one.queue, one.week), tuple_(one.queue, one.office)))  # fmt: skip
    return [
        Sum(row[0], row[1], row[2], row[3], _read(row, 4), _read(row, 6), _read(row, 8), *row[10:])
        for row in session.execute(query)
    ]


def by_week(session: Session, staff: Staff, now: datetime, timezone: str) -> list[Week]:
    """All queues that this person counts, together."""
    week = _week(timezone)
    critical = or_(Referral.level == "critical", Referral.private)
    query = (
        select(week, *_pace(_minutes(Referral.first_attempt_at), critical), func.count().filter(Referral.private))
        .where(_inside(now, timezone), WHOLE, access.counted(staff))
        .group_by(week)
    )
    return [Week(row[0], _read(row, 1), row[3]) for row in session.execute(query)]


def sealed_by_month(session: Session, now: datetime, timezone: str) -> list[tuple[datetime, int]]:
    """How many sealed requests the last three whole months had, oldest first."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    places = [first.year * 12 + first.month - 1 - back for back in range(MONTHS, 0, -1)]
    months = [first.replace(year=place // 12, month=place % 12 + 1) for place in places]
    month = func.date_trunc("month", func.timezone(timezone, Referral.opened_at))
    rows = session.execute(
        select(month, func.count())
        .where(access.queue_rows() == "sealed", WHOLE, Referral.opened_at >= func.timezone(timezone, months[0]))
        .group_by(month)
    )
    found = {row[0]: row[1] for row in rows}
    return [(one, found.get(one, 0)) for one in months]


def _week(timezone: str) -> ColumnElement[datetime]:
    return func.date_trunc("week", func.timezone(timezone, Referral.opened_at))


def _inside(now: datetime, timezone: str) -> ColumnElement[bool]:
    mondays = weeks(now)
    begin, end = (func.timezone(timezone, one) for one in (mondays[0], mondays[-1] + timedelta(weeks=1)))
    return and_(Referral.opened_at >= begin, Referral.opened_at < end)


def _minutes(until: Any) -> ColumnElement[Any]:
    """From its coming until then; null where that has not happened. `date_part`: `extract` reckons decimals, much slower."""
    return func.date_part("epoch", until - Referral.opened_at) / 60.0


def _pace(minutes: ColumnElement[Any], *also: ColumnElement[bool]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """How many got there, and the minutes that half and nine of ten of them took at most."""
    there = (minutes.is_not(None), *also)
    halves = func.percentile_cont(_SHARES).within_group(minutes).filter(*there)
    return func.count().filter(*there), type_coerce(halves, ARRAY(Double))


def _read(row: Row[Any], place: int) -> Pace:
    half, most = row[place + 1] or (None, None)
    return Pace(row[place], half, most)
