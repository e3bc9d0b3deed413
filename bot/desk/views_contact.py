"""One phone: what its people agreed to, what reaches it, and what of it this reader may see. Found by id, never by number."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.desk import presenting_folder, presenting_people, reading_people, safe_contact
from bot.desk.blueprint import blueprint
from bot.desk.forms import ReasonForm
from bot.desk.forms_people import OptOutForm
from bot.desk.reading_people import Phone
from bot.desk.referral_page import read_aloud
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import say
from bot.desk.words.stages import stage
from bot.store.models import Audit, Contact, OptOut


@blueprint.get("/phones/<int:contact_id>")
def contact(contact_id: int) -> ResponseReturnValue:
    """The page; its reading is one audit row."""
    with services().database.transaction() as session:
        found = _found(session, contact_id)
        _audit(session, found, "phone_read")
        return _page(found)


@blueprint.post("/phones/<int:contact_id>/number")
def read_phone_number(contact_id: int) -> ResponseReturnValue:
    """The number, for a reason that is kept."""
    form = ReasonForm("number")
    with services().database.transaction() as session:
        found = _found(session, contact_id)
        if not form.validate():
            return _page(found, number_form=form), 422
        _audit(session, found, "number_read", reason=form.reason.data)
        number = safe_contact.phone_of(found.contact)
        return _page(found, number=read_aloud(number) or safe_contact.no_number(found.contact))


@blueprint.post("/phones/<int:contact_id>/opt-outs")
def note_opt_out(contact_id: int) -> ResponseReturnValue:
    """What the person asked by voice to end. In force at once: the gate reads this row before it sends (safety 7)."""
    form = OptOutForm()
    with services().database.transaction() as session:
        session.get(Contact, contact_id, with_for_update=True)  # of two who note the same, one finds it done
        found = _found(session, contact_id)
        if not form.validate():
            return _page(found, stop_form=form), 422
        fresh = sorted(set(form.stopped.data) - reading_people.stopped_on(found))
        if fresh:
            session.add(OptOut(contact_id=contact_id, stopped=fresh, staff_id=reader().id, at=now()))
            _audit(session, found, "opt_out_noted", stopped=fresh)
    flash(say("Noted. Nothing of that leaves any more.") if fresh else say("That was noted before."))
    return redirect(url_for("desk.contact", contact_id=contact_id), 303)


def _found(session: Session, contact_id: int) -> Phone:
    found = reading_people.phone(session, reader(), contact_id)
    if found is None:
        abort(404)
    return found


def _audit(session: Session, found: Phone, action: str, **detail: object) -> None:
    subject = f"contact:{found.contact.id}"
    session.add(Audit(staff_id=reader().id, at=now(), action=action, subject=subject, detail=dict(detail)))


def _page(
    found: Phone, *, number: str = "", number_form: ReasonForm | None = None, stop_form: OptOutForm | None = None
) -> str:
    at = now()
    return render_template(
        "desk/contact.html",
        id=found.contact.id,
        facts=presenting_people.facts_of_phone(found, at),
        ended=presenting_people.ended(found),
        noted=presenting_people.noted(found, at),
        requests=[presenting_people.request_line(one) for one in found.requests],
        files=[(one.id, presenting_folder.shown_case(one.number), one.name, stage(one.stage)) for one in found.files],
        number=number,
        number_form=number_form or ReasonForm("number"),
        stop_form=stop_form or OptOutForm(),
        here="desk.find",
    )
