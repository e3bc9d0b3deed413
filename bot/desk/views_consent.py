"""May it be passed on: the person's answer, taking it back, and acting without it with a second person."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.desk.blueprint import blueprint
from bot.desk.forms_steps import ConsentForm, WithoutForm
from bot.desk.referral_page import Shown, again, take
from bot.desk.services import now, services
from bot.desk.words import say
from bot.referrals import consents
from bot.referrals.words import shown
from bot.store.models import Referral, Staff


@blueprint.post("/referrals/<referral_id>/consents")
def note_consent(referral_id: str) -> ResponseReturnValue:
    """First the sentence to read out, then what the person said to it."""
    form = ConsentForm()
    if not form.validate():
        if form.receiver.errors or form.purpose.errors:
            return again(referral_id, Shown.of(consent_form=form))
        asked = (form.receiver.data, form.purpose.data)
        if "consent-answered" in request.form:
            return again(referral_id, Shown(forms={"consent_form": form}, asked=asked))
        return again(referral_id, Shown(forms={"consent_form": ConsentForm()}, asked=asked), status=200)

    def step(session: Session, staff: Staff, found: Referral) -> str:
        consents.note_answer(
            session, found, staff, receiver=form.receiver.data, purpose=form.purpose.data, answer=form.answer.data,
            language=form.language.data, channel=form.channel.data, at=now(),
        )  # fmt: skip
        return say("The answer is kept, %(ticket)s.", ticket=shown(found.ticket))

    return take(referral_id, step)


@blueprint.post("/referrals/<referral_id>/consents/<int:consent_id>/withdraw")
def withdraw_consent(referral_id: str, consent_id: int) -> ResponseReturnValue:
    """The person takes it back; it holds no more from now on."""

    def step(session: Session, staff: Staff, found: Referral) -> str:
        consents.withdraw(session, found, staff, consent_id, now())
        return say("Taken back: nothing more is passed on, %(ticket)s.", ticket=shown(found.ticket))

    return take(referral_id, step)


@blueprint.post("/referrals/<referral_id>/without-consent")
def act_without(referral_id: str) -> ResponseReturnValue:
    """Ask a second person to agree to pass it on without the person's yes."""
    form = WithoutForm()
    if not form.validate():
        return again(referral_id, Shown.of(without_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        consents.act_without(
            session, found, staff, receiver=form.receiver.data, purpose=form.purpose.data, right=form.right.data,
            reason=form.reason.data, at=now(), ciphers=services().ciphers,
        )  # fmt: skip
        return say(
            "A second person must agree first, %(ticket)s. Pass nothing on until then.", ticket=shown(found.ticket)
        )

    return take(referral_id, step, form=("without_form", form, "right"))


@blueprint.post("/referrals/<referral_id>/consents/<int:consent_id>/agree")
def agree_without(referral_id: str, consent_id: int) -> ResponseReturnValue:
    """The second person, on their own sign-in."""

    def step(session: Session, staff: Staff, found: Referral) -> str:
        consents.agree(session, found, staff, consent_id, now())
        return say("You agreed, %(ticket)s. It may be passed on now.", ticket=shown(found.ticket))

    return take(referral_id, step)
