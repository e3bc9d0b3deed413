"""Taking back a step within a minute: another step that puts things back, written down like the first. The timeline
only grows.

What can be taken back: accepting, handing over, a code, a level, a flag, a call noted with the wrong result. What
cannot, because somebody outside this page has acted on it or must be able to rely on it: "I cannot" (the next person
is told at once), a take-over, whatever seals a referral, closing and opening again (each undoes the other), notes,
what the person said, consents, messages.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.errors import ReferralError
from bot.referrals import words
from bot.referrals.access import may_see, queue_of
from bot.referrals.clocks import Clocks
from bot.referrals.rows import OVER, add_event, audit, case_of, lock, open_alerts, restart
from bot.referrals.telling import tell
from bot.store.ciphers import Ciphers
from bot.store.models import Alert, Flag, Ladder, Referral, ReferralEvent, Staff

WITHIN = timedelta(minutes=1)
UNDOABLE = ("accepted", "handed_over", "code_set", "level_set", "flagged", "flag_ended", "call_logged")
_KEPT = ("state", "accepted_by", "code", "level", "queue", "office")
_MOMENTS = ("accepted_at", "first_attempt_at")


def before(referral: Referral, ladder: Ladder) -> dict[str, Any]:
    """What a step is about to change, for the detail of its event under `was`: codes, ids and times only."""
    kept: dict[str, Any] = {name: getattr(referral, name) for name in _KEPT}
    kept |= {name: _written(getattr(referral, name)) for name in _MOMENTS}
    return kept | {"round": ladder.round, "due_at": _written(ladder.due_at), "why": ladder.why}


def undoable(session: Session, referral_id: str, staff: Staff, since: datetime) -> int | None:
    """The event that this person may now take back: their own, just made, and the last that can be; None: nothing."""
    session.flush()
    mine = select(ReferralEvent).where(
        ReferralEvent.referral_id == referral_id, ReferralEvent.staff_id == staff.id, ReferralEvent.at >= since
    )
    for event in session.scalars(mine.order_by(ReferralEvent.id.desc())):
        if event.kind in UNDOABLE and "was" in event.detail:
            return event.id
    return None


def undo(
    session: Session,
    referral_id: str,
    event_id: int,
    staff: Staff,
    at: datetime,
    *,
    ciphers: Ciphers,
    settings: Settings,
) -> Referral:
    """Put back what a step of this person's changed a moment ago. A second time changes nothing.

    Raises ReferralError: `not_found` (not theirs, or nothing that can be taken back), `too_late`, `moved_on` (a
    colleague or the clock acted since).
    """
    rows = lock(session, referral_id)
    event = session.get(ReferralEvent, event_id)
    if rows is None or event is None or (event.referral_id, event.staff_id) != (referral_id, staff.id):
        raise ReferralError("not_found")
    if event.kind not in UNDOABLE or "was" not in event.detail or not staff.active:
        raise ReferralError("not_found")
    referral, ladder = rows
    later = _later(session, event)
    if any(one.kind == "undone" and one.detail.get("event") == event.id for one in later):
        return referral
    if at - event.at > WITHIN:
        raise ReferralError("too_late")
    if referral.state in OVER or not all(_harmless(one, event) for one in later):
        raise ReferralError("moved_on")
    # Notes of the queue that had it in between stay with that queue (safety 5): this is a move as well.
    moved = {"from": queue_of(referral)} if "from" in event.detail else {}
    _put_back(session, referral, ladder, event, at=at, ciphers=ciphers, settings=settings)
    if not may_see(staff, referral, case=case_of(session, referral)):
        raise ReferralError("not_found")
    add_event(session, referral, staff, "undone", at, event=event.id, step=event.kind, **moved)
    audit(session, staff, "undo", referral=referral, at=at, step=event.kind)
    return referral


def undone(events: list[ReferralEvent]) -> set[int]:
    """Ids of the events among these that were taken back."""
    return {int(one.detail["event"]) for one in events if one.kind == "undone"}


def _later(session: Session, event: ReferralEvent) -> list[ReferralEvent]:
    since = select(ReferralEvent).where(ReferralEvent.referral_id == event.referral_id, ReferralEvent.id > event.id)
    return list(session.scalars(since.order_by(ReferralEvent.id)))


def _harmless(later: ReferralEvent, event: ReferralEvent) -> bool:
    """Does this leave the step as it was? Alerts that went out because of it are called back."""
    if later.kind == "alerted":
        return event.kind in ("handed_over", "code_set", "level_set")
    return later.kind in ("noted", "terms_said") and later.staff_id == event.staff_id and later.at == event.at


def _put_back(
    session: Session,
    referral: Referral,
    ladder: Ladder,
    event: ReferralEvent,
    *,
    at: datetime,
    ciphers: Ciphers,
    settings: Settings,
) -> None:
    was: dict[str, Any] = event.detail["was"]
    if event.kind in ("flagged", "flag_ended"):
        session.get_one(Flag, event.detail["flag"]).ended_at = at if event.kind == "flagged" else None
        return
    moved = referral.queue != was["queue"]
    for name in _KEPT:
        setattr(referral, name, was[name])
    for name in _MOMENTS:
        setattr(referral, name, _read(was[name]))
    called_back = _call_back(session, referral, event, at=at, ciphers=ciphers, settings=settings)
    others = session.scalar(select(Alert.id).where(Alert.referral_id == referral.id, Alert.staff_id != event.staff_id))
    told_otherwise = moved or called_back or ladder.round != was["round"] or (event.kind == "accepted" and others)
    if referral.accepted_by is None and told_otherwise:
        # Those who heard "taken", or whose code no longer works, are told again, from the first.
        restart(ladder, referral, at=at, clocks=Clocks.of(settings))
        return
    due = _read(was["due_at"])
    ladder.due_at, ladder.why = (None if due is None else max(due, at)), was["why"]
    if event.kind == "accepted":
        _answer_again(session, referral, event)


def _call_back(
    session: Session, referral: Referral, event: ReferralEvent, *, at: datetime, ciphers: Ciphers, settings: Settings
) -> bool:
    """End the alerts that the step sent out; each of those people hears that it is no longer theirs to answer."""
    sent = [alert for alert in open_alerts(session, referral.id) if alert.told_at >= event.at]
    for alert in sent:
        alert.open = False
        if alert.staff_id == event.staff_id:
            continue
        told = session.get_one(Staff, alert.staff_id)
        text = words.say("taken", told.language, ticket=words.shown(referral.ticket))
        tell(session, told, text=text, at=at, referral_id=referral.id, ciphers=ciphers, settings=settings)
    return bool(sent)


def _answer_again(session: Session, referral: Referral, event: ReferralEvent) -> None:
    """The person's own alerts, answered by the acceptance, may be answered once more."""
    mine = select(Alert).where(
        Alert.referral_id == referral.id, Alert.staff_id == event.staff_id, Alert.answered_at == event.at
    )
    for alert in session.scalars(mine):
        alert.open, alert.answer, alert.answered_at = True, None, None


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _read(moment: str | None) -> datetime | None:
    return datetime.fromisoformat(moment) if moment is not None else None
