"""Flags with a day on a referral."""

from __future__ import annotations

from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.desk.blueprint import blueprint
from bot.desk.forms_steps import FlagForm
from bot.desk.referral_page import Shown, again, take
from bot.desk.services import now
from bot.desk.words import dates, say
from bot.referrals import flags
from bot.referrals.words import shown
from bot.store.models import Referral, Staff


@blueprint.post("/referrals/<referral_id>/flags")
def put_flag(referral_id: str) -> ResponseReturnValue:
    """Remind of something on a day."""
    form = FlagForm()
    if not form.validate():
        return again(referral_id, Shown.of(flag_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        at = now()
        flags.put_flag(session, found, staff, form.word.data, form.until.data, at, today=dates.local(at).date())
        return say(
            "Reminder set for %(day)s, %(ticket)s.", day=dates.short_date(form.until.data), ticket=shown(found.ticket)
        )

    return take(referral_id, step, form=("flag_form", form, "until"))


@blueprint.post("/referrals/<referral_id>/flags/<int:flag_id>/end")
def end_flag(referral_id: str, flag_id: int) -> ResponseReturnValue:
    """It is done."""

    def step(session: Session, staff: Staff, found: Referral) -> str:
        flags.end_flag(session, found, staff, flag_id, now())
        return say("Reminder done, %(ticket)s.", ticket=shown(found.ticket))

    return take(referral_id, step)
