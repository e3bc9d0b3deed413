"""A new number: joined to a file only after its code was given from that phone and a day went by, or by staff.

Within that day the phone shows no days and places, nothing is pushed to either number, and whoever gives the code from
the old one stops it: staff then decide. A phone that other files have, a child's file and a flagged one are joined by
staff alone. The old number hears of it only where its owner agreed to be texted. Sources: domain rules 5; safety 6, 10.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from bot.cases.writing import follow
from bot.errors import CaseError
from bot.kinds import Kind
from bot.messages import Delivery
from bot.outbox import Draft, NotWritten, put
from bot.outreach.pushing import Run, language
from bot.store.ciphers import Ciphers
from bot.store.models import Audit, Case, Contact, Message, NumberChange, Staff

LIMITED_FOR = timedelta(hours=24)
NOT_ASKED_AGAIN = timedelta(days=90)  # after "no, this is not my number"
OPEN = ("new", "doubted")
MOST = 100


def claim(session: Session, number: str, contact_id: int | None, *, yes: bool, turn: str, at: datetime) -> None:
    """The answer to "is this your new number?" after the code. The same turn again changes nothing."""
    case = session.scalars(select(Case).where(Case.number == number).with_for_update(key_share=True)).one_or_none()
    if case is None or contact_id is None or case.contact_id == contact_id:
        return
    known = exists().where(NumberChange.turn == turn)
    standing = exists().where(NumberChange.case_id == case.id, NumberChange.state.in_(OPEN))
    if session.scalar(select(known)) or session.scalar(select(standing)):
        return
    state = "new" if yes else "no"
    change = NumberChange(
        case_id=case.id, before_id=case.contact_id, contact_id=contact_id, at=at, turn=turn, state=state
    )
    change.confirmed_at = None if yes else at  # nothing is left for staff to confirm
    session.add(change)
    if yes:  # what is queued about the file waits until it is settled, or grows old
        queued = (Message.case_id == case.id, Message.state == Delivery.QUEUED, Message.kind == Kind.REMINDER)
        held = {"due_at": Message.expires_at, "lease_until": None}  # nor does it hold up what stands behind it
        session.execute(update(Message).where(*queued, Message.expires_at.is_not(None)).values(held))


def doubt(session: Session, case: Case) -> None:
    """The old phone gave the code while a change waits: two phones say that they are this person's."""
    waiting = select(NumberChange).where(NumberChange.case_id == case.id, NumberChange.state == "new")
    for change in session.scalars(waiting.with_for_update()):
        change.state = "doubted"


def settle(run: Run) -> int:
    """Tell old numbers, then join what waited for a day; how many were joined."""
    waiting = select(NumberChange).where(NumberChange.state == "new").order_by(NumberChange.at).limit(MOST)
    joined = 0
    for change in run.session.scalars(waiting.with_for_update(skip_locked=True)).all():
        case = run.session.get_one(Case, change.case_id, with_for_update={"key_share": True})
        _tell_old(run, case, change)
        if run.at - change.at < LIMITED_FOR:
            continue
        if case.contact_id != change.before_id or has_other_files(run.session, change.contact_id, case):
            change.state = "doubted"  # an import or a colleague was first, or the phone is shared by now
            continue
        case.contact_id, change.state, change.joined_at = change.contact_id, "joined", run.at
        follow(run.session, [case.number], at=run.at)
        joined += 1
    return joined


def confirm(session: Session, change_id: int, *, staff: Staff, proof: str, at: datetime) -> Case:
    """Staff spoke with the person, who has the new number: it is the file's. Raises CaseError `moved_on`."""
    change, case = _open(session, change_id)
    _join(session, case, change.contact_id)
    change.state, change.joined_at = "joined", change.joined_at or at
    _settled(session, change, case, staff, "number_confirmed", proof=proof, at=at)
    return case


