"""The rota: one calendar; whoever plans a queue puts shifts in and takes them out; everybody notes days away."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.desk import presenting_rota
from bot.desk.blueprint import blueprint
from bot.desk.forms_rota import AwayForm, Choices, ShiftForm
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import dates, roles, say, say_many
from bot.errors import ReferralError
from bot.referrals import access, gaps, letters, rota
from bot.referrals.rota import Plan
from bot.store.models import Absence, Case, Shift, Staff

PRESETS = {  # hours of the first day, and how long
    "day": (time(8), timedelta(hours=12)),
    "night": (time(20), timedelta(hours=12)),
    "whole": (time(), timedelta(days=1)),
    "week": (time(8), timedelta(days=7)),
}
MOST_DAYS = 7  # that one form plans at once, each repeated by week
UNDO = "rota_undo"  # what was taken out last, in this browser's session


@blueprint.route("/rota", methods=["GET", "POST"])
def rota_page() -> ResponseReturnValue:
    """This week and the next five; a shift is planned on the same page."""
    with services().database.transaction() as db:
        form = _shift_form(db)
        if form is not None and form.is_submitted() and form.validate() and _planned(db, form):
            return redirect(url_for("desk.rota_page"), 303)
        return _page(db, form, _away_form(db)), 422 if request.method == "POST" else 200


@blueprint.post("/rota/away")
def note_away() -> ResponseReturnValue:
    """Days away, both included: one's own, or of somebody whose rota one plans."""
    with services().database.transaction() as db:
        form = _away_form(db)
        if not form.validate():
            return _page(db, _shift_form(db, fresh=True), form), 422
        staff = db.get_one(Staff, int(form.staff.data))
        try:
            rota.put_absence(db, reader(), staff, form.first.data, form.last.data)
        except ReferralError:
            form.last.errors = [say("The last day lies before the first, or more than a year after it.")]
            return _page(db, _shift_form(db, fresh=True), form), 422
        flash(_told_of(db, staff, form.first.data, form.last.data))
    return redirect(url_for("desk.rota_page") + "#away", 303)


@blueprint.post("/rota/away/<int:absence_id>/drop")
def drop_away(absence_id: int) -> ResponseReturnValue:
    """Somebody is there after all."""
    with services().database.transaction() as db:
        absence = db.get(Absence, absence_id)
        if absence is None:
            return _gone()
        if str(absence.staff_id) not in dict(_people_away(db)):
            abort(404)
        kept = [absence.staff_id, absence.first_day.isoformat(), absence.last_day.isoformat()]
        rota.drop_absence(db, reader(), absence)
    session[UNDO] = {"absence": kept}
    flash(say("Days away taken out."))
    return redirect(url_for("desk.rota_page") + "#away", 303)


@blueprint.get("/rota/<int:shift_id>")
def shift(shift_id: int) -> ResponseReturnValue:
    """One shift, and the way to take it out."""
    with services().database.transaction() as db:
        found = _own_shift(db, shift_id)
        names = _names(db)
    return render_template(
        "desk/shift.html", shift=found, here="desk.rota_page", place=presenting_rota.place_name(found.queue, found.office),
        words=presenting_rota.span_words(found.starts_at, found.ends_at), who=names[found.staff_id],
        deputy=names.get(found.deputy_id or 0, ""),
    )  # fmt: skip


@blueprint.post("/rota/<int:shift_id>/drop")
def drop_shift(shift_id: int) -> ResponseReturnValue:
    """Out of the rota: this one, or the same one of later weeks too. The next page offers to put it back."""
    with services().database.transaction() as db:
        if db.get(Shift, shift_id) is None:
            return _gone()
        found = _own_shift(db, shift_id)
        dropped = rota.drop_shift(db, reader(), found, following=request.form.get("following") == "1")
        kept = [_kept(one) for one in dropped]
    session[UNDO] = {"shifts": kept}
    flash(say_many("%(count)s shift taken out.", "%(count)s shifts taken out.", len(kept)))
    return redirect(url_for("desk.rota_page"), 303)


@blueprint.post("/rota/undo")
def undo_rota() -> ResponseReturnValue:
    """Put back what was taken out last in this browser; once."""
    kept = session.pop(UNDO, {})
    with services().database.transaction() as db:
        for queue, office, staff_id, deputy_id, starts_at, ends_at in kept.get("shifts", []):
            if queue in access.plans_rota(reader()):
                rota.put_shift(
                    db, reader(), queue=queue, office=office, staff=db.get_one(Staff, staff_id),
                    deputy=db.get(Staff, deputy_id) if deputy_id else None,
                    starts_at=datetime.fromisoformat(starts_at), ends_at=datetime.fromisoformat(ends_at),
                )  # fmt: skip
        if "absence" in kept and str(kept["absence"][0]) in dict(_people_away(db)):
            staff_id, first, last = kept["absence"]
            staff = db.get_one(Staff, staff_id)
            rota.put_absence(db, reader(), staff, date.fromisoformat(first), date.fromisoformat(last))
    if kept:
        flash(say("Put back."))
    return redirect(url_for("desk.rota_page"), 303)


