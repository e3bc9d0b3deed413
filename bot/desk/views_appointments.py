"""Appointments at the desk: the day list of an office, who came, the places, and the steps on a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.cases import appointments, attending
from bot.desk import presenting_appointments, reading_appointments
from bot.desk.blueprint import blueprint
from bot.desk.case_steps import again, file_of
from bot.desk.forms_appointments import OtherDayForm, PlaceForm, ProposeForm
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import appointments as words
from bot.desk.words import dates, say
from bot.errors import CaseError
from bot.outreach.calendar import Calendar
from bot.referrals import access
from bot.store.models import Appointment, Audit, Place

DAY = timedelta(days=1)
FIELDS = ("office", "name", "kind", "region", "weekdays", "opens", "closes", "capacity", "active")


@blueprint.get("/appointments")
def appointment_list() -> ResponseReturnValue:
    """The day list of an office; its reading is one audit row, for it names people."""
    staff, today = reader(), dates.local(now()).date()
    day = _day(request.args.get("day", "")) or today
    with services().database.transaction() as session:
        offices = reading_appointments.offices(session, staff)
        wanted = request.args.get("office", "")
        office = wanted if wanted in offices else next(iter(offices), "")
        page = presenting_appointments.day_page(session, staff, office, day, today, codes=_codes(session, office, day))
        if page["people"]:
            _audit(session, "day_list_read", f"office:{office}", day=day.isoformat())
        return render_template(
            "desk/appointments.html", offices=offices, office=office, day=day, today=today,
            shown=dates.full_day(dates.begin_of(day)), before=day - DAY, after=day + DAY, here="desk.appointment_list",
            **page,
        )  # fmt: skip


@blueprint.post("/appointments/<int:appointment_id>/mark")
def mark_appointment(appointment_id: int) -> ResponseReturnValue:
    """Who came, who did not, or neither: one tap each, and taken back by another."""
    came = {"came": True, "missed": False}.get(request.form.get("mark", ""))

    def step(session: Session, by: str) -> str:
        if came is None:
            appointments.unmark(session, appointment_id, by=by, at=now())
            return say("Taken back.")
        appointments.mark(session, appointment_id, came, by=by, at=now(), today=dates.local(now()).date())
        return say("Noted.")

    with services().database.transaction() as session:
        found = _found(session, appointment_id)
        place = session.get_one(Place, found.place_id)
        back = url_for("desk.appointment_list", office=place.office, day=found.day.isoformat())
        case_id = found.case_id
    return _take(case_id, "appointment_marked", step, f"{back}#a{appointment_id}")


@blueprint.post("/cases/<int:case_id>/appointments")
def propose_appointment(case_id: int) -> ResponseReturnValue:
    """A day for a file that has none; the person is told, unless they said yes to staff."""
    with services().database.transaction() as session:
        places = reading_appointments.places_of(session, reader(), file_of(session, case_id).office)
    form = ProposeForm(places=places)
    if not form.validate():
        return again(case_id, form)

    def step(session: Session, by: str) -> str:
        appointments.propose(
            session, case_id, form.place.data, form.day.data, form.purpose.data, by=by, at=now(), calendar=_calendar(),
            agreed=form.agreed.data,
        )  # fmt: skip
        return say("Noted. The person is reminded three days and one day before.")

    return _take(case_id, "appointment_proposed", step)


@blueprint.post("/cases/<int:case_id>/appointments/<int:appointment_id>/move")
def move_appointment(case_id: int, appointment_id: int) -> ResponseReturnValue:
    """Another day; what was to be sent about the old one is not sent."""
    form = OtherDayForm()
    if not form.validate():
        return again(case_id, form)

    def step(session: Session, by: str) -> str:
        _found(session, appointment_id, case_id)
        appointments.move(
            session, appointment_id, form.day.data, by=by, at=now(), calendar=_calendar(), agreed=form.agreed.data
        )
        return say("Moved. The person is reminded three days and one day before.")

    return _take(case_id, "appointment_moved", step)


@blueprint.post("/cases/<int:case_id>/appointments/<int:appointment_id>/cancel")
def cancel_appointment(case_id: int, appointment_id: int) -> ResponseReturnValue:
    """Take it off."""

    def step(session: Session, by: str) -> str:
        _found(session, appointment_id, case_id)
        if not appointments.cancel(session, appointment_id, by=by, at=now()):
            raise CaseError("not_live")
        return say("Taken off. Nothing more is sent about it: tell the person.")

    return _take(case_id, "appointment_cancelled", step)


@blueprint.route("/places", methods=["GET", "POST"])
def place_list() -> ResponseReturnValue:
    """Places, their days and hours, how many people a day; each is changed where it stands."""
    staff, sent, wanted = reader(), None, request.form.get("place_id", "")
    with services().database.transaction() as session:
        places = reading_appointments.places_of(session, staff)
        if request.method == "POST":
            place = next((one for one in places if str(one.id) == wanted), None)
            sent = PlaceForm(place)
            if sent.validate() and _keep(session, sent, place):
                flash(say("The place is kept."))
                return redirect(url_for("desk.place_list"), 303)
        forms = [(one, sent if sent and str(one.id) == wanted else PlaceForm(one)) for one in places]
        new = sent if sent and not wanted else _new()
        shown = [(one, form, _open_days(one)) for one, form in forms]
        status = 422 if sent else 200
        return render_template("desk/places.html", places=shown, new=new, here="desk.place_list"), status


def _keep(session: Session, form: PlaceForm, place: Place | None) -> bool:
    """False where another place of that office has this name, or the office is none of this person's."""
    staff, office = reader(), form.office.data.strip()
    name = form.name.data.strip()
    same = session.scalars(select(Place.id).where(Place.office == office, Place.name == name)).first()
    if (same is not None and (place is None or same != place.id)) or (staff.offices and office not in staff.offices):
        form["name"].errors = [say("This office has a place of that name, or the office is not yours.")]
        return False
    values = {field: form[field].data for field in FIELDS} | {"office": office, "name": name}
    if place is None:
        session.add(Place(**values))
    else:
        for field, value in values.items():
            setattr(place, field, value)
    _audit(session, "place_kept", f"place:{office} {name}")
    return True


