"""Trainings: the list, one of them with who goes, who was there and who ended it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.cases import listing, trainings
from bot.cases.process import Mover
from bot.desk import presenting_folder
from bot.desk.blueprint import blueprint
from bot.desk.case_steps import mover
from bot.desk.forms import DeskForm
from bot.desk.forms_process import DayForm, EnrolForm, TrainingForm
from bot.desk.services import services
from bot.desk.sign_in import reader
from bot.desk.words import dates, process, say
from bot.desk.words.stages import stage
from bot.errors import CaseError
from bot.referrals import access
from bot.store.models import Case, Enrolment, Training

MOST = 200
SHOWN_AFTER = timedelta(days=90)  # so long a training that is over stays in the list


@blueprint.route("/trainings", methods=["GET", "POST"])
def training_list() -> ResponseReturnValue:
    """Trainings to come, under way and lately over, and a form for a new one."""
    by = mover()
    with services().database.transaction() as session:
        form = _form(session)
        if form is not None and form.is_submitted() and form.validate():
            made = trainings.add(session, form.new(), by)
            flash(say("The training is planned. Now give its places."))
            return redirect(url_for("desk.training", training_id=made.id), 303)
        wanted = select(Training).where(
            access.visible_places(by.staff, Training), Training.ends_on >= by.today - SHOWN_AFTER
        )
        found = list(session.scalars(wanted.order_by(Training.starts_on.desc(), Training.id).limit(MOST)))
        taken = trainings.taken(session, [one.id for one in found])
        lines = [_line(one, taken.get(one.id, 0), by.today) for one in found]
    status = 422 if form is not None and form.errors else 200
    return render_template("desk/trainings.html", lines=lines, form=form, here="desk.training_list"), status


@blueprint.get("/trainings/<int:training_id>")
def training(training_id: int) -> ResponseReturnValue:
    """One training."""
    with services().database.transaction() as session:
        return _page(session, training_id)


@blueprint.post("/trainings/<int:training_id>/people")
def enrol_case(training_id: int) -> ResponseReturnValue:
    """Give a place."""
    form = EnrolForm()
    if not form.validate():
        return _again(training_id, form)
    number = re.sub(r"\D", "", form.number.data)
    return _take(
        training_id, lambda session, by: trainings.enrol(session, training_id, number, by), say("Added."), form=form
    )


@blueprint.post("/trainings/<int:training_id>/people/<int:enrolment_id>/leave")
def withdraw_case(training_id: int, enrolment_id: int) -> ResponseReturnValue:
    """The place is free again."""
    return _take(
        training_id,
        lambda session, by: trainings.withdraw(session, training_id, enrolment_id, by),
        say("Taken out. The place is free again."),
    )


@blueprint.post("/trainings/<int:training_id>/day")
def mark_day(training_id: int) -> ResponseReturnValue:
    """Who was there on a day, or, with `ended`, who ended it."""
    form = _day_form(training_id)
    ended = request.form.get("ended") == "1"
    if not form.validate() or not (ended or form.day.data):
        return _again(training_id, form)
    there = frozenset(form.there.data or ())
    if ended:
        said = say("Noted. What follows is proposed on each file.")
        return _take(training_id, lambda session, by: trainings.complete(session, training_id, there, by), said)
    said = say("Noted for %(day)s.", day=dates.short_date(form.day.data))
    return _take(training_id, lambda session, by: trainings.mark(session, training_id, form.day.data, there, by), said)


def _take(
    training_id: int, step: Callable[[Session, Mover], object], said: str, *, form: EnrolForm | None = None
) -> ResponseReturnValue:
    try:
        with services().database.transaction() as session:
            step(session, mover())
    except CaseError as error:
        if str(error) == "not_found":
            abort(404)
        if form is not None:
            form.number.errors = [process.WHY_NOT[str(error)]]
            return _again(training_id, form)
        said = process.why_not(str(error))
    flash(said)
    return redirect(url_for("desk.training", training_id=training_id), 303)


def _page(session: Session, training_id: int, *sent: DeskForm) -> str:
    by, forms = mover(), {type(one): one for one in sent}
    found = _found(session, training_id)
    people = trainings.enrolled(session, found, by.staff)
    days = trainings.attendance(session, [row.id for row, _ in people])
    taken = trainings.taken(session, [found.id]).get(found.id, 0)
    notes = access.notes_progress(by.staff) and found.starts_on <= by.today and people
    day = min(found.ends_on, by.today)
    present = [row.id for row, _ in people if days.get((row.id, day), False)]
    names = [(row.id, case.name) for row, case in people]
    return render_template(
        "desk/training.html", training=found, line=_line(found, taken, by.today),
        people=[_person(row, case, days) for row, case in people],
        enrol=forms.get(EnrolForm) or EnrolForm() if access.moves_files(by.staff) else None,
        day=forms.get(DayForm) or DayForm(names, data={"day": day, "there": present}) if notes else None,
        may_end=by.today >= found.ends_on, here="desk.training_list",
    )  # fmt: skip


def _again(training_id: int, *sent: DeskForm) -> ResponseReturnValue:
    with services().database.transaction() as session:
        return _page(session, training_id, *sent), 422


def _found(session: Session, training_id: int) -> Training:
    found = trainings.found(session, training_id, reader())
    if found is None:
        abort(404)
    return found


def _day_form(training_id: int) -> DayForm:
    with services().database.transaction() as session:
        people = trainings.enrolled(session, _found(session, training_id), reader())
        return DayForm([(row.id, case.name) for row, case in people])


def _form(session: Session) -> TrainingForm | None:
    staff = reader()
    if not access.moves_files(staff):
        return None
    offices, partners = listing.choices(session, staff)
    return TrainingForm(sorted({*offices, *staff.offices}), partners)


def _line(found: Training, taken: int, today: date) -> dict[str, Any]:
    when = say("over") if found.ends_on < today else say("under way") if found.starts_on <= today else say("to come")
    return {
        "id": found.id, "kind": process.named(found.kind), "place": found.place, "office": found.office, "partner": found.partner,
        "days": f"{dates.short_date(found.starts_on)} – {dates.short_date(found.ends_on)}", "when": when,
        "taken": taken, "places": found.places, "left": max(found.places - taken, 0),
    }  # fmt: skip


def _person(row: Enrolment, case: Case, days: dict[tuple[int, date], bool]) -> dict[str, Any]:
    here = [present for (of, _), present in days.items() if of == row.id]
    words = {True: say("ended it"), False: say("did not end it"), None: ""}
    return {
        "id": row.id, "case": case.id, "name": case.name, "number": presenting_folder.shown_case(case.number),
        "stage": stage(case.stage), "present": sum(here), "noted": len(here), "completed": words[row.completed],
    }  # fmt: skip