def _page(db: Session, form: ShiftForm | None, away: AwayForm) -> str:
    at, staff = now(), reader()
    monday = dates.begin_of(presenting_rota.first_monday(at))
    plan = Plan.read(db, monday, monday + timedelta(weeks=presenting_rota.WEEKS), zone=_zone())
    seen = access.reads_rota(staff)
    wanted = [(queue, office) for queue, office in gaps.places(plan) if queue in seen and _in_sight(office)]
    missing = sorted(
        {letters.letter(services().settings, queue) for queue in seen - {queue for queue, _ in wanted}}
    )  # no shift in six weeks
    return render_template(
        "desk/rota.html", here="desk.rota_page", form=form, away=away, missing=missing,
        weeks=presenting_rota.weeks(plan, wanted, _names(db), at), plans=bool(access.plans_rota(staff)),
        gaps=[presenting_rota.gap_words(one) for one in gaps.coming(db, at, services().settings)
              if one.queue in seen and _in_sight(one.office)],
        absences=_absences(db, at.astimezone(_zone()).date()), undo=UNDO in session,
    )  # fmt: skip


def _planned(db: Session, form: ShiftForm) -> bool:
    """Put the shifts in; False with the fault under its field."""
    first, last = form.first.data, form.last.data or form.first.data
    if form.hours.data == "week":
        last = first
    if not 0 <= (last - first).days < MOST_DAYS:
        form.last.errors = [say("Up to seven days at once, the last one not before the first.")]
        return False
    staff = db.get_one(Staff, int(form.staff.data))
    deputy = db.get_one(Staff, int(form.deputy.data)) if form.deputy.data else None
    try:
        for number in range((last - first).days + 1):
            starts_at, ends_at = _hours(first + timedelta(days=number), form.hours.data)
            rota.put_shift(
                db, reader(), queue=form.queue.data, office=form.office.data, staff=staff, deputy=deputy,
                starts_at=starts_at, ends_at=ends_at, weeks=int(form.weeks.data),
            )  # fmt: skip
    except ReferralError as error:
        faults = {
            "deputy": (form.deputy, say("The deputy must be somebody else.")),
            "serves": (form.staff, say("Both must serve this queue.")),
        }
        field, words = faults.get(str(error), (form.first, say("Go back and try again.")))
        field.errors = [words]
        return False
    session.pop(UNDO, None)
    flash(
        say(
            "Planned: %(name)s, %(words)s.",
            name=staff.name,
            words=presenting_rota.span_words(*_hours(first, form.hours.data)),
        )
    )
    return True


def _hours(day: date, preset: str) -> tuple[datetime, datetime]:
    hour, length = PRESETS[preset]
    begin = datetime.combine(day, hour, _zone())
    return begin, begin + length


def _shift_form(db: Session, *, fresh: bool = False) -> ShiftForm | None:
    """None for whoever plans nothing; `fresh`: another form of the page was sent."""
    queues = access.plans_rota(reader())
    if not queues:
        return None
    names = [(one, letters.letter(services().settings, one)) for one in access.QUEUES if one in queues]
    choices = sorted(((code, say("Queue %(letter)s", letter=name)) for code, name in names), key=lambda pair: pair[1])
    offices = list(db.scalars(select(Case.office).where(Case.office != "").distinct().order_by(Case.office)))
    people = [(str(one.id), f"{one.name} · {roles.role(one.role)}") for one in _planned_people(db)]
    values: dict[str, Any] = {"formdata": None} if fresh else {}
    return ShiftForm(choices, offices, people, **values)


def _away_form(db: Session) -> AwayForm:
    return AwayForm(_people_away(db))


def _people_away(db: Session) -> Choices:
    """Whose days away this person may note: first of all one's own."""
    mine = reader()
    others = [(str(one.id), one.name) for one in _planned_people(db) if one.id != mine.id]
    return [(str(mine.id), mine.name), *others]


def _planned_people(db: Session) -> list[Staff]:
    """Everybody who can stand in a rota that this person plans."""
    queues = access.plans_rota(reader())
    staff = db.scalars(select(Staff).where(Staff.active, Staff.phone_enc.is_not(None)).order_by(Staff.name))
    return [one for one in staff if access.serves(one) & queues and one.role != "partner"]


def _absences(db: Session, today: date) -> list[tuple[Absence, str]]:
    names = dict(_people_away(db))
    wanted = select(Absence).where(Absence.last_day >= today, Absence.staff_id.in_([int(one) for one in names]))
    return [(one, names[str(one.staff_id)]) for one in db.scalars(wanted.order_by(Absence.first_day))]


def _told_of(db: Session, staff: Staff, first: date, last: date) -> str:
    """Noted; and which shifts of theirs nobody covers now."""
    open_shifts = rota.uncovered(db, staff.id, first, last, zone=_zone())
    if not open_shifts:
        return say("Days away noted.")
    words = ", ".join(presenting_rota.span_words(one.starts_at, one.ends_at) for one in open_shifts[:3])
    return say("Days away noted. On duty then, without a deputy: %(shifts)s.", shifts=words)


def _own_shift(db: Session, shift_id: int) -> Shift:
    found = db.get(Shift, shift_id)
    if found is None or found.queue not in access.plans_rota(reader()):
        abort(404)
    return found


def _gone() -> ResponseReturnValue:
    flash(say("A colleague has taken it out already."))
    return redirect(url_for("desk.rota_page"), 303)


def _kept(one: Shift) -> list[Any]:
    return [one.queue, one.office, one.staff_id, one.deputy_id, one.starts_at.isoformat(), one.ends_at.isoformat()]


def _names(db: Session) -> dict[int, str]:
    return {row[0]: row[1] for row in db.execute(select(Staff.id, Staff.name))}


def _in_sight(office: str) -> bool:
    return not office or not reader().offices or office in reader().offices


def _zone() -> ZoneInfo:
    return ZoneInfo(services().settings.timezone)
