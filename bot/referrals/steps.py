"""What staff may do with a referral, from the desk or by SMS: one set of rules, one audit row a step.

Every function works inside the caller's transaction and raises ReferralError with a code:
`not_found` (also for who may not see it, safety 19), `over`, `taken`, `not_yours`, `unknown_result`, `empty`.
Writing to the person is bot/referrals/replying.py, the end is closing.py.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from bot.config import Settings
from bot.errors import ReferralError
from bot.referrals.clocks import Clocks, lapses_at
from bot.referrals.rows import add_event, audit, held, open_alerts, tell_taken
from bot.referrals.sealing import add_text
from bot.referrals.terms import read_terms
from bot.referrals.undoing import before
from bot.store.ciphers import Ciphers
from bot.store.models import Ladder, Referral, ReferralEvent, Staff

RESULTS = ("spoke", "no_answer", "other_answered", "bad_moment", "off")
OUTCOMES = ("helped", "referred", "advised", "not_reached", "withdrawn", "duplicate", "mistake")


def accept(
    session: Session, referral: Referral, staff: Staff, at: datetime, *, ciphers: Ciphers, settings: Settings
) -> datetime | None:
    """Take a referral on. Stops the ladder for 45 minutes from the first moment at which a call is allowed.

    Returns until when a call must be logged; None: no call is allowed yet, and the acceptance stands (safety 16).
    Taking what is one's own already changes nothing.
    """
    referral, ladder = held(session, referral, staff)
    if referral.accepted_by == staff.id:
        return ladder.due_at
    if referral.accepted_by is not None:
        raise ReferralError("taken")
    take(session, referral, ladder, staff=staff, at=at, ciphers=ciphers, settings=settings)
    audit(session, staff, "accept", referral=referral, at=at)
    return ladder.due_at


def log_call(
    session: Session,
    referral: Referral,
    staff: Staff,
    result: str,
    at: datetime,
    *,
    ciphers: Ciphers,
    settings: Settings,
    **how: str,
) -> None:
    """An attempt to call, whatever came of it; who calls first has taken the referral on. `how`: for the records."""
    if result not in RESULTS:
        raise ReferralError("unknown_result")
    referral, ladder = held(session, referral, staff)
    if referral.accepted_by is None:
        take(session, referral, ladder, staff=staff, at=at, ciphers=ciphers, settings=settings)
    was = before(referral, ladder)
    _attempted(referral, ladder, at)
    if result == "spoke":
        referral.state = "in_progress"
    add_event(session, referral, staff, "call_logged", at, result=result, was=was)
    audit(session, staff, "log_call", referral=referral, at=at, result=result, **how)


def note(session: Session, referral: Referral, staff: Staff, text: str, at: datetime, *, ciphers: Ciphers) -> None:
    """Words for colleagues who may see the referral; encrypted, sealed where it is. A note is no attempt."""
    if not text.strip():
        raise ReferralError("empty")
    referral, _ = held(session, referral, staff, over=True)
    noted = ReferralEvent(referral_id=referral.id, at=at, staff_id=staff.id, kind="noted")
    add_text(session, referral, noted, text.strip(), ciphers=ciphers)
    audit(session, staff, "note", referral=referral, at=at)


def leave_call_now(
    session: Session, referral: Referral, staff: Staff, at: datetime, *, ciphers: Ciphers, settings: Settings
) -> None:
    """Whoever types the ticket number is asked "call us now?" (safety 2). Counts as the attempt (safety 16)."""
    referral, ladder = held(session, referral, staff)
    if referral.accepted_by is None:
        take(session, referral, ladder, staff=staff, at=at, ciphers=ciphers, settings=settings)
    referral.call_now, referral.call_now_answered_at = True, None
    _attempted(referral, ladder, at)
    session.add(ReferralEvent(referral_id=referral.id, at=at, staff_id=staff.id, kind="call_now_left"))
    audit(session, staff, "leave_call_now", referral=referral, at=at)


def take(
    session: Session,
    referral: Referral,
    ladder: Ladder,
    *,
    staff: Staff,
    at: datetime,
    ciphers: Ciphers,
    settings: Settings,
) -> None:
    """The acceptance itself, on rows already locked and free; the desk calls `accept`."""
    was = before(referral, ladder)
    referral.state, referral.accepted_by, referral.accepted_at = "accepted", staff.id, at
    for alert in open_alerts(session, referral.id):
        alert.open = False
        if alert.staff_id == staff.id:
            alert.answer, alert.answered_at = "ok", at
    clocks = Clocks.of(settings)
    ladder.due_at = lapses_at(read_terms(referral, ciphers=ciphers), at, clocks=clocks)
    ladder.why = "no_call"
    add_event(session, referral, staff, "accepted", at, was=was)
    tell_taken(session, referral, by=staff, at=at, ciphers=ciphers, settings=settings)


def _attempted(referral: Referral, ladder: Ladder, at: datetime) -> None:
    referral.first_attempt_at = referral.first_attempt_at or at
    ladder.due_at = None
