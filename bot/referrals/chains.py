"""Who is told in which order: whoever has the shift, then the duty list of the queue, then those who are away; never
anybody who must not see the referral (safety 18).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.referrals.access import CRITICAL_QUEUES, ROLES, may_see, queue_of
from bot.referrals.rota import Plan
from bot.store.models import Alert, Case, Duty, Ladder, Referral, Staff

ENOUGH = 2  # people a critical queue needs
Roster = dict[tuple[str, str], list[Staff]]  # people in order, by queue and office, at one moment


@dataclass(frozen=True, slots=True)
class Rung:
    """Somebody to tell: a person of the staff, or (None) the hotline outside the office."""

    staff: Staff | None

    @property
    def key(self) -> int:
        """The staff id; 0 is the hotline."""
        return self.staff.id if self.staff is not None else 0


def chain(
    session: Session, referral: Referral, *, at: datetime, settings: Settings, roster: Roster | None = None
) -> list[Rung]:
    """The rungs of a referral at a moment, first told first; never anybody who may not see it.

    Whoever has the shift; then duty of its own office, then duty of all offices; then those away. A queue without any duty list falls back to everybody
    whose role serves it: better somebody unprepared than nobody. Empty only where nobody exists at all.
    `roster` keeps what was read of the duty lists, for callers with many referrals in one transaction.
    """
    roster = {} if roster is None else roster
    place = (queue_of(referral), referral.office)
    if place not in roster:
        roster[place] = _in_order(session, *place, at=at, settings=settings)
    its_case = session.get(Case, referral.case_id) if referral.case_id is not None else None
    rungs: dict[int, Rung] = {}
    for staff in roster[place]:
        if staff.phone_enc is not None and may_see(staff, referral, case=its_case):
            rungs.setdefault(staff.id, Rung(staff))
    if not rungs:
        rungs = {
            staff.id: Rung(staff)
            for staff in _of_role(session, queue_of(referral))
            if may_see(staff, referral, case=its_case)
        }
    found = list(rungs.values())
    if queue_of(referral) == "sealed" and settings.outside_hotline:
        found.append(Rung(None))  # never anyone inside
    return found


def untold(session: Session, rungs: list[Rung], ladder: Ladder) -> list[Rung]:
    """Those of the chain whom this round has not told yet, in order; empty: the round is over.

    What was not solved goes first to the one after whoever closed it.
    """
    place = next((n for n, rung in enumerate(rungs, start=1) if rung.key == ladder.begins_after), 0)
    rungs = rungs[place:] + rungs[:place]
    if not ladder.rung:
        return rungs  # a round begins
    alerts = select(Alert.staff_id).where(Alert.referral_id == ladder.referral_id, Alert.round == ladder.round)
    told = set(session.scalars(alerts))
    if ladder.rung > len(told):
        told.add(0)  # the hotline has no alert of its own
    return [rung for rung in rungs if rung.key not in told]


def _in_order(session: Session, queue: str, office: str, *, at: datetime, settings: Settings) -> list[Staff]:
    listed = {staff.id: staff for staff in _on_duty(session, queue, office=office)}
    plan = Plan.read(session, at, at + timedelta(microseconds=1), zone=ZoneInfo(settings.timezone))
    standing = plan.standing(queue, "" if queue == "sealed" else office, at)
    for staff_id in standing.on_shift:
        if staff_id not in listed:
            listed[staff_id] = session.get_one(Staff, staff_id)
    return sorted(listed.values(), key=lambda staff: standing.order(staff.id))


def faults(session: Session, settings: Settings) -> list[str]:
    """What forbids to start in production: a critical queue with fewer than two people, a sentence each."""
    offices = sorted({"", *session.scalars(select(Case.office).distinct())})
    found = []
    for queue in CRITICAL_QUEUES:
        short = [office for office in offices if len(_duty_people(session, queue, office)) < ENOUGH]
        if short:
            where = ", ".join(office or "people without a case" for office in short)
            found.append(
                f"queue {queue} has fewer than {ENOUGH} people with a phone on its duty list ({where}); "
                "add them with `maraba staff add`, which also gives them a place in the list"
            )
    return found


def _duty_people(session: Session, queue: str, office: str) -> set[int]:
    sample = Referral(queue=queue, office=office, sealed=queue == "sealed", level="critical", code=None)
    return {
        staff.id
        for staff in _on_duty(session, queue, office=office)
        if staff.phone_enc is not None and may_see(staff, sample)
    }


def _on_duty(session: Session, queue: str, *, office: str) -> Iterator[Staff]:
    # The seal hides the office too: whoever came "from outside this office" is served by every focal point.
    # Who has no office (no case yet) may be anywhere: whoever is on duty, all-office people first.
    places = select(Duty).where(Duty.queue == queue)
    if queue != "sealed" and office:
        places = places.where(Duty.office.in_({office, ""}))
    own_first = case((Duty.office == office, 0), else_=1)
    for duty in session.scalars(places.order_by(own_first, Duty.position, Duty.id)):
        yield duty.staff


def _of_role(session: Session, queue: str) -> Iterator[Staff]:
    roles = [name for name, role in ROLES.items() if queue in role.usual and name != "coordinator"]
    yield from session.scalars(
        select(Staff).where(Staff.role.in_(roles), Staff.active, Staff.phone_enc.is_not(None)).order_by(Staff.id)
    )
