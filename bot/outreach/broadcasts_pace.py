"""When each message of a broadcast has its turn: never more in any minute than staff can answer, and nearly as many.

Messages are put into the outbox one by one, when their turn has come, so that pausing is immediate. How many may still
come is reckoned from what left in the last minute and from what has not left yet: whatever the gateway or the night
held up, no minute ever holds more than its share. One broadcast is served at a time, the earliest first, since all are
answered by the same staff.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, select, text, update
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.kinds import Kind
from bot.messages import Channel, Delivery, Template
from bot.outbox import Draft, NotWritten, put
from bot.outreach import broadcasts
from bot.outreach import broadcasts_audience as audience
from bot.outreach.calendar import Calendar
from bot.store.ciphers import Ciphers
from bot.store.models import Broadcast, BroadcastRecipient, Case, Contact, Message

MINUTE = timedelta(minutes=1)
LATE = timedelta(seconds=2)  # turns that were missed by so much are made up for, earlier ones are lost
SLICE = 100  # messages of one transaction
SETTLE = timedelta(milliseconds=500)  # before it is asked again whether what waits has left
_LOCK = 0x62726F61  # one worker at a time gives turns
_WAITING = (Delivery.QUEUED.value, Delivery.SENDING.value)
NEXT = BroadcastRecipient.released_at.is_(None)


@dataclass(frozen=True, slots=True)
class Turns:
    """So many messages were put into the outbox; there is something to do again at `next_at`, None: nothing runs."""

    released: int = 0
    next_at: datetime | None = None


def release(session: Session, *, now: datetime, settings: Settings, ciphers: Ciphers) -> Turns:
    """Give turns for as long as they have come, of the broadcast that is served now."""
    if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}):
        return Turns()
    _end(session, now)
    row = _served(session, now)
    if row is None:
        return Turns()
    opens = Calendar.of(settings).next_push(now)
    if opens > now:
        return Turns(next_at=opens)
    spacing = _spacing(row)
    slot = max(row.slot_at or now, now - LATE)
    if slot > now:
        return Turns(next_at=slot)
    room, again = _room(session, row, now)
    turns = min((now - slot) // spacing + 1, room, SLICE)
    if turns <= 0:
        return Turns(next_at=again)
    released = _put(session, row, turns, now=now, settings=settings, ciphers=ciphers)
    row.slot_at = slot + released * spacing
    return Turns(released, row.slot_at)


def open_messages(broadcast_id: ColumnElement[bool] | str) -> ColumnElement[bool]:
    """Messages of a broadcast that have not left yet."""
    return and_(Message.broadcast_id == broadcast_id, Message.state.in_(_WAITING))


def _served(session: Session, now: datetime) -> Broadcast | None:
    """The earliest with somebody left; its row locked, so that a pause waits for us or we for it."""
    left = exists().where(BroadcastRecipient.broadcast_id == Broadcast.id, NEXT)
    query = (
        select(Broadcast)
        .where(Broadcast.state == "running", Broadcast.planned_at.is_not(None), left)
        .order_by(Broadcast.starts_at, Broadcast.id)
        .limit(1)
    )
    return session.scalar(query.with_for_update(of=Broadcast))


def _end(session: Session, now: datetime) -> None:
    """Those of which nobody is left and nothing waits are done."""
    left = exists().where(BroadcastRecipient.broadcast_id == Broadcast.id, NEXT)
    waits = exists().where(Message.broadcast_id == Broadcast.id, Message.state.in_(_WAITING))
    over = and_(Broadcast.state == "running", Broadcast.planned_at.is_not(None), ~left, ~waits)
    session.execute(update(Broadcast).where(over).values(state="done", ended_at=now))


def _spacing(row: Broadcast) -> timedelta:
    """Between two turns; rounded up, so that no minute holds one too many."""
    return timedelta(microseconds=-int(-60_000_000 // row.per_minute))


def _room(session: Session, row: Broadcast, now: datetime) -> tuple[int, datetime]:
    """How many more this minute takes: its share, less what left in the last one, or may have, or may any moment.

    And when to ask again where that is none.
    """
    ours = Message.broadcast_id.is_not(None)
    left = select(func.count(), func.min(Message.sent_at)).where(ours, Message.sent_at > now - MINUTE)
    unsure = select(func.count()).where(
        ours, Message.state == Delivery.UNKNOWN.value, Message.lease_until > now - MINUTE
    )
    waits = select(func.count()).where(ours, Message.state.in_(_WAITING), Message.due_at <= now + MINUTE)
    gone, first = session.execute(left).one()
    used = gone + sum(session.scalar(query) or 0 for query in (unsure, waits))
    soonest = now + SETTLE
    again = max(first + MINUTE, soonest) if first is not None and used == gone else soonest
    return max(1, int(row.per_minute)) - used, again


def _put(session: Session, row: Broadcast, turns: int, *, now: datetime, settings: Settings, ciphers: Ciphers) -> int:
    """Messages for the next people; who may not be written to any more is passed over. Returns how many there are."""
    texts = broadcasts.texts_of(row, ciphers=ciphers)
    query = select(BroadcastRecipient).where(BroadcastRecipient.broadcast_id == row.id, NEXT)
    found = session.scalars(query.order_by(BroadcastRecipient.contact_id).limit(turns)).all()
    still, _ = audience.people(
        session, Case.id.in_([one.case_id for one in found]), broadcasts.reach(row, settings), now=now, ciphers=ciphers
    )
    may = {person.contact_id for person in still}
    released = 0
    for one in found:
        one.released_at = now
        draft = _draft(session, row, one, texts[one.language], settings, ciphers) if one.contact_id in may else None
        one.left_out = draft is None or not _written(session, draft, now, settings, ciphers)
        released += not one.left_out
    return released


def _written(session: Session, draft: Draft, now: datetime, settings: Settings, ciphers: Ciphers) -> bool:
    """False where these words may not go to this person: their own name stands in them, or there is no number."""
    try:
        put(session, draft, at=now, settings=settings, ciphers=ciphers)
    except NotWritten:
        return False
    return True


def _draft(
    session: Session, row: Broadcast, one: BroadcastRecipient, words: str, settings: Settings, ciphers: Ciphers
) -> Draft:
    channel = Channel(one.channel)
    template = None
    if channel is Channel.WHATSAPP and settings.broadcast_template:
        template = Template(settings.broadcast_template, one.language, (" ".join(words.split()),))
    return Draft(
        Kind.BROADCAST,
        channel,
        contact=session.get_one(Contact, one.contact_id),
        sms=words,
        whatsapp=words,
        template=template,
        case_id=one.case_id,
        broadcast_id=row.id,
        id=ciphers.derived_id(bytes.fromhex(row.id), f"contact|{one.contact_id}"),
    )
