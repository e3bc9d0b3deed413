"""The rota: who is on duty when, who stands in for whom, who is away, and where nobody is.

A queue without shifts is served by its duty list at every hour. Where there are shifts, whoever has the shift is told
first, then the rest of the list; whoever is away stands last, for somebody on leave is better than nobody (safety 17).
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from bot.errors import ReferralError
from bot.referrals.access import serves
from bot.store.models import Absence, Audit, Shift, Staff

LONGEST_SHIFT = timedelta(days=8)
MOST_WEEKS = 26  # that one form plans ahead


@dataclass(frozen=True, slots=True)
class Standing:
    """At one moment, for one queue and office: staff ids on shift, first told first, and staff ids away."""

    on_shift: tuple[int, ...] = ()
    away: frozenset[int] = frozenset()

    def order(self, staff_id: int) -> tuple[bool, int]:
        """Sorts a duty list: on shift, then as the list has it, then away."""
        place = self.on_shift.index(staff_id) if staff_id in self.on_shift else len(self.on_shift)
        return staff_id in self.away, place


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the calendar with one answer to "who?"; nobody: a gap."""

    start: datetime
    end: datetime
    people: tuple[int, ...] = ()
    shifts: tuple[int, ...] = ()

    @property
    def gap(self) -> bool:
        """Nobody who is there has the shift."""
        return not self.people


@dataclass(slots=True)
class Plan:
    """Shifts and absences that touch a span of time, read once."""

    zone: ZoneInfo
    shifts: list[Shift] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)

    @classmethod
    def read(cls, session: Session, start: datetime, end: datetime, *, zone: ZoneInfo) -> "Plan":
        """Everything between two moments."""
        first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
        shifts = select(Shift).where(Shift.starts_at < end, Shift.ends_at > start).order_by(Shift.starts_at, Shift.id)
        absences = select(Absence).where(Absence.first_day <= last, Absence.last_day >= first)
        return cls(zone, list(session.scalars(shifts)), list(session.scalars(absences)))

    def standing(self, queue: str, office: str, at: datetime) -> Standing:
        """Who has the shift of this queue and office, deputies in place of those away. `office` "": everybody's."""
        away = self.away(at)
        now = [shift for shift in self._of(queue, office) if shift.starts_at <= at < shift.ends_at]
        now.sort(key=lambda shift: (shift.office != office, shift.starts_at))
        return Standing(tuple(dict.fromkeys(_present(now, away))), away)

    def away(self, at: datetime) -> frozenset[int]:
        """Who is away on the day of `at`, by office time."""
        day = at.astimezone(self.zone).date()
        return frozenset(one.staff_id for one in self.absences if one.first_day <= day <= one.last_day)

    def stretches(self, queue: str, office: str, start: datetime, end: datetime) -> list[Stretch]:
        """The calendar of a queue between two moments, cut wherever the answer changes; gaps among them.

        Empty where the queue has no shift at all in that time: its duty list serves it.
        """
        shifts = self._of(queue, office)
        if not shifts:
            return []
        marks = sorted({start, end, *self._midnights(start, end), *self._edges(shifts, start, end)})
        found: list[Stretch] = []
        for begin, finish in itertools.pairwise(marks):
            here = [shift for shift in shifts if shift.starts_at <= begin < shift.ends_at]
            people = tuple(dict.fromkeys(_present(here, self.away(begin))))
            stretch = Stretch(begin, finish, people, tuple(shift.id for shift in here))
            if found and (found[-1].people, found[-1].shifts) == (people, stretch.shifts):
                stretch = Stretch(found.pop().start, finish, people, stretch.shifts)
            found.append(stretch)
        return found

    def _of(self, queue: str, office: str) -> list[Shift]:
        return [shift for shift in self.shifts if shift.queue == queue and (not office or shift.office in ("", office))]

    def _edges(self, shifts: Iterable[Shift], start: datetime, end: datetime) -> set[datetime]:
        edges = {edge for shift in shifts for edge in (shift.starts_at, shift.ends_at)}
        return {edge for edge in edges if start < edge < end}

    def _midnights(self, start: datetime, end: datetime) -> set[datetime]:
        """Where an absence may begin or end."""
        days = {day for one in self.absences for day in (one.first_day, one.last_day + timedelta(days=1))}
        midnights = {datetime.combine(day, time(), self.zone) for day in days}
        return {midnight for midnight in midnights if start < midnight < end}


