"""What ends an acceptance by itself: no call in time, or an answer by SMS that nobody stood by at the desk (safety 16, 17).

A sender can be forged, so an SMS alone never ends the ladder of a critical referral: where it would, a clock stays, and
stops only for whoever has it and was at the desk since, signed in, with this request before them.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.referrals import words
from bot.referrals.clocks import Clocks
from bot.referrals.rows import release
from bot.referrals.telling import tell
from bot.store.ciphers import Ciphers
from bot.store.models import Audit, Ladder, Referral, ReferralEvent, Staff

UNCONFIRMED = "unconfirmed"  # of `Ladder.why`


def stand_still(
    session: Session,
    referral: Referral,
    ladder: Ladder,
    *,
    at: datetime,
    clocks: Clocks,
    earlier: datetime | None = None,
) -> None:
    """No clock of the ladder runs any more, but for a critical referral that was answered by SMS alone.

    `earlier`: until when it waited for the desk before; more SMS never put that off.
    """
    if referral.level == "critical" and not _at_desk_since(session, referral):
        ladder.due_at, ladder.why = earlier or at + clocks.confirm_within, UNCONFIRMED
    else:
        ladder.due_at = None


def waits_until(session: Session, referral: Referral, ladder: Ladder) -> datetime | None:
    """Until when it waits for the desk; None: it does not, or whoever has it was there."""
    return ladder.due_at if ladder.why == UNCONFIRMED and not _at_desk_since(session, referral) else None


def served(session: Session, referral: Referral, ladder: Ladder) -> bool:
    """Does somebody have it who tried to call, or who was at the desk with it since their last SMS?"""
    if referral.accepted_by is None:
        return False
    if ladder.why == UNCONFIRMED:
        return _at_desk_since(session, referral)
    return referral.first_attempt_at is not None


def _at_desk_since(session: Session, referral: Referral) -> bool:
    """Did whoever has it open it, or do anything with it, at the desk after their last SMS about it?"""
    theirs = (Audit.subject == f"referral:{referral.id}", Audit.staff_id == referral.accepted_by)
    by_sms = func.coalesce(Audit.detail["by"].astext, "") == "sms"
    last = session.scalar(select(func.max(Audit.id)).where(*theirs, by_sms))
    if last is None:
        return True
    return session.scalar(select(Audit.id).where(*theirs, ~by_sms, Audit.id > last).limit(1)) is not None


def lapse(
    session: Session, referral: Referral, ladder: Ladder, *, at: datetime, ciphers: Ciphers, settings: Settings
) -> None:
    """Free again: the next person is told, and whoever had it hears why."""
    unconfirmed = ladder.why == UNCONFIRMED
    staff = session.get(Staff, referral.accepted_by)
    event = ReferralEvent(referral_id=referral.id, at=at, staff_id=referral.accepted_by, kind="lapsed")
    event.detail = {"why": ladder.why}
    session.add(event)
    if staff is not None:
        name = "not_confirmed" if unconfirmed else "lapsed"
        text = words.say(name, staff.language, ticket=words.shown(referral.ticket))
        tell(session, staff, text=text, at=at, referral_id=referral.id, ciphers=ciphers, settings=settings)
    release(referral)
