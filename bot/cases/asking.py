"""What a conversation may ask about files, appointments and trainings: the look-ups of flows/data.yaml answered here."""

from datetime import date

from sqlalchemy.orm import Session

from bot.asking import Answers, Asking
from bot.cases import appointments, finding, places
from bot.engine.ports import Found, Item
from bot.errors import CaseError
from bot.outreach.calendar import Calendar
from bot.store.models import Appointment, Case, Place

OFFERED = 6  # days on one screen
AFTER_MISSING = 3  # dates, after somebody did not come (domain rules)


def appointment_days(asking: Asking) -> Found:
    """Days with room for another appointment at the same place, at least a week from now."""
    with Session(asking.connection) as session:
        found = finding.current(session, asking.values["case"])
        if found is None or found.state == "ATTENDED":
            return Found("none")
        calendar = Calendar.of(asking.settings)
        days = places.free_days(
            session,
            session.get_one(Place, found.place_id),
            session.get_one(Case, found.case_id),
            after=_today(asking, calendar) + places.NOTICE,
            calendar=calendar,
            most=AFTER_MISSING if found.state == "NO_SHOW" else OFFERED,
            but=found.day,
        )
    items = tuple(Item(day.isoformat(), f"w:{day.isoformat()}") for day in days)
    return Found("some" if items else "none", items=items)


def move_appointment(asking: Asking) -> Found:
    """Take the picked day, at once: somebody else may want the last place. The same turn again is the same day."""
    values, turn = asking.values, asking.turn.hex()
    with Session(asking.connection) as session:
        made = finding.of_turn(session, turn)
        found = finding.current(session, values["case"])
        if made is None and (found is None or not _shown(found, values.get("day", ""))):
            return Found("gone")
        try:
            day = made.day if made is not None else _move(session, asking, found, turn) if found is not None else None
        except CaseError as refused:
            return Found("full" if str(refused) in ("full", "closed_day", "too_soon") else "gone")
        session.flush()
    return Found("moved", {"day": f"w:{day}"})


def appointment_stands(asking: Asking) -> Found:
    """Is the appointment of a pushed question still to come?"""
    with Session(asking.connection) as session:
        found = finding.answered(session, asking.values)
        today = _today(asking, Calendar.of(asking.settings))
        stands = found is not None and found.state in appointments.LIVE and found.day >= today
    return Found("stands" if stands else "gone")


def _move(session: Session, asking: Asking, found: Appointment, turn: str) -> date:
    day = date.fromisoformat(asking.values["new_day"])
    calendar = Calendar.of(asking.settings)
    return appointments.move(
        session, found.id, day, by="person", at=asking.now, calendar=calendar, agreed=True, turn=turn
    ).day


def _shown(found: Appointment, day: str) -> bool:
    """Is it the one that the screen showed? `day` "" where it showed none."""
    return not day or day == f"w:{found.day}"


def _today(asking: Asking, calendar: Calendar) -> date:
    return calendar.clocks.local(asking.now).date()


ASKED: Answers = {
    "appointment_days": appointment_days,
    "move_appointment": move_appointment,
    "appointment_stands": appointment_stands,
}
