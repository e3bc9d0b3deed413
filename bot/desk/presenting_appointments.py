"""Appointments as the desk shows them: the day list of an office, and the part of a file's page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from bot.cases import appointments
from bot.cases.place_names import written
from bot.desk import presenting_folder
from bot.desk import reading_appointments as reading
from bot.desk.case_reading import Reading
from bot.desk.forms_appointments import OtherDayForm, ProposeForm
from bot.desk.words import appointments as words
from bot.desk.words import dates
from bot.referrals import access
from bot.store.models import Appointment, Case, Place, Staff

WEEK = timedelta(days=6)


def day_page(
    session: Session, staff: Staff, office: str, day: date, today: date, *, codes: Mapping[int, str]
) -> dict[str, Any]:
    """Who comes that day, what is still to be marked, whom to call, and how full the week is.

    `codes`: with which who came is told by SMS, by appointment; empty where that does not count.
    """
    monday = day - timedelta(days=day.weekday())
    return {
        "coded": bool(codes),
        "people": [
            _line(*row, today=today, code=codes.get(row[0].id, ""))
            for row in reading.of_day(session, staff, office, day)
        ],
        "unmarked": [
            (one, dates.short_date(one), number) for one, number in reading.unmarked(session, staff, office, today)
        ],
        "wishes": [_person(*row) for row in reading.wishes(session, staff, office, today)],
        "calls": [_person(*row) for row in reading.to_call(session, staff, office)],
        "week": [_bar(*row) for row in reading.load(session, office, monday, monday + WEEK)],
        "may": access.notes_progress(staff),
    }


def appointments_part(found: Reading) -> Mapping[str, Any]:
    """The appointment of a file, what can be done with it, and those before it."""
    may, rows = access.notes_progress(found.staff), reading.of_file(found.session, found.file)
    standing = next((row for row in rows if row[0].state in appointments.LIVE), None)
    missed = next((row for row in rows[:1] if row[0].state in ("NO_SHOW", "CANCELLED")), None)
    places = reading.places_of(found.session, found.staff, found.file.office) if may else []
    open_one = standing or missed
    return {
        "standing": _shown(*standing) if standing else None,
        "before": [_shown(*row) for row in rows if row is not standing],
        "other": found.form(OtherDayForm) if may and open_one else None,
        "other_id": open_one[0].id if open_one else None,
        "propose": found.form(ProposeForm, places=places) if may and places and not standing else None,
        "followed": found.file.stage in appointments.FOLLOWED,
        "places": bool(places),
    }


def _line(one: Appointment, file: Case, place: Place, *, today: date, code: str) -> dict[str, Any]:
    return _person(one, file) | {
        "name": file.name,
        "place": words.place(written(place.name, one.detail)),
        "purpose": words.purpose(one.purpose),
        "state": words.state(one.state),
        "answer": words.said(one.said),
        "code": code,
        "came": {"ATTENDED": True, "NO_SHOW": False}.get(one.state),
        "due": one.day <= today,
    }


def _person(one: Appointment, file: Case) -> dict[str, Any]:
    number = presenting_folder.shown_case(file.number)
    return {"id": one.id, "case": file.id, "number": number, "day": dates.short_date(one.day)}


def _bar(place: Place, day: date, number: int) -> dict[str, Any]:
    full = min(100, round(100 * number / place.capacity))
    return {
        "day": dates.full_day(dates.begin_of(day)), "place": words.place(place.name), "number": number, "room": place.capacity,
        "percent": full, "full": number >= place.capacity,
    }  # fmt: skip


def _shown(one: Appointment, place: Place) -> dict[str, Any]:
    return {
        "id": one.id,
        "day": dates.full_day(dates.begin_of(one.day)),
        "place": words.place(written(place.name, one.detail)),
        "purpose": words.purpose(one.purpose),
        "state": words.state(one.state),
        "answer": words.said(one.said),
    }
