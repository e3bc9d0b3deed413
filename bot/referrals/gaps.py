"""Where the rota has nobody, and who is told days before. Where no shift is planned at all the duty list serves, and
that is no gap: one lies between shifts, or where a rota ends or somebody is away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.referrals import access, words
from bot.referrals.clocks import Clocks, in_alert_hours
from bot.referrals.letters import letter
from bot.referrals.rota import LONGEST_SHIFT, Plan, Stretch
from bot.referrals.telling import tell
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.store.models import Message, Staff

AHEAD = timedelta(weeks=6)  # how far the calendar goes
EVE = timedelta(days=1)  # told once more so long before


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody has the shift from `start` on; `end` None: nothing is planned after it."""

    queue: str
    office: str
    start: datetime
    end: datetime | None


def places(plan: Plan) -> list[tuple[str, str]]:
    """Queues with a rota; where offices have shifts of their own, one place an office, else one for all ("")."""
    found: dict[str, set[str]] = {}
    for shift in plan.shifts:
        found.setdefault(shift.queue, set()).add(shift.office)
    return [
        (queue, office) for queue in access.QUEUES if queue in found for office in sorted(found[queue] - {""} or {""})
    ]


def calendar(plan: Plan, queue: str, office: str, start: datetime, end: datetime) -> tuple[list[Stretch], datetime]:
    """The stretches of a place between two moments, and up to when anything is planned there.

    What lies before its first shift or after its last one is left out, but for the time since a rota ended.
    """
    whole = plan.stretches(queue, office, start, end)
    planned = [number for number, one in enumerate(whole) if one.shifts]
    if not planned:
        return [], start
    return whole[planned[0] :], whole[planned[-1]].end


def gaps(plan: Plan, *, since: datetime, now: datetime, until: datetime) -> Iterator[Gap]:
    """Gaps that begin before `until` and are not over; `since` is where the plan begins to be known."""
    for queue, office in places(plan):
        stretches, planned = calendar(plan, queue, office, since, now + AHEAD)
        for one in stretches:
            if one.gap and one.start < until and one.end > now:
                yield Gap(queue, office, one.start, None if one.start >= planned else one.end)


def coming(session: Session, now: datetime, settings: Settings) -> list[Gap]:
    """The gaps of the next days (`rota_days_ahead`)."""
    since = now - LONGEST_SHIFT
    plan = Plan.read(session, since, now + AHEAD, zone=ZoneInfo(settings.timezone))
    until = now + timedelta(days=settings.rota_days_ahead)
    return list(gaps(plan, since=since, now=now, until=until))


def warn(database: Database, *, now: datetime, settings: Settings, ciphers: Ciphers) -> int:
    """Tell whoever plans a rota of its gaps, once days before and once the day before; returns how many were told.

    Running it again tells nobody twice: the id of a text derives from its gap. Nothing is told by night.
    """
    clocks, told = Clocks.of(settings), 0
    with database.transaction() as session:
        for gap in coming(session, now, settings):
            stage = "eve" if gap.start - now <= EVE else "first"
            name = f"gap|{stage}|{gap.queue}|{gap.office}|{gap.start.timestamp():.0f}"
            for staff in planners(session, gap):
                message_id = ciphers.derived_id(str(staff.id).encode(), name)
                if session.get(Message, message_id) is not None:
                    continue
                text = words.say(
                    "gap",
                    staff.language,
                    letter=letter(settings, gap.queue),
                    span=words.span(gap.start, gap.end, staff.language, clocks=clocks),
                )
                due = in_alert_hours(now, clocks=clocks)
                tell(
                    session,
                    staff,
                    text=text,
                    at=now,
                    due_at=due,
                    message_id=message_id,
                    ciphers=ciphers,
                    settings=settings,
                )
                told += 1
    return told


def planners(session: Session, gap: Gap) -> Iterator[Staff]:
    """Who plans this rota: the coordinator; of the sealed queue its own focal points."""
    for staff in session.scalars(select(Staff).where(Staff.active).order_by(Staff.id)):
        here = not staff.offices or not gap.office or gap.office in staff.offices
        if here and gap.queue in access.plans_rota(staff):
            yield staff
