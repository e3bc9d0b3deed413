"""The level of a referral, set by a human: raised at any time, lowered only by who has it (safety 3, 20)."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.engine.effects import LEVELS, Level
from bot.errors import ReferralError
from bot.referrals import rows, undoing, words
from bot.referrals.clocks import Clocks
from bot.referrals.handing_on import needs
from bot.referrals.telling import tell
from bot.store.ciphers import Ciphers
from bot.store.models import Referral, ReferralEvent, Staff

LOWERED = ("safe_now", "no_hurry", "misread", "helped")
RAISED = ("danger", "child", "health", "worse")
_RANK: dict[str, int] = {level: rank for rank, level in enumerate(LEVELS)}


def set_level(
    session: Session,
    referral: Referral,
    staff: Staff,
    level: str,
    reason: str,
    at: datetime,
    *,
    ciphers: Ciphers,
    settings: Settings,
) -> None:
    """Raise it, or lower it, with a reason of `RAISED` or `LOWERED`; the clock of the ladder follows.

    Lowering is for whoever has it. What is private, or critical by its code, is lowered only after a noted call that
    spoke; what is sealed never. Raises ReferralError: `not_found`, `over`, `unknown_level`, `same_level`,
    `unknown_reason`, `not_yours`, `sealed`, `not_spoken`.
    """
    if level not in get_args(Level):
        raise ReferralError("unknown_level")
    referral, ladder = rows.held(session, referral, staff)
    if level == referral.level:
        raise ReferralError("same_level")
    rises = _RANK[level] > _RANK[referral.level]
    if reason not in (RAISED if rises else LOWERED):
        raise ReferralError("unknown_reason")
    if not rises:
        _check_lowering(session, referral, staff, level)
    was = undoing.before(referral, ladder)
    referral.level = level
    if referral.accepted_by is None:
        rows.restart(ladder, referral, at=at, clocks=Clocks.of(settings))
    elif rises:
        tell_risen(session, referral, at=at, by=staff, ciphers=ciphers, settings=settings)
    rows.add_event(session, referral, staff, "level_set", at, level=level, reason=reason, was=was)
    rows.audit(session, staff, "set_level", referral=referral, at=at, level=level, reason=reason)


def spoken(session: Session, referral_id: str) -> bool:
    """Is there a noted call that spoke, which was not taken back?"""
    events = list(session.scalars(select(ReferralEvent).where(ReferralEvent.referral_id == referral_id)))
    void = undoing.undone(events)
    return any(
        one.kind == "call_logged" and one.detail.get("result") == "spoke" and one.id not in void for one in events
    )


def needs_a_call(referral: Referral, level: str) -> bool:
    """Is a call that spoke needed before it may be lowered to this? (safety 3)"""
    usual = needs()[referral.code].level if referral.code in needs() else None
    return referral.private or (usual is not None and _RANK[level] < _RANK[usual])


def tell_risen(
    session: Session,
    referral: Referral,
    *,
    at: datetime,
    by: Staff | None = None,
    ciphers: Ciphers,
    settings: Settings,
) -> None:
    """Whoever has it hears that its level rose, unless they did it themselves."""
    holder = session.get(Staff, referral.accepted_by) if referral.accepted_by is not None else None
    if holder is None or (by is not None and by.id == holder.id):
        return
    text = words.say("risen", holder.language, ticket=words.shown(referral.ticket), level=referral.level)
    tell(session, holder, text=text, at=at, referral_id=referral.id, ciphers=ciphers, settings=settings)


def _check_lowering(session: Session, referral: Referral, staff: Staff, level: str) -> None:
    if referral.sealed:
        raise ReferralError("sealed")
    if referral.accepted_by != staff.id:
        raise ReferralError("not_yours")
    if needs_a_call(referral, level) and not spoken(session, referral.id):
        raise ReferralError("not_spoken")
