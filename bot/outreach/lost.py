"""Lost contact: who was tried and not reached, who is searched for, and the phones from which nothing was heard.

Three attempts on three days over two ways, or three appointments missed in a row, open a search (domain rules). A
colleague then sets the file to LOST_CONTACT; the coordinator looks at it again after 90 days. The right code, from
whatever phone, ends it (safety 13).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from bot.cases import stages
from bot.config import Settings
from bot.errors import CaseError
from bot.outreach.numbers import doubt
from bot.outreach.pushing import NOT_BY_MACHINE, Run, ask_to_verify, may_push
from bot.store.models import Audit, Case, Contact, ContactAttempt, LostContact, Staff

SILENT_FOR = timedelta(days=180)  # after so long somebody else may have the number
ENOUGH = 3  # attempts, on as many days
WAYS = ("call", "sms", "whatsapp", "visit", "relative")
LEAST_WAYS = 2
REVIEW = timedelta(days=90)
MOST = 200
ENDED = (*NOT_BY_MACHINE, "FINALISED")  # nothing is pushed about these, or nothing more is due


def tried_enough(attempts: Iterable[ContactAttempt], *, zone: ZoneInfo) -> bool:
    """Three attempts on three days over two ways, and since whoever was reached last."""
    days, ways = set[date](), set[str]()
    for one in sorted(attempts, key=lambda one: one.at, reverse=True):
        if one.reached:
            break
        days.add(one.at.astimezone(zone).date())
        ways.add(one.way)
    return len(days) >= ENOUGH and len(ways) >= LEAST_WAYS


def note_attempt(
    session: Session, case: Case, *, way: str, reached: bool, staff: Staff, at: datetime, settings: Settings
) -> None:
    """Somebody tried to reach the person. The third of them in vain opens a search, the first that worked ends it."""
    zone = ZoneInfo(settings.timezone)
    session.add(ContactAttempt(case_id=case.id, at=at, way=way, reached=reached, staff_id=staff.id))
    _audit(session, staff, "attempt_noted", case, at, way=way, reached=reached)
    session.flush()
    if reached:
        found(session, case, by=f"staff:{staff.id}", at=at, today=at.astimezone(zone).date())
    elif tried_enough(_attempts(session, case), zone=zone):
        open_search(session, case, why="no_answer", at=at)


def three_no_shows(session: Session, case: Case, *, at: datetime) -> None:
    """Three appointments were missed, and the calls between them: the search begins."""
    open_search(session, case, why="no_shows", at=at)


def open_search(session: Session, case: Case, *, why: str, at: datetime) -> LostContact | None:
    """One open search a file; none where nobody is searched for any more."""
    if case.stage in ENDED and case.stage != "LOST_CONTACT":
        return None
    standing = search(session, case)
    if standing is None:
        standing = LostContact(case_id=case.id, opened_at=at, why=why)
        session.add(standing)
        session.flush()
    return standing


def search(session: Session, case: Case) -> LostContact | None:
    """The open search for the person of a file."""
    return session.scalars(
        select(LostContact).where(LostContact.case_id == case.id, LostContact.ended_at.is_(None)).with_for_update()
    ).one_or_none()


def declare(session: Session, case: Case, *, staff: Staff, at: datetime, today: date) -> None:
    """Set the file to LOST_CONTACT; raises CaseError `not_searched` without a search, `moved_on` where it is already."""
    standing = search(session, case)
    if standing is None:
        raise CaseError("not_searched")
    if standing.declared_at is not None or case.stage in ENDED:
        raise CaseError("moved_on")
    standing.declared_at, standing.declared_by, standing.review_at = at, staff.id, today + REVIEW
    stages.move(session, case, "LOST_CONTACT", by=f"staff:{staff.id}", at=at, since=today, reason=standing.why)
    _audit(session, staff, "lost_contact_declared", case, at, why=standing.why)


def review(session: Session, case: Case, *, staff: Staff, at: datetime, today: date) -> None:
    """The coordinator looked again, and the search goes on; raises CaseError `moved_on` where it ended."""
    standing = search(session, case)
    if standing is None or standing.review_at is None:
        raise CaseError("moved_on")
    standing.review_at = today + REVIEW
    _audit(session, staff, "lost_contact_reviewed", case, at)


def found(session: Session, case: Case, *, by: str, at: datetime, today: date) -> None:
    """The person was heard of: the search ends, and the file goes on where it was."""
    standing = search(session, case)
    if standing is not None:
        standing.ended_at = at
    if case.stage == "LOST_CONTACT" and case.resume_stage:
        stages.move(session, case, case.resume_stage, by=by, at=at, since=today, reason="contact")


def opened_with_code(session: Session, number: str, contact_id: int | None, *, at: datetime) -> None:
    """A file was opened with its code: its search ends, and the phone, if it is the file's own, is known again."""
    case = session.scalars(select(Case).where(Case.number == number)).one_or_none()
    contact = session.get(Contact, contact_id) if contact_id is not None else None
    if case is None or contact is None:
        return
    contact.proved_at = at
    standing = search(session, case)
    if standing is not None:
        standing.ended_at = at
    if case.contact_id == contact.id:
        contact.silent_since = contact.verify_asked_at = None
        doubt(session, case)


def mark_silent(run: Run) -> int:
    """Phones of files under way from which nothing came for 180 days: asked to give the code; how many there were."""
    heard = func.coalesce(Contact.last_seen_at, Contact.first_seen_at)
    own = exists().where(Case.contact_id == Contact.id, Case.stage.not_in(ENDED))
    query = select(Contact).where(Contact.silent_since.is_(None), heard < run.at - SILENT_FOR, own)
    silent = run.session.scalars(query.order_by(Contact.id).limit(MOST).with_for_update(skip_locked=True)).all()
    kept = run.kept_from(silent)
    for contact in silent:
        contact.silent_since = run.at
        files = select(Case).where(Case.contact_id == contact.id, Case.stage.not_in(ENDED)).order_by(Case.id)
        case = next((one for one in run.session.scalars(files) if may_push(run, one)), None)
        if case is not None and contact.id not in kept:
            ask_to_verify(run, case, contact)
    return len(silent)


def _attempts(session: Session, case: Case) -> list[ContactAttempt]:
    return list(session.scalars(select(ContactAttempt).where(ContactAttempt.case_id == case.id)))


def _audit(session: Session, staff: Staff, action: str, case: Case, at: datetime, **detail: object) -> None:
    session.add(Audit(staff_id=staff.id, at=at, action=action, subject=f"case:{case.id}", detail=dict(detail)))
