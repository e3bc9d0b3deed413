"""People who answer: for the administrator alone, who sees roles and no content."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.desk import second_factor, sign_in
from bot.desk.blueprint import blueprint
from bot.desk.forms import PersonForm
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import say
from bot.referrals import rows, staffing
from bot.referrals.staffing import NewStaff, StaffError
from bot.store.models import Audit, Duty, Referral, Staff


@blueprint.get("/staff")
def people() -> ResponseReturnValue:
    """Everybody, those who left last, with what would worry an administrator: no second factor, no phone."""
    with services().database.transaction() as session:
        staff = session.scalars(select(Staff).order_by(Staff.active.desc(), Staff.name)).all()
        on_duty = set(session.scalars(select(Duty.staff_id)))
    needs = {one.id for one in staff if second_factor.required(one, services().settings) and one.totp_since is None}
    return render_template("desk/staff.html", staff=staff, on_duty=on_duty, needs=needs, here="desk.people")


@blueprint.route("/staff/new", methods=["GET", "POST"])
def invite() -> ResponseReturnValue:
    """Add somebody; the page then shows their start code, once."""
    form = PersonForm()
    if form.validate_on_submit():
        try:
            with services().database.transaction() as session:
                staff = staffing.add_staff(session, _wished(form), ciphers=services().ciphers, region=_region())
                code = staffing.give_start_code(session, staff, ciphers=services().ciphers, now=now())
                _note(session, "invited", staff)
            return render_template("desk/start_code.html", person=staff, code=code, here="desk.people")
        except StaffError as error:
            _show_fault(form, error)
    return render_template("desk/person.html", form=form, person=None, here="desk.people")


@blueprint.route("/staff/<int:staff_id>", methods=["GET", "POST"])
def person(staff_id: int) -> ResponseReturnValue:
    """What somebody serves; a change takes from them what they may not see any more (safety 17)."""
    with services().database.transaction() as session:
        staff = _found(session, staff_id)
        held = _held(session, staff_id)
    form = PersonForm(data=_as_typed(staff))
    form.login.render_kw = {"readonly": True}
    if form.validate_on_submit():
        form.login.data = staff.login
        try:
            with services().database.transaction() as session:
                _change(session, _found(session, staff_id), _wished(form, staff))
            services().wake("climb")
            services().wake("send_messages")
            flash(say("Saved."))
            return redirect(url_for("desk.people"))
        except StaffError as error:
            _show_fault(form, error)
    return render_template("desk/person.html", form=form, person=staff, held=held, here="desk.people")


@blueprint.post("/staff/<int:staff_id>/reset")
def reset(staff_id: int) -> ResponseReturnValue:
    """A forgotten password or a lost phone: every session ends, a new start code is shown once."""
    with services().database.transaction() as session:
        staff = _found(session, staff_id)
        second_factor.forget(staff)
        code = staffing.give_start_code(session, staff, ciphers=services().ciphers, now=now())
        staff.password_hash = None
        staff.session_epoch += 1  # with the rest: a crash before the next line leaves no session open
        _note(session, "reset", staff)
    sign_in.end_all(services().database, staff_id)
    return render_template("desk/start_code.html", person=staff, code=code, here="desk.people")


@blueprint.post("/staff/<int:staff_id>/leave")
def leave(staff_id: int) -> ResponseReturnValue:
    """Somebody stops working here: access ends at once, and what they held goes to the next person."""
    if staff_id == reader().id:
        flash(say("You cannot end your own access; another administrator can."))
        return redirect(url_for("desk.people"))
    with services().database.transaction() as session:
        staff = _found(session, staff_id)
        held = _held(session, staff_id)
        staffing.leave(session, staff.login)
        _note(session, "left", staff)
    sign_in.end_all(services().database, staff_id)
    services().wake("climb")
    flash(say("Access ended. Open requests handed over: %(count)s.", count=held))
    return redirect(url_for("desk.people"))


@blueprint.post("/staff/<int:staff_id>/return")
def bring_back(staff_id: int) -> ResponseReturnValue:
    """Somebody who left works here again; the page shows their start code, once."""
    with services().database.transaction() as session:
        staff = _found(session, staff_id)
        if staff.active:
            return redirect(url_for("desk.person", staff_id=staff_id))
        code = staffing.bring_back(session, staff, ciphers=services().ciphers, now=now())
        _note(session, "returned", staff)
    return render_template("desk/start_code.html", person=staff, code=code, here="desk.people")


def _change(session: Session, staff: Staff, wished: NewStaff) -> None:
    """Nobody gives themselves a role: that takes another administrator. Raises StaffError."""
    before = staff.role
    if staff.id == reader().id and wished.role != before:
        raise StaffError("role: " + say("You cannot change your own role; another administrator can."))
    if not staffing.change_staff(session, staff, wished, ciphers=services().ciphers, region=_region()):
        return
    session.add(
        Audit(
            staff_id=reader().id, action="staff_changed", subject=f"staff:{staff.id}",
            detail={"role": staff.role, "before": before} if staff.role != before else {},
        )
    )  # fmt: skip
    staffing.tell_of_role(
        session, staff, before, by=reader(), at=now(), ciphers=services().ciphers, settings=services().settings
    )


def _found(session: Session, staff_id: int) -> Staff:
    staff = session.get(Staff, staff_id, with_for_update=True)
    if staff is None:
        abort(404)
    return staff


def _held(session: Session, staff_id: int) -> int:
    """How many open requests somebody holds; the administrator learns the number and nothing else."""
    mine = select(func.count()).where(Referral.accepted_by == staff_id, Referral.state.not_in(rows.OVER))
    return session.scalars(mine).one()


def _wished(form: PersonForm, staff: Staff | None = None) -> NewStaff:
    phone = (form.phone.data or "").strip()
    if staff is not None and not phone and staff.phone_enc is not None:
        place = f"staff|{staff.login}|phone".encode()
        phone = services().ciphers.decrypt(staff.phone_enc, place).decode()  # left empty: stays as it is
    offices = tuple(part.strip() for part in (form.offices.data or "").split(",") if part.strip())
    return NewStaff(
        login=form.login.data.strip(), name=form.name.data.strip(), role=form.role.data, phone=phone,
        language=form.language.data, languages=tuple(staff.languages) if staff else (), offices=offices,
        queues=tuple(form.queues.data or ()), partner=(form.partner.data or "").strip(),
    )  # fmt: skip


def _as_typed(staff: Staff) -> dict[str, object]:
    return {
        "login": staff.login, "name": staff.name, "role": staff.role, "phone": "", "language": staff.language,
        "offices": ", ".join(staff.offices), "queues": list(staff.queues), "partner": staff.partner,
    }  # fmt: skip


def _show_fault(form: PersonForm, error: StaffError) -> None:
    """Under the field that it is about."""
    name, _, reason = str(error).partition(": ")
    field = form[name if name in form.data else "login"]
    field.errors = [*field.errors, reason]


def _note(session: Session, what: str, staff: Staff) -> None:
    session.add(Audit(staff_id=reader().id, action=f"staff_{what}", subject=f"staff:{staff.id}"))


def _region() -> str:
    return services().settings.default_region
