"""Who came, told by SMS with the codes of the day list. A sender can be forged: a code marks attendance and no more, on its
day and until the next working day, and is answered with nothing but itself (safety 16).

No code is kept: it follows from the appointment and its day.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.cases import appointments
from bot.cases.places import TAKES_ROOM
from bot.config import Settings
from bot.engine.effects import StaffAnswer
from bot.errors import CaseError
from bot.referrals import access, words
from bot.referrals.answering import refuse, sender
from bot.referrals.clocks import Clocks
from bot.referrals.guessing import rests_until
from bot.referrals.telling import reply
from bot.store.ciphers import Ciphers
from bot.store.models import Appointment, Audit, Case, Place, Staff

log = structlog.get_logger(__name__)

CAME = {"came": True, "absent": False}  # what is texted with a code
TRIES = 50  # to find a code that is free: a few hundred a day always have one
LONGEST_CLOSED = 14  # days
DAY = timedelta(days=1)


def codes(session: Session, offices: Sequence[str], first: date, last: date, *, ciphers: Ciphers) -> dict[int, str]:
    """The code of each appointment from the first day to the last at these offices (none named: at all), by its id.

    Four digits, no part of the file's number, unlike any other of that office and day; odd on one day and even on
    the next, so that yesterday's sheet and today's do not mix. Also those moved or taken off count, by age: what
    comes later never changes a code that is on paper.
    """
    wanted = (
        select(Appointment.id, Appointment.day, Place.office, Case.number)
        .join(Place, Place.id == Appointment.place_id)
        .join(Case, Case.id == Appointment.case_id)
        .where(Appointment.day.between(first, last))
        .order_by(Appointment.id)
    )
    given: dict[int, str] = {}
    used: set[tuple[str, date, str]] = set()
    for one in session.execute(wanted.where(Place.office.in_(offices)) if offices else wanted):
        for attempt in range(TRIES):
            code = _code(one.id, one.day, attempt, ciphers)
            if (one.office, one.day, code) not in used and code not in one.number:
                used.add((one.office, one.day, code))
                given[one.id] = code
                break
    return given


def marked_since(today: date, clocks: Clocks) -> date:
    """The first day that can still be marked by SMS today: the last working day."""
    gone_by = (today - n * DAY for n in range(1, LONGEST_CLOSED))
    return next((day for day in gone_by if clocks.office_hours(day) is not None), today - DAY)


def staff_answer(
    session: Session,
    effect: StaffAnswer,
    *,
    sender_digest: str,
    at: datetime,
    turn: str,
    ciphers: Ciphers,
    settings: Settings,
) -> bool:
    """Mark whom the code stands for; False if the number is nobody's of the staff, as for the codes of alerts.

    The same turn again does nothing. A wrong code, a late one, somebody else's, and one that stands for people of
    two offices are answered as a wrong code of an alert, and count as guesses like it.
    """
    staff = sender(session, sender_digest)
    if staff is None:
        return False
    clocks = Clocks.of(settings)
    today, found = clocks.local(at).date(), None
    if rests_until(session, staff.id, at) is None:
        found = _meant(session, staff, effect.code, marked_since(today, clocks), today, ciphers=ciphers)
    if found is None or not _mark(session, staff, found, CAME[effect.answer], at=at, today=today, turn=turn):
        refuse(session, staff, effect.code, at=at, ciphers=ciphers, settings=settings)
    else:
        text = words.say("attendance", staff.language, code=effect.code)
        once = ciphers.derived_id(bytes.fromhex(turn), "attendance")
        reply(session, staff, text=text, at=at, message_id=once, ciphers=ciphers, settings=settings)
    log.info("staff_answered", staff=staff.id, answer=effect.answer, appointments=int(found is not None))
    return True


def _code(appointment_id: int, day: date, attempt: int, ciphers: Ciphers) -> str:
    digest = ciphers.code(f"appointment|{day}", f"{appointment_id}|{attempt}")
    return f"{int.from_bytes(digest[:8], 'big') % 5_000 * 2 + day.toordinal() % 2:04d}"


def _meant(
    session: Session, staff: Staff, code: str, first: date, last: date, *, ciphers: Ciphers
) -> Appointment | None:
    """Whoever this person would find under the code on their own day lists, if it is one person."""
    if not access.notes_progress(staff):
        return None
    given = codes(session, staff.offices, first, last, ciphers=ciphers)
    wanted = (
        select(Appointment)
        .join(Case, Case.id == Appointment.case_id)
        .where(
            Appointment.id.in_([one for one, its_own in given.items() if its_own == code]),
            Appointment.state.in_(TAKES_ROOM), access.visible_files(staff),
        )
    )  # fmt: skip
    found = session.scalars(wanted).all()
    return found[0] if len(found) == 1 else None


def _mark(
    session: Session, staff: Staff, found: Appointment, came: bool, *, at: datetime, today: date, turn: str
) -> bool:
    """False: it was moved or taken off meanwhile."""
    try:
        changed = appointments.mark(session, found.id, came, by=f"sms:{staff.id}", at=at, today=today, turn=turn)
    except CaseError:
        return False
    if changed:
        subject, how = f"case:{found.case_id}", {"by": "sms"}
        session.add(Audit(staff_id=staff.id, at=at, action="appointment_marked", subject=subject, detail=how))
    return True
