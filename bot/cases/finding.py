"""Which appointment a conversation is about: by the id of a pushed question, or by the file and the day that was shown."""

from collections.abc import Mapping

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from bot.cases.appointments import LIVE
from bot.store.models import Appointment, Case


def answered(session: Session, values: Mapping[str, str]) -> Appointment | None:
    """Of `appointment_id`, or of `case` and `day` (`w:2026-11-30`): the latest of that file on that day."""
    if values.get("appointment_id", "").isdigit():
        return session.get(Appointment, int(values["appointment_id"]))
    if not values.get("case") or not values.get("day"):
        return None
    on_the_day = _of_case(values["case"]).where(Appointment.day == values["day"].removeprefix("w:"))
    return session.scalars(on_the_day.order_by(Appointment.id.desc()).limit(1)).first()


def current(session: Session, number: str) -> Appointment | None:
    """The appointment of a file that stands, else the last one that there was."""
    last = _of_case(number).where(Appointment.state != "MOVED")
    live = Appointment.state.in_(LIVE).desc()
    return session.scalars(last.order_by(live, Appointment.day.desc(), Appointment.id.desc()).limit(1)).first()


def of_turn(session: Session, turn: str) -> Appointment | None:
    """What this very turn chose before."""
    return session.scalars(select(Appointment).where(Appointment.turn == turn)).first()


def _of_case(number: str) -> Select[Appointment]:
    return select(Appointment).join(Case, Case.id == Appointment.case_id).where(Case.number == number)