def _new() -> PlaceForm:
    form = PlaceForm()
    form.weekdays.data, form.capacity.data, form.active.data = [1, 2, 3, 4, 5], 20, True
    return form


def _open_days(place: Place) -> str:
    return ", ".join(name for number, name in words.weekdays() if number in place.weekdays)


def _take(case_id: int, action: str, step: Callable[[Session, str], str], back: str = "") -> ResponseReturnValue:
    """One transaction, then the page says what was done, or why not."""
    back = back or url_for("desk.case", case_id=case_id) + "#appointments"
    try:
        with services().database.transaction() as session:
            file_of(session, case_id)
            said = step(session, f"staff:{reader().id}")
            _audit(session, action, f"case:{case_id}")
    except CaseError as error:
        said = words.why_not(str(error))
    flash(said)
    return redirect(back, 303)


def _found(session: Session, appointment_id: int, case_id: int | None = None) -> Appointment:
    """Of a file that this reader may read; else 404, as for what never was."""
    found = session.get(Appointment, appointment_id)
    if found is None or (case_id is not None and found.case_id != case_id):
        abort(404)
    file_of(session, found.case_id)
    return found


def _audit(session: Session, action: str, subject: str, **detail: str) -> None:
    session.add(Audit(staff_id=reader().id, at=now(), action=action, subject=subject, detail=detail))


def _calendar() -> Calendar:
    return Calendar.of(services().settings)


def _codes(session: Session, office: str, day: date) -> dict[int, str]:
    """With which who came is told by SMS, while that counts, for whoever may say it; by appointment."""
    since = attending.marked_since(dates.local(now()).date(), _calendar().clocks)
    if not access.notes_progress(reader()) or day < since:
        return {}
    return attending.codes(session, [office], day, day, ciphers=services().ciphers)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
