"""A referral changes hands, queue, level or state; and a step just taken is taken back."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.desk import reading
from bot.desk.blueprint import blueprint
from bot.desk.forms import CodeForm
from bot.desk.forms_steps import HandOverForm, LevelForm, ReopenForm, TakeOverForm
from bot.desk.referral_page import Shown, again, checked, take
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import codes, dates, say
from bot.engine.effects import LEVELS
from bot.errors import ReferralError
from bot.referrals import access, handing_on, levels, reopening, undoing
from bot.referrals.words import shown
from bot.store.models import Referral, Staff


@blueprint.post("/referrals/<referral_id>/code")
def set_code(referral_id: str) -> ResponseReturnValue:
    """Set the code; who may no longer see the referral afterwards lands on Today."""
    form = CodeForm(sorted(handing_on.needs()), None)
    if not form.validate():
        return again(referral_id, Shown.of(code_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        handing_on.set_code(session, found, staff, form.code.data, now(), settings=services().settings)
        return say("Code set, %(ticket)s.", ticket=shown(found.ticket))

    return take(referral_id, step)


@blueprint.post("/referrals/<referral_id>/hand-over")
def hand_over(referral_id: str) -> ResponseReturnValue:
    """Another queue, with a reason; its people are told at once."""
    form = HandOverForm(list(access.QUEUES))
    if not form.validate():
        return again(referral_id, Shown.of(hand_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        handing_on.hand_over(
            session, found, staff, form.queue.data, form.reason.data, now(), settings=services().settings
        )
        return say("%(ticket)s is handed over. The other queue is told now.", ticket=shown(found.ticket))

    return take(referral_id, step, form=("hand_form", form, "queue"))


@blueprint.post("/referrals/<referral_id>/take-over")
def take_over(referral_id: str) -> ResponseReturnValue:
    """From a colleague who is away or gone."""
    form = TakeOverForm()
    if not form.validate():
        return again(referral_id, Shown.of(over_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        by = handing_on.take_over(
            session, found, staff, form.reason.data, now(), ciphers=services().ciphers, settings=services().settings
        )
        number = shown(found.ticket)
        if by is None:
            return say("%(ticket)s is yours. Do not call, do not write.", ticket=number)
        return say(
            "%(ticket)s is yours. First call before %(when)s.", ticket=number, when=dates.day_and_hour(by, now())
        )

    return take(referral_id, step)


@blueprint.post("/referrals/<referral_id>/level")
def set_level(referral_id: str) -> ResponseReturnValue:
    """Higher or lower, with a reason."""
    form = LevelForm(list(LEVELS))
    if not form.validate():
        return again(referral_id, Shown.of(level_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        levels.set_level(
            session, found, staff, form.level.data, form.reason.data, now(),
            ciphers=services().ciphers, settings=services().settings,
        )  # fmt: skip
        return say("%(ticket)s: level %(level)s.", ticket=shown(found.ticket), level=codes.level(found.level))

    return take(referral_id, step, form=("level_form", form, "reason"))


@blueprint.post("/referrals/<referral_id>/reopen")
def reopen(referral_id: str) -> ResponseReturnValue:
    """A closed one is open again, for a reason."""
    form = ReopenForm()
    if not form.validate():
        return again(referral_id, Shown.of(reopen_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        reopening.reopen(session, found, staff, form.reason.data, now(), settings=services().settings)
        return say("%(ticket)s is open again.", ticket=shown(found.ticket))

    return take(referral_id, step)


@blueprint.post("/referrals/<referral_id>/undo")
def undo(referral_id: str) -> ResponseReturnValue:
    """Take back one's own step of the last minute, also where it took the referral out of one's sight."""
    staff, event = reader(), request.form.get("event", "")
    there = False
    try:
        if not event.isdecimal() or len(event) > 18:
            raise ReferralError("not_found")
        with services().database.transaction() as session:
            found = undoing.undo(
                session, checked(referral_id), int(event), staff, now(),
                ciphers=services().ciphers, settings=services().settings,
            )  # fmt: skip
            told = say("Taken back, %(ticket)s.", ticket=shown(found.ticket))
            there = True
    except ReferralError as error:
        if str(error) == "not_found":
            raise
        told = say("Too late to take it back: more than a minute has passed. Nothing has changed.")
        if str(error) == "moved_on":
            told = say("It cannot be taken back: a colleague or the clock was faster. Nothing has changed.")
        with services().database.transaction() as session:
            there = reading.seen(session, staff, checked(referral_id)) is not None
    services().wake("climb", referral_id)
    services().wake("send_messages")
    flash(told)
    return redirect(url_for("desk.referral", referral_id=referral_id) if there else url_for("desk.today"), 303)
