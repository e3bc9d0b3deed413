"""The end of a referral: an outcome, and a word to the person or a reason why not; then "is this solved?".

`Referral.closing` is `asking` while the question waits to leave, `told` once it has, else why it does not: what the
machine decides (private, sealed, minor, terms, stopped, blocked, unreachable, no_number, window), or what staff say
(`UNTOLD`). "No, not solved" opens the referral again, one rung higher than whoever closed it.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.engine.effects import AnswerSolved
from bot.errors import ReferralError
from bot.kinds import Kind
from bot.referrals.clocks import Clocks
from bot.referrals.consents import consents_of, counts
from bot.referrals.replying import last_written_about, speak_again, way
from bot.referrals.rows import audit, close_alerts, held, lock, once, release, restart
from bot.referrals.steps import OUTCOMES
from bot.store.ciphers import Ciphers
from bot.store.models import Contact, Referral, ReferralEvent, Staff, Ticket

UNTOLD = ("said", "unwanted", "unsafe")  # why staff may choose to send nothing


def why_untold(session: Session, referral: Referral, at: datetime, *, ciphers: Ciphers) -> str:
    """Why the person can't be asked "is this solved?"; "" where they can (safety 1 to 3, 6, 7)."""
    return way(session, referral, Kind.CLOSING, at, ciphers=ciphers).why


def close(
    session: Session,
    referral: Referral,
    staff: Staff,
    outcome: str,
    at: datetime,
    *,
    untold: str = "",
    ciphers: Ciphers,
    settings: Settings,
) -> str:
    """The end, with an outcome of `OUTCOMES`; the ladder stops, no code works any more. Returns `Referral.closing`.

    `untold`: staff's own reason of `UNTOLD` to send nothing; where the person may not be written to, the machine's
    reason stands instead. Raises ReferralError: `unknown_outcome`, `unknown_reason`, `no_consent` (passed on, and
    nothing allows it), and those of every step.
    """
    if outcome not in OUTCOMES:
        raise ReferralError("unknown_outcome")
    if untold and untold not in UNTOLD:
        raise ReferralError("unknown_reason")
    referral, ladder = held(session, referral, staff)
    if outcome == "referred" and not any(counts(one) for one in consents_of(session, referral.id)):
        raise ReferralError("no_consent")
    referral.state, referral.closed_at, referral.outcome = "closed", at, outcome
    referral.call_now, referral.solved = False, None
    referral.closing = why_untold(session, referral, at, ciphers=ciphers) or untold or "asking"
    ladder.due_at = None
    close_alerts(session, referral)
    contact = session.get(Contact, referral.contact_id) if referral.contact_id is not None else None
    if contact is not None and last_written_about(session, contact) in (None, referral.id):
        speak_again(contact)
    detail = {"outcome": outcome, "closing": referral.closing}
    session.add(ReferralEvent(referral_id=referral.id, at=at, staff_id=staff.id, kind="closed", detail=detail))
    audit(session, staff, "close", referral=referral, at=at, outcome=outcome, closing=referral.closing)
    return referral.closing


def answer_solved(session: Session, effect: AnswerSolved, *, at: datetime, turn: str, settings: Settings) -> None:
    """The person's answer to "is this solved?". No: open again, the one after whoever closed it is told first.

    Of a referral that is open again the answer changes nothing; nor does the same turn twice.
    """
    ticket = session.get(Ticket, effect.ticket)
    rows = lock(session, ticket.referral_id) if ticket is not None else None
    if rows is None or rows[0].state != "closed" or rows[0].sealed:
        return
    referral, ladder = rows
    kind = "solved" if effect.yes else "not_solved"
    if not once(session, referral.id, kind=kind, at=at, turn=turn, detail={}):
        return
    referral.solved = effect.yes
    if referral.closing == "asking":
        referral.closing = "told"  # typed the number before the question came: asked is asked
    if effect.yes:
        return
    closer = _closer(session, referral)
    release(referral)
    referral.closed_at, referral.outcome, referral.closing = None, None, ""
    referral.reopened, referral.reopened_at = referral.reopened + 1, at
    restart(ladder, referral, at=at, clocks=Clocks.of(settings))
    ladder.begins_after = closer
    once(session, referral.id, kind="reopened", at=at, turn=turn, detail={})


def _closer(session: Session, referral: Referral) -> int | None:
    events = select(ReferralEvent.staff_id).where(
        ReferralEvent.referral_id == referral.id, ReferralEvent.kind == "closed"
    )
    return session.scalar(events.order_by(ReferralEvent.id.desc()).limit(1))
