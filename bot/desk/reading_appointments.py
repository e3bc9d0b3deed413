"""What the desk asks the tables about appointments; only of files that the reader may read."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from bot.cases.appointments import LIVE
from bot.cases.places import TAKES_ROOM
from bot.referrals import access
from bot.store.models import Appointment, Case, Place, Staff

MOST = 300
UNMARKED_FOR = timedelta(days=14)  # so long a day that nobody marked is asked for


def offices(session: Session, staff: Staff) -> list[str]:
    """Whose day lists this person may open."""
    known = select(Place.office).distinct().order_by(Place.office)
    return list(session.scalars(known.where(Place.office.in_(staff.offices)) if staff.offices else known))


def of_day(session: Session, staff: Staff, office: str, day: date) -> list[tuple[Appointment, Case, Place]]:
    """Who is expected that day, or was; by place, then by name."""
    wanted = (
        select(Appointment, Case, Place)
        .join(Case, Case.id == Appointment.case_id)
        .join(Place, Place.id == Appointment.place_id)
        .where(
            access.visible_files(staff), Place.office == office, Appointment.day == day,
            Appointment.state.in_(TAKES_ROOM),
        )
        .order_by(Place.name, Case.name, Appointment.id)
        .limit(MOST)
    )  # fmt: skip
    return [(row.Appointment, row.Case, row.Place) for row in session.execute(wanted)]


def unmarked(session: Session, staff: Staff, office: str, today: date) -> list[tuple[date, int]]:
    """Days gone by on which somebody was expected and nobody said who came."""
    counted = (
        select(Appointment.day, func.count())
        .join(Case, Case.id == Appointment.case_id)
        .join(Place, Place.id == Appointment.place_id)
        .where(
            access.visible_files(staff), Place.office == office, Appointment.state.in_(LIVE),
            Appointment.day.between(today - UNMARKED_FOR, today - timedelta(days=1)),
        )
        .group_by(Appointment.day)
        .order_by(Appointment.day)
    )  # fmt: skip
    return [(day, number) for day, number in session.execute(counted)]


def wishes(session: Session, staff: Staff, office: str, today: date) -> list[tuple[Appointment, Case]]:
    """Those who asked for another day and have not chosen one."""
    wanted = (
        select(Appointment, Case)
        .join(Case, Case.id == Appointment.case_id)
        .where(
            access.visible_files(staff), Case.office == office, Appointment.said == "other_day",
            Appointment.state.in_(LIVE), Appointment.day >= today,
        )
        .order_by(Appointment.day)
        .limit(MOST)
    )  # fmt: skip
    return [(row.Appointment, row.Case) for row in session.execute(wanted)]


def to_call(session: Session, staff: Staff, office: str) -> list[tuple[Appointment, Case]]:
    """Those who missed two days in a row and have no new one: a person calls them (domain rules)."""
    other, kept = aliased(Appointment), aliased(Appointment)
    came = select(func.max(kept.day)).where(kept.case_id == Case.id, kept.state == "ATTENDED")
    missed = select(func.count()).where(
        other.case_id == Case.id,
        other.state == "NO_SHOW",
        other.day > func.coalesce(came.correlate(Case).scalar_subquery(), date.min),
    )
    later = exists().where(other.case_id == Case.id, other.id > Appointment.id, other.state != "MOVED")
    wanted = (
        select(Appointment, Case)
        .join(Case, Case.id == Appointment.case_id)
        .where(
            access.visible_files(staff), Case.office == office, Appointment.state == "NO_SHOW", ~later,
            missed.correlate(Case).scalar_subquery() == 2,
        )
        .order_by(Appointment.day)
        .limit(MOST)
    )  # fmt: skip
    return [(row.Appointment, row.Case) for row in session.execute(wanted)]


def load(session: Session, office: str, first: date, last: date) -> list[tuple[Place, date, int]]:
    """How many people each place of an office expects on each day."""
    counted = (
        select(Place, Appointment.day, func.count(Appointment.id))
        .join(Appointment, Appointment.place_id == Place.id)
        .where(Place.office == office, Appointment.day.between(first, last), Appointment.state.in_(TAKES_ROOM))
        .group_by(Place.id, Appointment.day)
        .order_by(Appointment.day, Place.name)
    )
    return [(place, day, number) for place, day, number in session.execute(counted)]


def of_file(session: Session, file: Case) -> list[tuple[Appointment, Place]]:
    """All appointments of a file, the latest first."""
    wanted = (
        select(Appointment, Place)
        .join(Place, Place.id == Appointment.place_id)
        .where(Appointment.case_id == file.id)
        .order_by(Appointment.id.desc())
        .limit(MOST)
    )
    return [(row.Appointment, row.Place) for row in session.execute(wanted)]


def places_of(session: Session, staff: Staff, office: str = "") -> list[Place]:
    """Places of this person's offices, or of one of them; those in use first."""
    wanted = select(Place).order_by(Place.active.desc(), Place.office, Place.name)
    if staff.offices:
        wanted = wanted.where(Place.office.in_(staff.offices))
    return list(session.scalars(wanted.where(Place.office == office, Place.active) if office else wanted))
