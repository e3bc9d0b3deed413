"""An activity: its days, who has a place, who waits, who was there."""

from __future__ import annotations

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.community import activities, communities
from bot.desk.blueprint import blueprint
from bot.desk.community_steps import checked, matters, take
from bot.desk.forms_community import DayForm, PersonForm, PlacesForm
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import communities as words
from bot.desk.words import dates, say
from bot.errors import CommunityError
from bot.store.ciphers import Unreadable
from bot.store.models import Activity, ActivitySession, Attendance, Community, Contact, Participant


@blueprint.get("/activities/<int:activity_id>")
def activity(activity_id: int) -> ResponseReturnValue:
    """The page of one; `?day=` shows who was there on that day."""
    with matters() as session:
        row = communities.theirs(session, reader(), Activity, activity_id)
        days = activities.days_of(session, row.id)
        chosen = _chosen(days)
        there = activities.participants(session, row.id)
        kept = select(Attendance.participant_id).where(
            Attendance.session_id == (chosen.id if chosen else 0), Attendance.there
        )
        shown = {
            "community": session.get_one(Community, row.community_id),
            "placed": [(one, _called(session, one)) for one in there if not one.waiting],
            "waiting": [(one, _called(session, one)) for one in there if one.waiting],
            "progress": activities.progress_of(session, row),
            "present": set(session.scalars(kept)),
        }
    return render_template(
        "desk/activity.html", row=row, days=days, chosen=chosen, words=words, day_form=DayForm(),
        person_form=PersonForm(), places_form=PlacesForm(data={"capacity": row.capacity}), here="desk.communities",
        **shown,
    )  # fmt: skip


@blueprint.post("/activities/<int:activity_id>/days")
def add_day(activity_id: int) -> ResponseReturnValue:
    """A day more."""

    def step(session: Session) -> None:
        row = communities.theirs(session, reader(), Activity, activity_id)
        form = DayForm()
        checked(form)
        activities.add_day(session, reader(), row, form.day.data, now())

    return take(_back(activity_id), step)


@blueprint.post("/activities/<int:activity_id>/places")
def change_places(activity_id: int) -> ResponseReturnValue:
    """More places, or fewer for those who come."""

    def step(session: Session) -> None:
        row = communities.theirs(session, reader(), Activity, activity_id)
        form = PlacesForm()
        checked(form)
        activities.change_capacity(session, reader(), row, form.capacity.data, now())

    return take(_back(activity_id), step)


@blueprint.post("/activities/<int:activity_id>/people")
def write_down(activity_id: int) -> ResponseReturnValue:
    """Somebody without a phone."""

    def step(session: Session) -> None:
        row = communities.theirs(session, reader(), Activity, activity_id)
        form = PersonForm()
        checked(form)
        name = " ".join(str(form.name.data).split())
        activities.write_down(session, reader(), row, name, now(), ciphers=services().ciphers)

    return take(_back(activity_id), step)


@blueprint.post("/activities/<int:activity_id>/days/<int:day_id>")
def keep_attendance(activity_id: int, day_id: int) -> ResponseReturnValue:
    """Who was there on a day."""

    def step(session: Session) -> None:
        row = communities.theirs(session, reader(), Activity, activity_id)
        day = session.get(ActivitySession, day_id)
        if day is None or day.activity_id != row.id:
            raise CommunityError("not_found")
        there = {int(one) for one in request.form.getlist("there") if one.isdecimal()}
        activities.attend(session, reader(), day, there, now())

    return take(url_for("desk.activity", activity_id=activity_id, day=day_id), step)


@blueprint.post("/activities/<int:activity_id>/close")
def close_activity(activity_id: int) -> ResponseReturnValue:
    """It is over; a training is completed by who was there often enough."""

    def step(session: Session) -> None:
        activities.close(session, reader(), communities.theirs(session, reader(), Activity, activity_id), now())

    return take(_back(activity_id), step)


def _chosen(days: list[ActivitySession]) -> ActivitySession | None:
    """The day that was asked for, else the last one that has come."""
    wanted = request.args.get("day", "")
    today = dates.local(now()).date()
    asked = next((one for one in days if str(one.id) == wanted), None)
    return asked or next((one for one in reversed(days) if one.day <= today), days[0] if days else None)


def _called(session: Session, place: Participant) -> str:
    """As the committee calls them; a phone by its last two digits, enough to tell two apart."""
    try:
        if place.name_enc is not None:
            return (
                services().ciphers.decrypt(place.name_enc, f"participants|{place.activity_id}|name".encode()).decode()
            )
        contact = session.scalars(select(Contact).where(Contact.digest == place.digest)).first()
        if contact is not None:
            number = services().ciphers.decrypt(contact.number_enc, f"contacts|{contact.digest}|number".encode())
            return say("phone ending in %(digits)s", digits=number.decode()[-2:])
    except Unreadable:
        pass
    return say("a phone")


def _back(activity_id: int) -> str:
    return url_for("desk.activity", activity_id=activity_id)