def put_shift(
    session: Session,
    by: Staff,
    *,
    queue: str,
    office: str,
    staff: Staff,
    deputy: Staff | None,
    starts_at: datetime,
    ends_at: datetime,
    weeks: int = 1,
) -> list[Shift]:
    """Plan a shift, and the same one in the following weeks. Raises ReferralError: `span`, `deputy`, `weeks`, and
    `serves` for somebody who does not serve the queue.

    Shifts may overlap: then several people are on duty. The same shift twice is one.
    """
    if not timedelta() < ends_at - starts_at <= LONGEST_SHIFT:
        raise ReferralError("span")
    if not 1 <= weeks <= MOST_WEEKS:
        raise ReferralError("weeks")
    if deputy is not None and deputy.id == staff.id:
        raise ReferralError("deputy")
    if any(queue not in serves(one) for one in (staff, deputy) if one is not None):
        raise ReferralError("serves")
    planned = []
    for week in range(weeks):
        later = timedelta(weeks=week)
        same = select(Shift).where(
            Shift.queue == queue,
            Shift.office == office,
            Shift.staff_id == staff.id,
            Shift.starts_at == starts_at + later,
        )
        shift = session.scalars(same).one_or_none() or Shift(
            queue=queue, office=office, staff_id=staff.id, starts_at=starts_at + later
        )
        shift.ends_at, shift.deputy_id = ends_at + later, deputy.id if deputy else None
        session.add(shift)
        planned.append(shift)
    session.add(Audit(staff_id=by.id, action="shift_put", subject=f"queue:{queue}", detail={"weeks": weeks}))
    session.flush()
    return planned


def drop_shift(session: Session, by: Staff, shift: Shift, *, following: bool = False) -> list[Shift]:
    """Take a shift out of the rota; `following`: the same one of later weeks too. Returns what was taken out."""
    dropped = [shift]
    if following:
        later = select(Shift).where(
            Shift.queue == shift.queue,
            Shift.office == shift.office,
            Shift.staff_id == shift.staff_id,
            Shift.starts_at > shift.starts_at,
        )
        week = timedelta(weeks=1)
        dropped += [one for one in session.scalars(later) if not (one.starts_at - shift.starts_at) % week]
    for one in dropped:
        session.delete(one)
    detail = {"shifts": len(dropped)}
    session.add(Audit(staff_id=by.id, action="shift_dropped", subject=f"queue:{shift.queue}", detail=detail))
    return dropped


def drop_absence(session: Session, by: Staff, absence: Absence) -> None:
    """Somebody is there after all."""
    session.delete(absence)
    session.add(Audit(staff_id=by.id, action="absence_dropped", subject=f"staff:{absence.staff_id}"))


def uncovered(session: Session, staff_id: int, first_day: date, last_day: date, *, zone: ZoneInfo) -> list[Shift]:
    """Shifts of somebody who is away on these days, with no deputy who is there."""
    start = datetime.combine(first_day, time(), zone)
    end = datetime.combine(last_day + timedelta(days=1), time(), zone)
    plan = Plan.read(session, start, end, zone=zone)
    mine = [one for one in plan.shifts if one.staff_id == staff_id]
    return [one for one in mine if one.deputy_id is None or one.deputy_id in plan.away(max(one.starts_at, start))]


def put_absence(session: Session, by: Staff, staff: Staff, first_day: date, last_day: date) -> Absence:
    """Somebody is away, both days included; why is nobody's business. Raises ReferralError: `span`."""
    if not timedelta() <= last_day - first_day <= timedelta(days=366):
        raise ReferralError("span")
    same = select(Absence).where(Absence.staff_id == staff.id, Absence.first_day == first_day)
    absence = session.scalars(same).one_or_none() or Absence(staff_id=staff.id, first_day=first_day)
    absence.last_day = last_day
    session.add(absence)
    session.add(Audit(staff_id=by.id, action="absence_put", subject=f"staff:{staff.id}"))
    session.flush()
    return absence


def forget_leaver(session: Session, staff_id: int, at: datetime) -> None:
    """Somebody no longer works here: shifts to come lose them, deputies take over where there are any."""
    theirs = select(Shift).where(Shift.staff_id == staff_id, Shift.ends_at > at)
    for shift in session.scalars(theirs).all():
        if shift.deputy_id is None:
            session.delete(shift)
        else:
            shift.staff_id, shift.deputy_id = shift.deputy_id, None
    session.flush()
    for shift in session.scalars(select(Shift).where(Shift.deputy_id == staff_id, Shift.ends_at > at)).all():
        shift.deputy_id = None
    session.execute(delete(Absence).where(or_(Absence.staff_id == staff_id), Absence.last_day >= at.date()))


def _present(shifts: Iterable[Shift], away: frozenset[int]) -> Iterable[int]:
    """Of each shift whoever is there: its person, else the deputy. Deputies of those present come after all."""
    reserve = []
    for shift in shifts:
        if shift.staff_id not in away:
            yield shift.staff_id
            if shift.deputy_id is not None and shift.deputy_id not in away:
                reserve.append(shift.deputy_id)
        elif shift.deputy_id is not None and shift.deputy_id not in away:
            yield shift.deputy_id
    yield from reserve
