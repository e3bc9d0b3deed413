"""What staff do with a referral: each is one step in one transaction, then the page says what was done."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.desk import reading
from bot.desk.blueprint import blueprint
from bot.desk.forms import CallForm, CloseForm, CodeForm, NoteForm
from bot.desk.referral_page import Shown, again, take
from bot.desk.services import now, services
from bot.desk.words import dates, say
from bot.referrals import handing_on, writing
from bot.referrals.words import shown
from bot.store.models import Referral, Staff


@blueprint.post("/referrals/<referral_id>/accept")
def accept(referral_id: str) -> ResponseReturnValue:
    """I take it."""

    def step(session: Session, staff: Staff, found: Referral) -> str:
        by = writing.accept(session, found, staff, now(), ciphers=services().ciphers, settings=services().settings)
        number = shown(found.ticket)
        if by is None:
            return say("%(ticket)s is yours. Do not call, do not write.", ticket=number)
        when = dates.day_and_hour(by, now())
        return say("%(ticket)s is yours. First call before %(when)s.", ticket=number, when=when)

    return take(referral_id, step)


@blueprint.post("/referrals/<referral_id>/refuse")
def refuse(referral_id: str) -> ResponseReturnValue:
    """I cannot: the next person is told."""

    def step(session: Session, staff: Staff, found: Referral) -> str:
        handing_on.refuse(session, found, staff, now())
        return say("%(ticket)s: noted, the next person is told.", ticket=shown(found.ticket))

    return take(referral_id, step, to="desk.today")


@blueprint.post("/referrals/<referral_id>/call")
def log_call(referral_id: str) -> ResponseReturnValue:
    """What came of a call, with a note or without."""
    form = CallForm()
    if not form.validate():
        return again(referral_id, Shown.of(call_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        at = now()
        writing.log_call(
            session, found, staff, form.result.data, at, ciphers=services().ciphers, settings=services().settings
        )
        if (form.note.data or "").strip():
            writing.note(session, found, staff, form.note.data, at, ciphers=services().ciphers)
        return say("Call noted, %(ticket)s.", ticket=shown(found.ticket))

    return take(referral_id, step)


@blueprint.post("/referrals/<referral_id>/note")
def note(referral_id: str) -> ResponseReturnValue:
    """A note without a call."""
    form = NoteForm()
    if not form.validate() or not form.note.data.strip():
        return again(referral_id, Shown.of(note_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        writing.note(session, found, staff, form.note.data, now(), ciphers=services().ciphers)
        return say("Note saved, %(ticket)s.", ticket=shown(found.ticket))

    return take(referral_id, step)


@blueprint.post("/referrals/<referral_id>/call-now")
def call_now(referral_id: str) -> ResponseReturnValue:
    """Leave "call you now?" for whoever types the number (safety 2)."""

    def step(session: Session, staff: Staff, found: Referral) -> str:
        if request.form.get("left") == "0":
            handing_on.withdraw_call_now(session, found, staff, now())
            return say("“Call you now?” is withdrawn, %(ticket)s.", ticket=shown(found.ticket))
        writing.leave_call_now(session, found, staff, now(), ciphers=services().ciphers, settings=services().settings)
        return say("“Call you now?” waits for the person, %(ticket)s.", ticket=shown(found.ticket))

    return take(referral_id, step)


@blueprint.post("/referrals/<referral_id>/code")
def set_code(referral_id: str) -> ResponseReturnValue:
    """Set the code; who may no longer see the referral afterwards lands on Today."""
    form = CodeForm(sorted(handing_on.needs()), None)
    if not form.validate():
        return again(referral_id, Shown.of(code_form=form))
    kept = []

    def step(session: Session, staff: Staff, found: Referral) -> str:
        handing_on.set_code(session, found, staff, form.code.data, now(), settings=services().settings)
        session.flush()
        kept.append(reading.seen(session, staff, referral_id) is not None)
        return say("Code set, %(ticket)s.", ticket=shown(found.ticket))

    return take(referral_id, step, to=lambda: "desk.referral" if kept[0] else "desk.today")


@blueprint.post("/referrals/<referral_id>/close")
def close(referral_id: str) -> ResponseReturnValue:
    """The end, with an outcome; nothing is sent."""
    form = CloseForm()
    if not form.validate():
        return again(referral_id, Shown.of(close_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        writing.close(
            session, found, staff, form.outcome.data, now(), ciphers=services().ciphers, settings=services().settings
        )
        return say("%(ticket)s is closed.", ticket=shown(found.ticket))

    return take(referral_id, step, to="desk.today")
