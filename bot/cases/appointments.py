"""Appointments: proposed, confirmed, moved, cancelled, reminded of, kept or missed. Every step writes who and when.

A file has one appointment at a time. `cases.next_appointment` and `appointment_place` are a copy of it for the status
screen, written here alone. Each step holds the file first, then the place, so that two never wait for each other.
Sources: domain rules (the process), docs/appointments.md.
"""

from datetime import date, datetime, time, timedelta

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from bot.cases import places
from bot.cases.place_names import written
from bot.cases.stages import MAIN
from bot.errors import CaseError
from bot.kinds import Kind
from bot.messages import Delivery
from bot.outreach.calendar import Calendar
from bot.store.models import Appointment, AppointmentEvent, Case, Message, Place

LIVE = ("PROPOSED", "CONFIRMED", "REMINDED")
MARKS = ("ATTENDED", "NO_SHOW")
FOLLOWED = frozenset({*MAIN, "WAITING_DOCUMENT"})  # whom we ask to come, and remind
PURPOSES = ("kit", "training", "visit", "call", "document")
SAID = {"coming": "CONFIRMED", "other_day": "", "cannot": "CANCELLED"}  # an answer, and the state that it leads to
REMIND_AT = time(8, 30)  # three days and one day before
REMIND_DAYS = (3, 1)
TAKEN_BACK_WITHIN = timedelta(minutes=30)  # a mark of "did not come", before anything follows from it


def propose(
    session: Session,
    case_id: int,
    place_id: int,
    day: date,
    purpose: str,
    *,
    by: str,
    at: datetime,
    calendar: Calendar,
    agreed: bool = False,
    detail: str = "",
    turn: str | None = None,
    moved_from: int | None = None,
) -> Appointment:
    """A day for a file that has none. `agreed`: the person said yes to staff, or chose it; then no notice is due.

    The same `turn` again gives the same appointment. Raises CaseError: unknown_purpose, not_followed, has_one,
    too_soon, closed_day, full.
    """
    if purpose not in PURPOSES:
        raise CaseError("unknown_purpose")
    case = _hold_case(session, case_id)
    if turn and (made := session.scalar(select(Appointment).where(Appointment.turn == turn))) is not None:
        return made
    if case.stage not in FOLLOWED:
        raise CaseError("not_followed")
    if live(session, case_id) is not None:
        raise CaseError("has_one")
    place = places.hold(session, place_id)
    notice = places.NOTICE if not agreed or turn else timedelta(0)
    _check_day(session, case, place, day, earliest=calendar.clocks.local(at).date() + notice, calendar=calendar)
    made = Appointment(
        case_id=case_id, place_id=place.id, detail=_detail(place, case, detail), day=day, purpose=purpose, by=by, at=at,
        state="CONFIRMED" if agreed else "PROPOSED", said="coming" if agreed else "", moved_from=moved_from, turn=turn,
        remind_at=next_notice(day, at, calendar=calendar) if agreed else at,
    )  # fmt: skip
    session.add(made)
    session.flush()
    _note(session, made, "", by=by, at=at)
    _copy(session, case)
    return made


def _check_day(session: Session, case: Case, place: Place, day: date, *, earliest: date, calendar: Calendar) -> None:
    """Raises CaseError: too_soon, closed_day, full. The row of the place is held: nobody takes its last room meanwhile."""
    if day < earliest:
        raise CaseError("too_soon")
    if not places.suits(place, case, day, calendar=calendar):
        raise CaseError("closed_day")
    if not places.has_room(session, place, day):
        raise CaseError("full")


def answer(session: Session, appointment_id: int, said: str, *, by: str, at: datetime, turn: str = "") -> bool:
    """The person's 1, 2, 3: `coming`; `other_day`, which the desk shows until there is one; `cannot`, which frees the place.

    False: there is nothing to answer any more, or this turn said so before.
    """
    return _answer(session, appointment_id, said, SAID[said], by=by, at=at, turn=turn)