def refuse(session: Session, change_id: int, *, staff: Staff, proof: str, at: datetime) -> Case:
    """It is not the person's number: the file has the old one, again where it was joined. Raises CaseError `moved_on`."""
    change, case = _open(session, change_id)
    if change.state == "joined" and case.contact_id == change.contact_id:
        case.contact_id = change.before_id
    change.state = "refused"
    _settled(session, change, case, staff, "number_refused", proof=proof, at=at)
    return case


def change_by_staff(
    session: Session, case: Case, number: str, *, shared: bool, staff: Staff, proof: str, at: datetime, ciphers: Ciphers
) -> None:
    """Give a file another number (E.164). Raises CaseError: `same_number`, or `number_taken` where others have it, unless `shared`."""
    digest = ciphers.address(number).digest
    contact = session.scalars(select(Contact).where(Contact.digest == digest)).one_or_none()
    if contact is None:
        contact = Contact(
            digest=digest, number_enc=ciphers.encrypt(number.encode(), f"contacts|{digest}|number".encode())
        )
        session.add(contact)
        session.flush()
    if case.contact_id == contact.id:
        raise CaseError("same_number")
    if has_other_files(session, contact.id, case) and not shared:
        raise CaseError("number_taken")
    for change in session.scalars(
        select(NumberChange).where(NumberChange.case_id == case.id, NumberChange.state.in_(OPEN)).with_for_update()
    ):
        change.state, change.confirmed_at, change.confirmed_by = "refused", at, staff.id
    _join(session, case, contact.id, shared=shared)
    follow(session, [case.number], at=at)
    contact.silent_since = contact.verify_asked_at = None  # somebody of ours knows whose it is
    _audit(session, staff, "number_changed", case, at, proof=proof)


def has_other_files(session: Session, contact_id: int, case: Case) -> bool:
    """Is this phone that of another file too?"""
    other = exists().where(Case.contact_id == contact_id, Case.id != case.id)
    return bool(session.scalar(select(other)))


def _open(session: Session, change_id: int) -> tuple[NumberChange, Case]:
    change = session.get(NumberChange, change_id, with_for_update=True)
    if change is None or change.confirmed_at is not None:
        raise CaseError("moved_on")
    return change, session.get_one(Case, change.case_id, with_for_update={"key_share": True})


def _join(session: Session, case: Case, contact_id: int, *, shared: bool = False) -> None:
    case.contact_id = contact_id
    if shared or has_other_files(session, contact_id, case):
        for one in session.scalars(select(Case).where(Case.contact_id == contact_id)):
            one.phone_shared = True
        case.phone_shared = True
    else:
        case.phone_shared = False


def _tell_old(run: Run, case: Case, change: NumberChange) -> None:
    """Once, in words that name nothing; only to whoever agreed to be texted on a phone that others may read."""
    before = run.session.get(Contact, change.before_id) if change.before_id is not None else None
    message_id = run.ciphers.derived_id(f"case|{case.id}".encode(), f"outreach|number|{change.id}")
    if before is None or before.texts != "yes" or before.id in run.kept_from([before]):
        return
    if run.session.get(Message, message_id) is not None:
        return
    text = run.content.push("number", language(run, case, before))
    due = run.calendar.next_push(run.at, case.region)
    draft = Draft(Kind.REMINDER, contact=before, sms=text, case_id=case.id, due_at=due, budget=1, id=message_id)
    try:
        put(run.session, draft, at=run.at, settings=run.settings, ciphers=run.ciphers)
    except NotWritten:
        return


def _settled(
    session: Session, change: NumberChange, case: Case, staff: Staff, action: str, *, proof: str, at: datetime
) -> None:
    change.confirmed_at, change.confirmed_by = at, staff.id
    follow(session, [case.number], at=at)
    _audit(session, staff, action, case, at, proof=proof)


def _audit(session: Session, staff: Staff, action: str, case: Case, at: datetime, *, proof: str) -> None:
    session.add(Audit(staff_id=staff.id, at=at, action=action, subject=f"case:{case.id}", detail={"proof": proof}))
