"""What staff do with a referral: each is one step in one transaction, then the page says what was done."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.desk import sealed_page
from bot.desk.blueprint import blueprint
from bot.desk.forms import CHOOSE, CallForm, NoteForm
from bot.desk.forms_steps import ONLY_SPOKEN, RefuseForm, TermsForm
from bot.desk.referral_page import Shown, again, take
from bot.desk.services import now, services
from bot.desk.words import dates, say
from bot.referrals import handing_on, said_terms, writing
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
    """I cannot, and why: the next person is told."""
    form = RefuseForm()
    if not form.validate():
        return again(referral_id, Shown.of(refuse_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        handing_on.refuse(session, found, staff, form.reason.data, now())
        return say("%(ticket)s: noted, the next person is told.", ticket=shown(found.ticket))

    return take(referral_id, step, to="desk.today")


@blueprint.post("/referrals/<referral_id>/call")
def log_call(referral_id: str) -> ResponseReturnValue:
    """What came of a call, with a note or without, and what the person said about the next one."""
    form, terms = CallForm(), TermsForm()
    valid = form.validate() & terms.validate()
    if valid and terms.may_call.data and form.result.data != "spoke":
        terms.may_call.errors, valid = [ONLY_SPOKEN], False
    if not valid:
        return again(referral_id, Shown.of(call_form=form, terms_form=terms))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        at, ciphers, settings = now(), services().ciphers, services().settings
        writing.log_call(session, found, staff, form.result.data, at, ciphers=ciphers, settings=settings)
        if terms.may_call.data:
            said = _said(terms, "voice")
            opened = sealed_page.opened(session, staff, found)
            said_terms.say_terms(session, found, staff, said, at, opened=opened, ciphers=ciphers, settings=settings)
        if (form.note.data or "").strip():
            writing.note(session, found, staff, form.note.data, at, ciphers=ciphers)
        return say("Call noted, %(ticket)s.", ticket=shown(found.ticket))

    return take(referral_id, step)


@blueprint.post("/referrals/<referral_id>/terms")
def say_terms(referral_id: str) -> ResponseReturnValue:
    """How the person may be reached, as they say it to us by themselves, by phone or face to face."""
    form = TermsForm()
    valid = form.validate()
    if valid and not form.may_call.data:
        form.may_call.errors, valid = [CHOOSE], False
    if not valid:
        return again(referral_id, Shown.of(terms_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        said_terms.say_terms(
            session, found, staff, _said(form, form.how.data or "voice"), now(),
            opened=sealed_page.opened(session, staff, found), ciphers=services().ciphers, settings=services().settings,
        )  # fmt: skip
        return say("What the person said is kept, %(ticket)s.", ticket=shown(found.ticket))

    return take(referral_id, step)


def _said(form: TermsForm, how: str) -> said_terms.Said:
    return said_terms.Said(
        may_call=form.may_call.data == "yes",
        window=form.window.data or "any",
        number=form.e164 or "",
        text=form.text.data == "yes",
        who_answers=form.who_answers.data or "",
        cover_phrase=form.cover_phrase.data or "",
        how=how,
    )


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
