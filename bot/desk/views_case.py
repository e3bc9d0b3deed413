"""One person's file: where it stands, what comes next, who tried to open it; a start code and a lifted lock."""

from __future__ import annotations

from datetime import datetime

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.cases import opening
from bot.desk import case_page
from bot.desk.blueprint import blueprint
from bot.desk.case_reading import Reading
from bot.desk.case_steps import file_of
from bot.desk.forms import DeskForm
from bot.desk.forms_people import ProofForm
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import say
from bot.errors import StoreDown
from bot.store.attempts import Attempts
from bot.store.models import Audit, Case, Staff


@blueprint.get("/cases/<int:case_id>")
def case(case_id: int) -> ResponseReturnValue:
    """The page; its reading is one audit row."""
    with services().database.transaction() as session:
        found = file_of(session, case_id)
        _audit_reading(session, reader(), found, now())
        return _page(session, found)


@blueprint.post("/cases/<int:case_id>/unlock")
def unlock_case(case_id: int) -> ResponseReturnValue:
    """Lift the lock after six wrong codes; the code stays (safety 12)."""
    staff = reader()
    with services().database.transaction() as session:
        found = file_of(session, case_id)
        form = ProofForm(has_phone=found.contact_id is not None)
        if not form.validate():
            return _page(session, found, form), 422
        try:
            opening.unlock(session, found.number, attempts=_attempts(), staff_id=staff.id, proof=form.proof.data)
        except StoreDown:
            return _away(session, case_id)
    flash(say("The lock is lifted; the secret code is the same as before."))
    return redirect(url_for("desk.case", case_id=case_id), 303)


@blueprint.post("/cases/<int:case_id>/start-code")
def give_start_code(case_id: int) -> ResponseReturnValue:
    """A one-time start code, shown this once; an older one ends with it (safety 10)."""
    staff = reader()
    with services().database.transaction() as session:
        found = file_of(session, case_id)
        form = ProofForm(has_phone=found.contact_id is not None)
        if not form.validate():
            return _page(session, found, form), 422
        try:
            code = opening.give_start_code(
                session, found.number, attempts=_attempts(), ciphers=services().ciphers, now=now(),
                staff_id=staff.id, proof=form.proof.data,
            )  # fmt: skip
        except StoreDown:
            return _away(session, case_id)
        return _page(session, found, code=code)


def _away(session: Session, case_id: int) -> ResponseReturnValue:
    """Counters of wrong codes stand in the conversation store: without it nothing is half done."""
    session.rollback()
    flash(say("Nothing was saved: the conversation store does not answer. Try again in a minute."))
    return redirect(url_for("desk.case", case_id=case_id), 303)


def _attempts() -> Attempts:
    return Attempts(services().redis_client, services().ciphers)


def _audit_reading(session: Session, staff: Staff, found: Case, at: datetime) -> None:
    session.add(Audit(staff_id=staff.id, at=at, action="case_read", subject=f"case:{found.id}"))


def _page(session: Session, found: Case, *sent: DeskForm, code: str = "") -> str:
    """`sent`: forms that were refused."""
    return case_page.page(
        Reading(session, reader(), found, now(), forms={type(form): form for form in sent}, code=code)
    )
