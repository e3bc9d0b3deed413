"""Where and when there is room: opening days, the calendar, the journey, and how many people a day takes.

Sources: domain rules (7 days' notice, a journey of two days, no Friday for whoever comes from far), bot/outreach/calendar.py.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.cases.place_names import WITHOUT_TRIP
from bot.outreach.calendar import Calendar
from bot.store.models import Appointment, Case, Place

NOTICE = timedelta(days=7)  # to hear of it, and to find the bus
FURTHEST = timedelta(days=35)  # how far ahead days are offered
TAKES_ROOM = ("PROPOSED", "CONFIRMED", "REMINDED", "ATTENDED", "NO_SHOW")
FRIDAY = 5
DAY = timedelta(days=1)


def needs_trip(place: Place) -> bool:
    """Does the person travel there, so that transport is paid?"""
    return place.kind not in WITHOUT_TRIP


def suits(place: Place, case: Case, day: date, *, calendar: Calendar) -> bool:
    """Is the place open, and can this person get there and back that day?"""
    if not place.active or day.isoweekday() not in place.weekdays or not calendar.may_meet(day, place.region):
        return False
    if not needs_trip(place):
        return place.kind != "home" or not calendar.closed(day, case.region)
    if case.region == place.region:
        return True
    # From far it takes two days: the way must be open on the eve too, and no bus leaves after the Friday prayer.
    way = (case.region, place.region)
    return day.isoweekday() != FRIDAY and not any(
        calendar.closed(one, region) for one in (day - DAY, day) for region in way
    )


def taken(session: Session, place: Place, first: date, last: date) -> dict[date, int]:
    """How many people are expected, or were, on each of these days; days without anybody are left out."""
    counted = (
        select(Appointment.day, func.count())
        .where(
            Appointment.place_id == place.id,
            Appointment.day.between(first, last),
            Appointment.state.in_(TAKES_ROOM),
        )
        .group_by(Appointment.day)
    )
    return {day: number for day, number in session.execute(counted)}  # noqa: C416 - rows are no pairs to mypy


def free_days(
    session: Session, place: Place, case: Case, *, after: date, calendar: Calendar, most: int, but: date | None = None
) -> list[date]:
    """The first days with room that suit, from `after` on; `but`: the day that the person already has."""
    found: list[date] = []
    full = taken(session, place, after, after + FURTHEST)
    for day in _days(after, after + FURTHEST):
        if day != but and full.get(day, 0) < place.capacity and suits(place, case, day, calendar=calendar):
            found.append(day)
            if len(found) == most:
                break
    return found


def hold(session: Session, place_id: int) -> Place:
    """The place, held until the end of the transaction: whoever else wants room there waits, so that nobody overbooks."""
    held = select(Place).where(Place.id == place_id).with_for_update().execution_options(populate_existing=True)
    return session.scalars(held).one()


def has_room(session: Session, place: Place, day: date) -> bool:
    """Is there room for one more? Only sure while the place is held."""
    return taken(session, place, day, day).get(day, 0) < place.capacity


def _days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += DAY
