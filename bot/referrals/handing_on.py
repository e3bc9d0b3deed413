"""Steps that give a referral to somebody else: "I cannot", another queue, the code that says which; and taking over."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.config import ROOT, Settings
from bot.content.specs import NeedSpec, NeedsSpec
from bot.engine.effects import LEVELS
from bot.errors import ReferralError
from bot.referrals import rows, undoing, words
from bot.referrals.access import QUEUES, queue_of
from bot.referrals.chains import chain
from bot.referrals.clocks import Clocks, lapses_at
from bot.referrals.ladder import hurry
from bot.referrals.telling import tell
from bot.referrals.terms import read_terms
from bot.sources import Source
from bot.store.ciphers import Ciphers
from bot.store.models import Alert, Referral, Staff

REFUSED = ("busy", "away", "language", "known", "other_caller")
HANDED = ("other_need", "specialist", "known", "language", "asked")
TAKEN_OVER = ("away", "left", "agreed")
# Whoever has no code yet (private talk, words about danger) is seen by those who may hear anything (safety 19).
UNCODED_TO = ("protection", "gbv", "child", "sealed")


@cache
def needs() -> dict[str, NeedSpec]:
    """Code to queue and level: flows/needs.yaml, the same table that the menu uses."""
    parsed: NeedsSpec = Source(ROOT / "flows" / "needs.yaml").parse(NeedsSpec)
    return parsed.codes


def refuse(session: Session, referral: Referral, staff: Staff, reason: str, at: datetime) -> None:
    """The person on duty cannot: the next person is told at once; what this person had taken goes back to the ladder.

    `reason` is one of `REFUSED`. Raises ReferralError: `not_found`, `over`, `taken` (a colleague has it),
    `unknown_reason`.
    """
    if reason not in REFUSED:
        raise ReferralError("unknown_reason")
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
    rows.add_event(session, referral, staff, "refused", at, reason=reason)
    rows.audit(session, staff, "refuse", referral=referral, at=at, reason=reason)


def hand_over(
    session: Session,
    referral: Referral,
    staff: Staff,
    queue: str,
    reason: str,
    at: datetime,
    *,
    settings: Settings,
) -> None:
    """Give it to another queue; its ladder begins there, and whoever may not see that queue sees it no more.

    `reason` is one of `HANDED`. A seal stays: what is sealed goes to nobody inside (safety 18). Raises ReferralError:
    `not_found`, `over`, `taken` (a colleague has it: take over first), `unknown_reason`, `same_queue`, `sealed`,
    `code_first` (without a code, to those alone who may hear anything), `nobody_there` (its code names another queue,
    or none of that queue may see it).
    """
    if reason not in HANDED or queue not in QUEUES:
        raise ReferralError("unknown_reason")
    referral, ladder = rows.held(session, referral, staff)
    was, before = undoing.before(referral, ladder), queue_of(referral)
    if referral.accepted_by not in (None, staff.id):
        raise ReferralError("taken")
    if before in (queue, "sealed"):
        raise ReferralError("sealed" if before == "sealed" else "same_queue")
    if referral.code is None and queue not in UNCODED_TO and _may_hold_anything(referral):
        raise ReferralError("code_first")
    referral.queue, referral.sealed = queue, queue == "sealed"
    referral.level = "critical" if referral.sealed else referral.level
    rows.name_office(session, referral)
    rows.release(referral)
    session.flush()
    if queue_of(referral) != queue or not chain(session, referral, at=at, settings=settings):
        raise ReferralError("nobody_there")
    rows.close_alerts(session, referral)
    rows.restart(ladder, referral, at=at, clocks=Clocks.of(settings))
    kept = {} if referral.sealed else {"was": was}  # a seal is not taken back
    rows.add_event(session, referral, staff, "handed_over", at, to=queue, reason=reason, **{"from": before}, **kept)
    rows.audit(session, staff, "hand_over", referral=referral, at=at, reason=reason)


def take_over(
    session: Session,
    referral: Referral,
    staff: Staff,
    reason: str,
    at: datetime,
    *,
    ciphers: Ciphers,
    settings: Settings,
) -> datetime | None:
    """From a colleague of the same queue who is away or gone; they are told. Returns as `steps.accept` does.

    `reason` is one of `TAKEN_OVER`. Raises ReferralError: `not_found`, `over`, `unknown_reason`, `free` (nobody has
    it: accept it). What is one's own already stays so.
    """
    if reason not in TAKEN_OVER:
        raise ReferralError("unknown_reason")
    referral, ladder = rows.held(session, referral, staff)
    if referral.accepted_by is None:
        raise ReferralError("free")
    if referral.accepted_by == staff.id:
        return ladder.due_at
    colleague = session.get_one(Staff, referral.accepted_by)
    rows.release(referral)  # an attempt of theirs does not excuse the next one from calling (safety 16)
    referral.state, referral.accepted_by, referral.accepted_at = "accepted", staff.id, at
    ladder.due_at, ladder.why = (
        lapses_at(read_terms(referral, ciphers=ciphers), at, clocks=Clocks.of(settings)),
        "no_call",
    )
    if colleague.active:
        text = words.say("taken_over", colleague.language, ticket=words.shown(referral.ticket))
        tell(session, colleague, text=text, at=at, referral_id=referral.id, ciphers=ciphers, settings=settings)
    rows.add_event(session, referral, staff, "taken_over", at, reason=reason, held_by=colleague.id)
    rows.audit(session, staff, "take_over", referral=referral, at=at, reason=reason, held_by=colleague.id)
    return ladder.due_at


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
    was, before, need = undoing.before(referral, ladder), queue_of(referral), needs()[code]
    level = referral.level
    referral.code = code
    referral.level = max(referral.level, need.level, key=_rank)
    if not referral.sealed:
        referral.queue, referral.sealed = need.queue, need.queue == "sealed"
    kept = {} if queue_of(referral) == "sealed" else {"was": was}  # a seal is not taken back
    # `from` keeps the notes of one queue out of the next one's sight
    rows.add_event(session, referral, staff, "code_set", at, code=code, **{"from": before}, **kept)
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
    rows.add_event(session, referral, staff, "call_now_withdrawn", at)
    rows.audit(session, staff, "withdraw_call_now", referral=referral, at=at)


def _may_hold_anything(referral: Referral) -> bool:
    """Nobody has said yet what it is about, and it did not come by a menu that names it."""
    return referral.private or referral.source in ("private", "hush", "voice_note", "unreadable")


def _rank(level: str) -> int:
    return [str(one) for one in LEVELS].index(level)
