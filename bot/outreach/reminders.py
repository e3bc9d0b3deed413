"""What people are told of their appointments: that a day is set, three days and one day before it, and after a missed one.

Each notice is a question of its own, answered by 1, 2, 3 for 14 days without a code (flows/appointment.yaml). What is
due is found by the rows themselves, under a lock each, and its message is derived from them: killed between any two
lines it is written by the next run, once. Sources: domain rules (the process), safety 6, 11, docs/appointments.md.
"""

from __future__ import annotations

from datetime import date, datetime, time

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from bot.cases import appointments
from bot.kinds import Kind
from bot.messages import Channel
from bot.outbox import Draft, NotWritten, Question, put
from bot.outreach import lost, pushing
from bot.outreach.pushing import Run
from bot.referrals.replying import wrote_by_whatsapp
from bot.store.models import Appointment, Case, Contact

MOST = 200
SEARCHED_AFTER = 3  # missed days in a row: the first is answered by a friendly question, the second by a call
Due = tuple[Appointment, Case, Contact | None]


def remind(run: Run) -> int:
    """Look at up to 200 appointments whose next notice is due; how many there were."""
    due = (Appointment.remind_at <= run.at) & Appointment.state.in_(appointments.LIVE)
    found = _held(run, due, Appointment.remind_at)
    kept = run.kept_from(contact for _, _, contact in found)
    for one, case, contact in found:
        notice = _notice(one.day, run.clocks.local(run.at).date())
        one.remind_at = appointments.next_notice(one.day, run.at, calendar=run.calendar)
        if notice:
            told = _tell(run, one, case, contact, notice, kept)
            appointments.reminded(run.session, one, at=run.at, detail={"told": notice} | told)
    return len(found)


def follow_up(run: Run) -> int:
    """After a missed day, once nobody took the mark back: a friendly question, then a call by staff, then the search."""
    found = _held(run, (Appointment.follow_at <= run.at) & (Appointment.state == "NO_SHOW"), Appointment.follow_at)
    kept = run.kept_from(contact for _, _, contact in found)
    for one, case, contact in found:
        one.follow_at = None
        missed = appointments.missed_in_a_row(run.session, case.id)
        if missed >= SEARCHED_AFTER:
            lost.three_no_shows(run.session, case, at=run.at)
        elif missed == 1:
            _tell(run, one, case, contact, "missed", kept)
    return len(found)


def _held(run: Run, due: ColumnElement[bool], order: InstrumentedAttribute[datetime | None]) -> list[Due]:
    """Held file first, as every step on an appointment does; what a colleague holds right now comes with the next run."""
    of_files = (
        select(Case.id)
        .join(Appointment, Appointment.case_id == Case.id)
        .where(due)
        .order_by(order, Appointment.id)
        .limit(MOST)
        .with_for_update(of=Case, skip_locked=True)
    )
    ids = run.session.scalars(of_files).all()
    found = (
        select(Appointment, Case, Contact)
        .join(Case, Case.id == Appointment.case_id)
        .outerjoin(Contact, Contact.id == Case.contact_id)
        .where(due, Case.id.in_(ids))
        .order_by(order, Appointment.id)
        .with_for_update(of=Appointment)
        .execution_options(populate_existing=True)
    )
    return [(row.Appointment, row.Case, row.Contact) for row in run.session.execute(found)]


def _notice(day: date, today: date) -> str:
    """Which notice a day that far away calls for; "" on the day itself and after it."""
    left = (day - today).days
    return "" if left <= 0 else "one" if left == 1 else "three" if left <= max(appointments.REMIND_DAYS) else "new"


def _tell(
    run: Run, one: Appointment, case: Case, contact: Contact | None, notice: str, kept: frozenset[int]
) -> dict[str, str]:
    """Write the message; returns its id, or why there is none."""
    if case.stage not in appointments.FOLLOWED or contact is None or contact.id in kept:
        return {"why": "withheld"}
    if not pushing.may_push(run, case):
        return {"why": "withheld"}
    if contact.silent_since is not None:
        pushing.ask_to_verify(run, case, contact)
        return {"why": "verify"}
    if pushing.of_several(run, case):  # another one of this phone could answer for them: the code tells whose it is
        told = pushing.push(run, case, contact, "news", once=f"appointment|{one.id}|{notice}", kept=kept)
        return {"message": told.message_id} if told.message_id else {"why": "withheld"}
    message_id = run.ciphers.derived_id(f"appointment|{one.id}".encode(), notice)
    try:
        put(
            run.session,
            _draft(run, one, case, contact, notice, message_id),
            at=run.at,
            settings=run.settings,
            ciphers=run.ciphers,
        )
    except NotWritten as error:
        return {"why": error.reason}
    return {"message": message_id}


def _draft(run: Run, one: Appointment, case: Case, contact: Contact, notice: str, message_id: str) -> Draft:
    """By WhatsApp to whoever wrote there lately, else by SMS: a weekday at most, and only of the days to come."""
    entry = {"new": "appointment_new", "missed": "appointment_missed"}.get(notice, "appointment")
    values = {"appointment_id": str(one.id)} | ({"weekday": f"k:{one.day}"} if entry == "appointment" else {})
    channel = Channel.WHATSAPP if wrote_by_whatsapp(run.session, contact, run.at) else Channel.SMS
    state, language = run.content.flows.entries[entry], pushing.language(run, case, contact)
    words = {
        on: run.content.speak(state, values, channel=on, language=language).text
        for on in (Channel.SMS, Channel.WHATSAPP)
    }
    return Draft(
        Kind.REMINDER,
        channel,
        contact=contact,
        sms=words[Channel.SMS],
        whatsapp=words[Channel.WHATSAPP],
        case_id=case.id,
        due_at=run.calendar.next_push(run.at, case.region),
        expires_at=None if notice == "missed" else run.calendar.clocks.moment(one.day, time.min),
        budget=1,
        id=message_id,
        question=Question(entry, values),
    )
