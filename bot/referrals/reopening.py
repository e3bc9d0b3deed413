"""Opening a closed referral again, by staff who may see it; the person's own "no, not solved" is closing's."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from bot.config import Settings
from bot.errors import ReferralError
from bot.referrals import rows
from bot.referrals.clocks import Clocks
from bot.store.models import Referral, Staff

REOPENED = ("came_back", "not_solved", "mistake")


def reopen(
    session: Session, referral: Referral, staff: Staff, reason: str, at: datetime, *, settings: Settings
) -> None:
    """Nobody's again, with its number; its ladder begins anew. `reason` is one of `REOPENED`.

    Raises ReferralError: `not_found`, `unknown_reason`, `not_over` (open, or attached to another one).
    """
    if reason not in REOPENED:
        raise ReferralError("unknown_reason")
    referral, ladder = rows.held(session, referral, staff, over=True)
    if referral.state != "closed":
        raise ReferralError("not_over")
    rows.release(referral)
    referral.closed_at, referral.outcome, referral.closing, referral.solved = None, None, "", None
    referral.reopened, referral.reopened_at = referral.reopened + 1, at
    rows.restart(ladder, referral, at=at, clocks=Clocks.of(settings))
    rows.add_event(session, referral, staff, "reopened", at, reason=reason)
    rows.audit(session, staff, "reopen", referral=referral, at=at, reason=reason)
