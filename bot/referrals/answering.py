"""OK, NO and LATER by SMS. A sender can be forged: an answer accepts, refuses or postpones, and reads nothing (safety 16)."""

from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.engine.effects import StaffAnswer
from bot.referrals import words
from bot.referrals.access import may_see
from bot.referrals.clocks import Clocks
from bot.referrals.ladder import hurry
from bot.referrals.rows import OVER, audit, lock
from bot.referrals.steps import take
from bot.referrals.telling import tell
from bot.store.ciphers import Ciphers
from bot.store.models import Alert, Case, Ladder, Referral, Staff

log = structlog.get_logger(__name__)

Held = tuple[Alert, Referral, Ladder]


def staff_answer(
    session: Session,
    effect: StaffAnswer,
    *,
    sender_digest: str,
    at: datetime,
    ciphers: Ciphers,
    settings: Settings,
) -> bool:
    """Handle an answer; False if the number is nobody's of the staff (the caller answers with the menu).

    A code works once, from its recipient's own number, while its alert is open. Everything else gets one text
    that reveals nothing: not whether the code exists, nor whose it is.
    """
    staff = session.scalar(select(Staff).where(Staff.phone_digest == sender_digest, Staff.active))
    if staff is None:
        return False
    held = _held(session, staff, effect.code)
    if not held:
        name = "wrong_code" if _anything_open(session, staff) else "nothing_open"
        text = words.say(name, staff.language)
    else:
        text = _ANSWERS[effect.answer](session, staff, held, at=at, ciphers=ciphers, settings=settings)
    tell(session, staff, text=text, at=at, ciphers=ciphers, settings=settings)
    log.info("staff_answered", staff=staff.id, answer=effect.answer, alerts=len(held))
    return True


def _held(session: Session, staff: Staff, code: str) -> list[Held]:
    """The open alerts of this code, with their rows locked in the order of ids."""
    found = []
    wanted = select(Alert).where(Alert.staff_id == staff.id, Alert.code == code, Alert.open)
    for alert in session.scalars(wanted.order_by(Alert.referral_id)).all():
        rows = lock(session, alert.referral_id)
        session.refresh(alert)  # somebody may have taken it while we waited for the lock
        if rows is None or not alert.open or rows[0].state in OVER or rows[0].accepted_by is not None:
            continue
        case = session.get(Case, rows[0].case_id) if rows[0].case_id is not None else None
        if may_see(staff, rows[0], case=case):
            found.append((alert, *rows))
    return found


def _anything_open(session: Session, staff: Staff) -> bool:
    return session.scalar(select(Alert.id).where(Alert.staff_id == staff.id, Alert.open).limit(1)) is not None


def _ok(session: Session, staff: Staff, held: list[Held], *, at: datetime, ciphers: Ciphers, settings: Settings) -> str:
    for _, referral, ladder in held:
        take(session, referral, ladder, staff=staff, at=at, ciphers=ciphers, settings=settings)
        audit(session, staff, "accept", referral=referral, at=at, by="sms")
    if len(held) > 1:
        tickets = [words.shown(referral.ticket) for _, referral, _ in held]
        return words.say("accepted_all", staff.language, count=len(held), tickets=words.listed(tickets))
    _, referral, ladder = held[0]
    ticket = words.shown(referral.ticket)
    if ladder.due_at is None:
        return words.say("accepted_wait", staff.language, ticket=ticket)
    by = words.when(ladder.due_at, staff.language, now=at, clocks=Clocks.of(settings))
    return words.say("accepted", staff.language, ticket=ticket, by=by)


def _no(session: Session, staff: Staff, held: list[Held], *, at: datetime, ciphers: Ciphers, settings: Settings) -> str:
    for alert, referral, ladder in held:
        alert.answer, alert.answered_at, alert.open = "no", at, False
        hurry(ladder, alert, level=referral.level, why="refused", at=at)
        audit(session, staff, "refuse", referral=referral, at=at, by="sms")
    return words.say("refused", staff.language)


def _later(
    session: Session, staff: Staff, held: list[Held], *, at: datetime, ciphers: Ciphers, settings: Settings
) -> str:
    """The ladder goes on; the code works until somebody else takes the referral."""
    dues = []
    for alert, referral, ladder in held:
        alert.answer, alert.answered_at = "later", at
        dues.append(ladder.due_at or at)
        audit(session, staff, "postpone", referral=referral, at=at, by="sms")
    by = words.when(max(min(dues), at), staff.language, now=at, clocks=Clocks.of(settings))
    return words.say("later", staff.language, code=held[0][0].code, by=by)


_ANSWERS = {"ok": _ok, "no": _no, "later": _later}
