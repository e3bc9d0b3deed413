"""Steps that give a referral to somebody else: "I cannot", and the code that moves it to another queue."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.config import ROOT, Settings
from bot.content.specs import NeedSpec, NeedsSpec
from bot.engine.effects import LEVELS
from bot.errors import ReferralError
from bot.referrals import rows
from bot.referrals.access import queue_of
from bot.referrals.clocks import Clocks
from bot.referrals.ladder import hurry
from bot.sources import Source
from bot.store.models import Alert, Referral, ReferralEvent, Staff


@cache
def needs() -> dict[str, NeedSpec]:
    """Code to queue and level: flows/needs.yaml, the same table that the menu uses."""
    parsed: NeedsSpec = Source(ROOT / "flows" / "needs.yaml").parse(NeedsSpec)
    return parsed.codes


def refuse(session: Session, referral: Referral, staff: Staff, at: datetime) -> None:
    """The person on duty cannot: the next person is told at once; what this person had taken goes back to the ladder.

    Raises ReferralError: `not_found`, `over`, `taken` (a colleague has it).
    """
    referral, ladder = rows.held(session, referral, staff)
    if referral.accepted_by not in (None, staff.id):
        raise ReferralError("taken")
    for alert in session.scalars(
        select(Alert).where(Alert.referral_id == referral.id, Alert.staff_id == staff.id, Alert.open)
    ):
        alert.open, alert.answer, alert.answered_at = False, "no", at
        hurry(ladder, alert, level=referral.level, why="refused", at=at)
    if referral.accepted_by == staff.id:
        rows.release(referral)
        # Not a new round: that would begin with the first of the list, who may be the one who just said no.
        ladder.due_at, ladder.why = at, "refused"
    session.add(ReferralEvent(referral_id=referral.id, at=at, staff_id=staff.id, kind="refused"))
    rows.audit(session, staff, "refuse", referral=referral, at=at)


def set_code(
    session: Session, referral: Referral, staff: Staff, code: str, at: datetime, *, settings: Settings
) -> None:
    """Say what kind of need it is. The queue follows flows/needs.yaml, the level only rises, a seal stays.

    Where the holder, or those who were told, may no longer see it, they lose it and the new queue is told from its
    first person (safety 17, 18, 22). Raises ReferralError: `not_found`, `over`, `unknown_code`.
    """
    if code not in needs():
        raise ReferralError("unknown_code")
    referral, ladder = rows.held(session, referral, staff)
    before, need = queue_of(referral), needs()[code]
    level = referral.level
    referral.code = code
    referral.level = max(referral.level, need.level, key=_rank)
    if not referral.sealed:
        referral.queue, referral.sealed = need.queue, need.queue == "sealed"
    detail = {"code": code, "from": before}  # `from` keeps the notes of one queue out of the next one's sight
    session.add(ReferralEvent(referral_id=referral.id, at=at, staff_id=staff.id, kind="code_set", detail=detail))
    rows.audit(session, staff, "set_code", referral=referral, at=at, code=code)
    rows.close_alerts(session, referral, unseeing=True)
    rows.name_office(session, referral)
    lost = rows.release_unseeing(session, referral)
    changed = queue_of(referral) != before or referral.level != level
    if lost or (referral.accepted_by is None and changed):
        rows.restart(ladder, referral, at=at, clocks=Clocks.of(settings))


def withdraw_call_now(session: Session, referral: Referral, staff: Staff, at: datetime) -> None:
    """Nobody is asked "call you now?" any more. Raises ReferralError: `not_found`, `over`."""
    referral, _ = rows.held(session, referral, staff)
    if not referral.call_now:
        return
    referral.call_now = False
    session.add(ReferralEvent(referral_id=referral.id, at=at, staff_id=staff.id, kind="call_now_withdrawn"))
    rows.audit(session, staff, "withdraw_call_now", referral=referral, at=at)


def _rank(level: str) -> int:
    return [str(one) for one in LEVELS].index(level)
