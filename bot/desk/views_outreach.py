"""The outreach: one page of what waits for a person, and the steps on a file that belong to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from flask import abort, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.cases.process import Mover
from bot.desk import presenting_outreach as presenting
from bot.desk.blueprint import blueprint
from bot.desk.case_steps import again, file_of, take
from bot.desk.forms_outreach import AttemptForm, ConfirmForm, NumberForm
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import dates, say
from bot.outreach import listing, lost, numbers
from bot.referrals import access
from bot.store.models import Case, NumberChange


@blueprint.get("/outreach")
def outreach() -> ResponseReturnValue:
    """Only the reader's own files; new numbers for whoever may open files."""
    staff, today = reader(), _today()
    seen = access.visible_files(staff)
    with services().database.transaction() as session:
        changes, change_rows = listing.number_changes(session, seen) if access.opens_files(staff) else (0, [])
        searched, search_rows = listing.searches(session, seen)
        late, late_rows = listing.late_files(session, seen)
        waiting, wrong = listing.waiting(session, seen), listing.to_visit(session, seen)
        rates = listing.rates(session, seen)
    return render_template(
        "desk/outreach.html", here="desk.outreach", changes=changes, number_lines=presenting.number_lines(change_rows),
        searched=searched, search_lines=presenting.search_lines(search_rows, today), late=late,
        late_lines=presenting.late_lines(late_rows, today), waiting=waiting, wrong=presenting.visit_lines(wrong),
        rates=presenting.rate_groups(rates), opens=access.opens_files(staff), most=listing.MOST,
    )  # fmt: skip


@blueprint.post("/cases/<int:case_id>/attempts")
def note_attempt(case_id: int) -> ResponseReturnValue:
    """Somebody tried to reach the person."""
    form = AttemptForm()
    if not form.validate():
        return again(case_id, form)

    def step(session: Session, by: Mover) -> str:
        case, reached = _held(session, case_id), form.reached.data == "yes"
        settings = services().settings
        lost.note_attempt(
            session, case, way=form.way.data, reached=reached, staff=by.staff, at=by.at, settings=settings
        )
        if reached:
            return say("Noted: the person was reached.")
        found = listing.search_of(session, case)
        return say("Noted. Three attempts were in vain: the person is searched for.") if found else say("Noted.")

    return take(case_id, step)


@blueprint.post("/cases/<int:case_id>/lost")
def declare_lost(case_id: int) -> ResponseReturnValue:
    """Nobody reaches the person: the file waits, and nothing is sent, until somebody hears of them."""

    def step(session: Session, by: Mover) -> str:
        lost.declare(session, _held(session, case_id), staff=by.staff, at=by.at, today=by.today)
        return say("The file stands at lost contact. It goes on by itself once the person gives the code.")

    return take(case_id, step)


@blueprint.post("/cases/<int:case_id>/lost/review")
def review_lost(case_id: int) -> ResponseReturnValue:
    """The coordinator looked again."""

    def step(session: Session, by: Mover) -> str:
        if by.staff.role != "coordinator":
            abort(404)
        lost.review(session, _held(session, case_id), staff=by.staff, at=by.at, today=by.today)
        return say("Looked at. The search goes on for 90 days.")

    return take(case_id, step)


@blueprint.post("/cases/<int:case_id>/numbers/<int:change_id>/confirm")
def confirm_number(case_id: int, change_id: int) -> ResponseReturnValue:
    """It is the person's number."""
    return _settle(case_id, change_id, numbers.confirm, say("Confirmed: the file has the new number."))


@blueprint.post("/cases/<int:case_id>/numbers/<int:change_id>/refuse")
def refuse_number(case_id: int, change_id: int) -> ResponseReturnValue:
    """It is not."""
    return _settle(case_id, change_id, numbers.refuse, say("Refused: the file has the number from before."))


def _settle(case_id: int, change_id: int, do: Callable[..., Case], said: str) -> ResponseReturnValue:
    form = ConfirmForm()
    if not form.validate():
        return again(case_id, form)

    def step(session: Session, by: Mover) -> str:
        file_of(session, case_id)
        own = select(NumberChange.id).where(NumberChange.id == change_id, NumberChange.case_id == case_id)
        if session.scalar(own) is None:
            abort(404)
        do(session, change_id, staff=by.staff, proof=form.proof.data, at=by.at)
        return said

    return take(case_id, step)


@blueprint.post("/cases/<int:case_id>/number")
def change_number(case_id: int) -> ResponseReturnValue:
    """Give the file another number."""
    form = NumberForm(region=services().settings.default_region)
    if not form.validate():
        return again(case_id, form)

    def step(session: Session, by: Mover) -> str:
        numbers.change_by_staff(
            session, _held(session, case_id), form.e164, shared=form.shared.data, staff=by.staff, proof=form.proof.data,
            at=by.at, ciphers=services().ciphers,
        )  # fmt: skip
        return say("The file has the new number.")

    return take(case_id, step, form=form, fields={"same_number": "number", "number_taken": "number"})


def _held(session: Session, case_id: int) -> Case:
    """The file that this reader may read, locked for the step."""
    file_of(session, case_id)
    return session.get_one(Case, case_id, with_for_update={"key_share": True})


def _today() -> date:
    return dates.local(now()).date()
