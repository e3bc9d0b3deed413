"""The steps on one file: moves, proposals, reviews, kits, visits."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.cases import kits, visits
from bot.cases import process as moving
from bot.cases.kits import FAULTS
from bot.cases.process import Mover, Wish
from bot.cases.visits import Found
from bot.desk.blueprint import blueprint
from bot.desk.case_steps import again, file_of, mover, take
from bot.desk.forms_process import FoundForm, KitForm, MoveForm, PlanForm, ReviewForm
from bot.desk.services import services
from bot.desk.words import dates, say
from bot.desk.words.stages import stage
from bot.store.models import StageChange

MOVE_FIELDS = {
    "reason_needed": "reason", "note_needed": "note", "consent_needed": "consent", "review_needed": "review_on"
}  # fmt: skip


@blueprint.post("/cases/<int:case_id>/move")
def move_case(case_id: int) -> ResponseReturnValue:
    """Move the file, or propose it."""
    form, stands = _move_form(case_id)
    if form.seen.data == stands and not form.validate():
        return again(case_id, form)

    def step(session: Session, by: Mover) -> str:
        wish = Wish(
            form.to.data, form.seen.data or "", form.code, form.note.data or "", form.review_on.data, form.consent.data
        )
        if isinstance(moving.move(session, case_id, wish, by), StageChange):
            return say("The file now stands at: %(stage)s.", stage=stage(wish.to))
        return say("Proposed: %(stage)s. A second person decides.", stage=stage(wish.to))

    return take(case_id, step, form=form, fields=MOVE_FIELDS)


@blueprint.post("/cases/<int:case_id>/moves/<int:change_id>/undo")
def undo_move(case_id: int, change_id: int) -> ResponseReturnValue:
    """Take a mistaken move back, within a minute."""

    def step(session: Session, by: Mover) -> str:
        moving.undo(session, case_id, change_id, by)
        return say("Taken back: the file stands where it stood.")

    return take(case_id, step)


@blueprint.post("/cases/<int:case_id>/proposals/<int:proposal_id>")
def settle_proposal(case_id: int, proposal_id: int) -> ResponseReturnValue:
    """Agree or not."""
    agreed = request.form.get("agreed") == "1"

    def step(session: Session, by: Mover) -> str:
        change = moving.settle(session, case_id, proposal_id, by, agreed=agreed)
        if change is None:
            return say("Not moved: the proposal is gone.")
        return say("The file now stands at: %(stage)s.", stage=stage(change.to_stage))

    return take(case_id, step)


@blueprint.post("/cases/<int:case_id>/told")
def told_person(case_id: int) -> ResponseReturnValue:
    """I told the person myself; from now on the screens say it too."""

    def step(session: Session, by: Mover) -> str:
        moving.told(session, case_id, by)
        return say("Noted: you told the person. The screen of the line says it from now on.")

    return take(case_id, step)


@blueprint.post("/cases/<int:case_id>/review")
def review_case(case_id: int) -> ResponseReturnValue:
    """It stays as it is, until another day."""
    form = ReviewForm()
    if not form.validate():
        return again(case_id, form)

    def step(session: Session, by: Mover) -> str:
        moving.reviewed(session, case_id, form.day.data, by)
        return say("Looked at. Next time on %(day)s.", day=dates.short_date(form.day.data))

    return take(case_id, step, form=form, fields={"review_needed": "day"})


@blueprint.post("/cases/<int:case_id>/follow")
def follow_case(case_id: int) -> ResponseReturnValue:
    """I follow this person, or no longer."""
    mine = request.form.get("mine") == "1"

    def step(session: Session, by: Mover) -> str:
        moving.follow(session, case_id, by, mine=mine)
        return say("You follow this file.") if mine else say("You no longer follow this file.")

    return take(case_id, step)


@blueprint.post("/cases/<int:case_id>/kits")
def order_kit(case_id: int) -> ResponseReturnValue:
    """A kit was ordered."""
    form = KitForm()
    if not form.validate():
        return again(case_id, form)

    def step(session: Session, by: Mover) -> str:
        kits.order(session, case_id, form.kind.data.strip(), form.lines(), form.expected_on.data, by)
        return say("The order is noted.")

    return take(case_id, step)


@blueprint.post("/cases/<int:case_id>/kits/<int:kit_id>")
def step_kit(case_id: int, kit_id: int) -> ResponseReturnValue:
    """It arrived, was collected, or something is wrong with it."""
    what = request.form.get("what", "")

    def step(session: Session, by: Mover) -> str:
        if what in kits.PROPOSED:
            kits.step(session, case_id, kit_id, what, by)
        else:
            kits.note_fault(session, case_id, kit_id, what if what in FAULTS else "", by)
        return say("Noted.")

    return take(case_id, step)


@blueprint.post("/cases/<int:case_id>/visits")
def plan_visit(case_id: int) -> ResponseReturnValue:
    """Plan a visit or a call."""
    form = PlanForm()
    if not form.validate():
        return again(case_id, form)

    def step(session: Session, by: Mover) -> str:
        visits.plan(session, case_id, form.day.data, form.way.data, by)
        return say("Planned for %(day)s.", day=dates.short_date(form.day.data))

    return take(case_id, step, form=form, fields={"wrong_day": "day"})


@blueprint.post("/cases/<int:case_id>/visits/<int:visit_id>")
def note_visit(case_id: int, visit_id: int) -> ResponseReturnValue:
    """What was found."""
    form = FoundForm()
    if not form.validate():
        return again(case_id, form)

    def step(session: Session, by: Mover) -> str:
        found = Found(form.day.data, form.way.data, tuple(form.findings.data), form.note.data or "")
        visits.done(session, case_id, visit_id, found, by)
        return say("The visit is noted.")

    return take(case_id, step, form=form, fields={"wrong_day": "day"})


def _move_form(case_id: int) -> tuple[MoveForm, str]:
    """With what this person may choose, and where the file stands now: who saw another stage is told so."""
    by = mover()
    with services().database.transaction() as session:
        file = file_of(session, case_id)
        return MoveForm(moving.may_move(file, by.staff, today=by.today)), file.stage