def cancel(session: Session, appointment_id: int, *, by: str, at: datetime) -> bool:
    """There is no appointment any more; its place is free. False where there was none."""
    return _answer(session, appointment_id, "", "CANCELLED", by=by, at=at)


def move(
    session: Session,
    appointment_id: int,
    day: date,
    *,
    by: str,
    at: datetime,
    calendar: Calendar,
    agreed: bool = False,
    turn: str | None = None,
    place_id: int | None = None,
) -> Appointment:
    """To another day; also from one that was missed or cancelled. Raises as `propose`; the old one then stands.

    The new one remembers the old one; what was still to be sent about that is not sent any more.
    """
    old = _hold(session, appointment_id)
    if turn and (made := session.scalar(select(Appointment).where(Appointment.turn == turn))) is not None:
        return made
    if old.state in ("MOVED", "ATTENDED"):
        raise CaseError("not_live")
    place = session.get_one(Place, place_id or old.place_id)
    with session.begin_nested():
        if old.state in LIVE:
            _step(session, old, "MOVED", by=by, at=at)
        old.follow_at = None
        return propose(
            session, old.case_id, place.id, day, old.purpose, by=by, at=at, calendar=calendar, agreed=agreed,
            detail=old.detail, turn=turn, moved_from=old.id,
        )  # fmt: skip


def mark(
    session: Session, appointment_id: int, came: bool, *, by: str, at: datetime, today: date, turn: str = ""
) -> bool:
    """Whoever waits at the place says who came. Saying it again changes nothing: False; the other one corrects it.
    What the same `turn` said before counts once.

    Raises CaseError: not_due (the day is still to come), not_live (moved or cancelled), has_one (a correction,
    and meanwhile there is a new day).
    """
    found, to = _hold(session, appointment_id), "ATTENDED" if came else "NO_SHOW"
    if found.state == to or (turn and _heard(session, found, turn)):
        return False
    if found.state not in (*LIVE, *MARKS):
        raise CaseError("not_live")
    if found.day > today:
        raise CaseError("not_due")
    _step(session, found, to, by=by, at=at, turn=turn)
    found.follow_at = None if came else at + TAKEN_BACK_WITHIN
    _copy(session, session.get_one(Case, found.case_id))
    return True


def unmark(session: Session, appointment_id: int, *, by: str, at: datetime) -> None:
    """Take a mark back: as it stood before. Raises CaseError: not_marked, has_one."""
    found = _hold(session, appointment_id)
    if found.state not in MARKS:
        raise CaseError("not_marked")
    if live(session, found.case_id) is not None:
        raise CaseError("has_one")
    marks = select(AppointmentEvent).where(
        AppointmentEvent.appointment_id == found.id, AppointmentEvent.from_state.in_(LIVE)
    )
    first = session.scalars(marks.order_by(AppointmentEvent.id.desc()).limit(1)).first()
    _step(session, found, first.from_state if first is not None else "PROPOSED", by=by, at=at)
    found.follow_at = None
    _copy(session, session.get_one(Case, found.case_id))


def reminded(session: Session, found: Appointment, *, at: datetime, detail: dict[str, str]) -> None:
    """A notice was written to the person, or could not be: `detail` says which. Held by the caller."""
    before = found.state
    if "why" not in detail and detail["told"] != "new":
        found.state = "REMINDED"
    _note(session, found, before, by="clock", at=at, **detail)


def live(session: Session, case_id: int) -> Appointment | None:
    """The appointment that stands."""
    return session.scalars(
        select(Appointment).where(Appointment.case_id == case_id, Appointment.state.in_(LIVE))
    ).first()


def missed_in_a_row(session: Session, case_id: int) -> int:
    """No-shows since the person last came."""
    came = select(func.max(Appointment.day)).where(Appointment.case_id == case_id, Appointment.state == "ATTENDED")
    last = session.scalar(came)
    missed = select(func.count()).where(Appointment.case_id == case_id, Appointment.state == "NO_SHOW")
    return session.scalar(missed if last is None else missed.where(Appointment.day > last)) or 0


