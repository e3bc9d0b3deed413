"""A step on a file: one transaction, then the page says what was done, or why not."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.cases import process as moving
from bot.cases.process import Mover
from bot.desk import case_page, reading_people
from bot.desk.case_reading import Reading
from bot.desk.forms import DeskForm
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import dates, process
from bot.errors import CaseError
from bot.store.models import Case

Step = Callable[[Session, Mover], str]  # returns what is said


def mover() -> Mover:
    """Who takes the step, and the office's day."""
    at = now()
    return Mover(reader(), at, dates.local(at).date(), services().ciphers)


def file_of(session: Session, case_id: int) -> Case:
    """The file, if this reader may read it; else 404, as for what never was."""
    found = reading_people.file(session, reader(), case_id)
    if found is None:
        abort(404)
    return found


def again(case_id: int, *sent: DeskForm) -> ResponseReturnValue:
    """The page with forms that were refused."""
    with services().database.transaction() as session:
        found = file_of(session, case_id)
        reading = Reading(session, reader(), found, now(), forms={type(form): form for form in sent})
        return case_page.page(reading), 422


def take(
    case_id: int, step: Step, *, form: DeskForm | None = None, fields: dict[str, str] | None = None
) -> ResponseReturnValue:
    """Take the step; `fields`: under which field of the form a code of CaseError is said."""
    by, said, undo = mover(), "", None
    try:
        with services().database.transaction() as session:
            said = step(session, by)
            file = file_of(session, case_id)
            undo = moving.undoable(session, file, by.staff, at=by.at)
    except CaseError as error:
        code = str(error)
        if code == "not_found":
            abort(404)
        field = (fields or {}).get(code)
        if form is not None and field is not None:
            form[field].errors = [process.WHY_NOT[code]]
            return again(case_id, form)
        flash(process.why_not(code))
        return redirect(url_for("desk.case", case_id=case_id), 303)
    flash(said, f"undo-case:{case_id}:{undo.id}" if undo is not None and undo.at == by.at else "message")
    return redirect(url_for("desk.case", case_id=case_id), 303)
