"""What the page of indicators counts: whole weeks of the office, for a reader who may count them (`access.counted`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Double,
    Row,
    Subquery,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    tuple_,
    type_coerce,
)
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


def figures(session: Session, staff: Staff, now: datetime) -> tuple[list[Sum], list[Week]]:
    """By queue and week, and by queue and office; then all queues together by week. Only what is there."""
    mondays = weeks(now)
    one = _requests(staff, _bounds([*mondays, mondays[-1] + timedelta(weeks=1)], now)).c
    closed = one.closed.is_not(None)
    query = select(
        one.queue, one.week, one.office, func.count(), *_pace(one.accepted), *_pace(one.contacted), *_pace(one.closed),
        func.count().filter(closed, one.outcome.in_(ANSWERED)), func.count(one.solved),
        func.count().filter(one.solved.is_(True)), *_pace(one.urgent), func.count().filter(one.private),
    ).group_by(func.grouping_sets(tuple_(one.queue, one.week), tuple_(one.queue, one.office), one.week))  # fmt: skip
    sums, together = [], []
    for row in session.execute(query):
        queue, place, office, count = row[:4]
        week = mondays[place - 1] if place else None
        if queue is None and week:
            together.append(Week(week, _read(row, 13), row[15]))
        else:
            sums.append(Sum(queue, week, office, count, _read(row, 4), _read(row, 6), _read(row, 8), *row[10:13]))
    return sums, together


def sealed_by_month(session: Session, now: datetime) -> list[tuple[datetime, int]]:
    """How many sealed requests the last three whole months had, oldest first."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    places = [first.year * 12 + first.month - 1 - back for back in range(MONTHS, -1, -1)]
    months = [first.replace(year=place // 12, month=place % 12 + 1) for place in places]
    bounds = _bounds(months, now)
    month = _span(bounds)
    rows = session.execute(
        select(month, func.count()).where(_inside(bounds), access.queue_rows() == "sealed", WHOLE).group_by(month)
    )
    found = {row[0]: row[1] for row in rows}
    return [(one, found.get(place, 0)) for place, one in enumerate(months[:-1], start=1)]


def _requests(staff: Staff, bounds: Sequence[datetime]) -> Subquery:
    """What is counted of each request; `week` counts from 1. One scan serves every set of groups: it is the costly part."""
    contacted = _minutes(Referral.first_attempt_at)
    critical = or_(Referral.level == "critical", Referral.private)
    return (
        select(
            access.queue_rows().label("queue"), _span(bounds).label("week"), Referral.office, Referral.outcome,
            Referral.solved, Referral.private, _minutes(Referral.accepted_at).label("accepted"),
            contacted.label("contacted"), _minutes(Referral.closed_at).label("closed"),
            case((critical, contacted)).label("urgent"),
        )
        .where(_inside(bounds), WHOLE, access.counted(staff))
        .subquery()
    )  # fmt: skip


def _bounds(days: Iterable[datetime], now: datetime) -> list[datetime]:
    """Their first moments in office time."""
    return [day.replace(tzinfo=now.tzinfo) for day in days]


def _span(bounds: Sequence[datetime]) -> ColumnElement[int]:
    """Between which two bounds it came, the first span being 1. Much quicker than truncating each day in a time zone."""
    return func.width_bucket(Referral.opened_at, cast(bounds, ARRAY(DateTime(timezone=True))))


def _inside(bounds: Sequence[datetime]) -> ColumnElement[bool]:
    return and_(Referral.opened_at >= bounds[0], Referral.opened_at < bounds[-1])


def _minutes(until: Any) -> ColumnElement[Any]:
    """From its coming until then; null where that has not happened. `date_part`: `extract` reckons decimals, much slower."""
    return func.date_part("epoch", until - Referral.opened_at) / 60.0


def _pace(minutes: ColumnElement[Any]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """How many got there, and the minutes that half and nine of ten of them took at most."""
    return func.count(minutes), type_coerce(func.percentile_cont(_SHARES).within_group(minutes), ARRAY(Double))


def _read(row: Row[Any], place: int) -> Pace:
    half, most = row[place + 1] or (None, None)
    return Pace(row[place], half, most)
