"""Visits and calls once the kit is there: planned, done, and what was found in a few codes. Usually two or three a file."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.cases import process
from bot.cases.process import Mover
from bot.errors import CaseError
from bot.referrals import access
from bot.store.models import Audit, Case, Visit

WAYS = ("visit", "call")
FINDINGS = ("running", "slow", "stopped", "broken", "stock", "animals", "helped_by_others", "not_found", "again")


@dataclass(frozen=True, slots=True)
class Found:
    """What a visit found: codes of FINDINGS, and a note that stays encrypted."""

    done_on: date
    way: str
    findings: tuple[str, ...]
    note: str = ""


def of_case(session: Session, case: Case) -> list[Visit]:
    """The visits of a file, the latest first."""
    return list(session.scalars(select(Visit).where(Visit.case_id == case.id).order_by(Visit.planned_on.desc())))


def plan(session: Session, case_id: int, day: date, way: str, mover: Mover) -> None:
    """Plan one; twice for one day is one. Raises CaseError: `not_found`, `not_allowed`, `wrong_day` (gone by)."""
    case = _held(session, case_id, mover)
    if day < mover.today:
        raise CaseError("wrong_day")
    row = insert(Visit).values(case_id=case.id, way=way, planned_on=day, planned_by=mover.staff.id)
    session.execute(row.on_conflict_do_nothing(index_elements=["case_id", "planned_on"]))
    _audit(session, mover, "visit_planned", case, day=day.isoformat())


def done(session: Session, case_id: int, visit_id: int, found: Found, mover: Mover) -> None:
    """Write down what was found: the file is known as of that day. A second time changes nothing.

    Raises CaseError: `not_found`, `not_allowed`, `wrong_day` (to come).
    """
    case = _held(session, case_id, mover)
    visit = session.get(Visit, visit_id)
    if visit is None or visit.case_id != case.id:
        raise CaseError("not_found")
    if found.done_on > mover.today:
        raise CaseError("wrong_day")
    if visit.done_on is not None:
        return
    _write_down(session, case, visit, found, mover)


def record(session: Session, case_id: int, found: Found, mover: Mover) -> None:
    """Write down a visit that a list tells of, planned or not; what is there already, with more or without, stays.

    Raises CaseError: `not_found`, `not_allowed`, `wrong_day` (to come).
    """
    case = _held(session, case_id, mover)
    if found.done_on > mover.today:
        raise CaseError("wrong_day")
    that_day = or_(Visit.planned_on == found.done_on, Visit.done_on == found.done_on)
    visit = session.scalar(select(Visit).where(Visit.case_id == case.id, that_day).order_by(Visit.done_on).limit(1))
    if visit is None:
        visit = Visit(case_id=case.id, planned_on=found.done_on, planned_by=mover.staff.id)
        session.add(visit)
    elif (visit.done_on, visit.way) == (found.done_on, found.way) and set(found.findings) <= set(visit.findings):
        return
    _write_down(session, case, visit, found, mover)


def _write_down(session: Session, case: Case, visit: Visit, found: Found, mover: Mover) -> None:
    visit.done_on, visit.done_by, visit.way = found.done_on, mover.staff.id, found.way
    visit.findings = list(found.findings)
    if found.note.strip():
        visit.note_enc = mover.ciphers.encrypt(found.note.strip().encode(), f"visits|{case.id}|note".encode())
    if "not_found" not in found.findings:  # nobody was spoken with
        case.known_on = max(case.known_on or found.done_on, found.done_on)
    _audit(session, mover, "visit_done", case, findings=list(found.findings))


def _held(session: Session, case_id: int, mover: Mover) -> Case:
    case = process.held(session, case_id, mover.staff)
    if not access.notes_progress(mover.staff):
        raise CaseError("not_allowed")
    return case


def _audit(session: Session, mover: Mover, action: str, case: Case, **detail: object) -> None:
    session.add(
        Audit(staff_id=mover.staff.id, at=mover.at, action=action, subject=f"case:{case.id}", detail=dict(detail))
    )