def next_notice(day: date, at: datetime, *, calendar: Calendar) -> datetime | None:
    """When the person is told next of this day: three days and one day before, in the morning; None: nothing is left."""
    for days in REMIND_DAYS:
        moment = calendar.clocks.moment(day - timedelta(days=days), REMIND_AT)
        if moment > at:
            return moment
    return None


def _answer(
    session: Session, appointment_id: int, said: str, to: str, *, by: str, at: datetime, turn: str = ""
) -> bool:
    found = _hold(session, appointment_id)
    if found.state not in LIVE or (turn and _heard(session, found, turn)):
        return False
    found.said = said or found.said
    if to == "CANCELLED":
        found.remind_at = None
        _withdraw_messages(session, found, at)
    before, found.state = found.state, to or found.state
    _note(session, found, before, by=by, at=at, turn=turn, **({"said": said} if said else {}))
    _copy(session, session.get_one(Case, found.case_id))
    return True


def _step(session: Session, found: Appointment, to: str, *, by: str, at: datetime, turn: str = "") -> None:
    before, found.state, found.remind_at = found.state, to, None
    _withdraw_messages(session, found, at)
    _note(session, found, before, by=by, at=at, turn=turn)
    session.flush()


def _hold_case(session: Session, case_id: int) -> Case:
    held = select(Case).where(Case.id == case_id).with_for_update().execution_options(populate_existing=True)
    return session.scalars(held).one()


def _hold(session: Session, appointment_id: int) -> Appointment:
    """The appointment, with its file held first."""
    of = select(Appointment.case_id).where(Appointment.id == appointment_id).scalar_subquery()
    session.scalars(select(Case).where(Case.id == of).with_for_update().execution_options(populate_existing=True)).one()
    return session.get_one(Appointment, appointment_id, with_for_update=True, populate_existing=True)


def _heard(session: Session, found: Appointment, turn: str) -> bool:
    before = select(AppointmentEvent.id).where(
        AppointmentEvent.appointment_id == found.id, AppointmentEvent.turn == turn
    )
    return session.scalar(before) is not None


def _note(
    session: Session, found: Appointment, before: str, *, by: str, at: datetime, turn: str = "", **detail: str
) -> None:
    session.add(
        AppointmentEvent(
            appointment_id=found.id, at=at, by=by, from_state=before, to_state=found.state, turn=turn, detail=detail
        )
    )


def _withdraw_messages(session: Session, found: Appointment, at: datetime) -> None:
    """What waits to be sent about it would be wrong now."""
    about = and_(
        Message.case_id == found.case_id,
        Message.kind == Kind.REMINDER.value,
        Message.state == Delivery.QUEUED.value,
        Message.question["values"]["appointment_id"].as_string() == str(found.id),
    )
    gone = {"state": Delivery.WITHHELD.value, "reason": "moved", "settled_at": at}
    session.execute(update(Message).where(about).values(gone).execution_options(synchronize_session=False))


def _detail(place: Place, case: Case, detail: str) -> str:
    """Of a visit at home the village, where nobody said another one."""
    return detail or (case.department if place.kind == "home" else "")


def _copy(session: Session, case: Case) -> None:
    """What the status screen reads: the day that stands, else the last one that nobody kept or took off."""
    session.flush()
    passed = or_(Appointment.state.in_(LIVE), Appointment.state == "NO_SHOW")
    last = (
        select(Appointment, Place)
        .join(Place, Place.id == Appointment.place_id)
        .where(Appointment.case_id == case.id, Appointment.state != "MOVED")
        .order_by(Appointment.state.in_(LIVE).desc(), Appointment.day.desc(), Appointment.id.desc())
        .limit(1)
    )
    row = session.execute(last.add_columns(passed.label("shown"))).first()
    shown = row is not None and row.shown
    case.next_appointment = row.Appointment.day if row is not None and shown else None
    case.appointment_place = written(row.Place.name, row.Appointment.detail) if row is not None and shown else ""
    session.flush()
