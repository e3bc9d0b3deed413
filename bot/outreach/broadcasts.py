"""The steps of a broadcast: draft, waiting for a second person, running and paused, done or cancelled.

Each step locks the row, is safe when sent twice and when a colleague was first, and is written to the audit. What is
agreed to is one version of words and group: whoever read another one is told so. docs/broadcasts.md tells it to staff.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.kinds import Kind
from bot.messages import Channel, Delivery
from bot.outbox import Draft, put, read
from bot.outreach import broadcasts_audience as audience
from bot.outreach.broadcasts_audience import Reach
from bot.outreach.broadcasts_group import Group, within
from bot.referrals.small_numbers import SMALLEST
from bot.store.ciphers import Ciphers
from bot.store.models import Audit, Broadcast, BroadcastRecipient, Message, Staff

GROWN = 1.1  # a plan may be so much larger than what was agreed to: files come and go between the two
OPEN = ("draft", "waiting", "running", "paused")


class BroadcastRefused(Exception):  # an answer to staff, not a fault
    """`changed`: by a colleague, or in another state; `own`: the second person must be another one; `few`, `texts`."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody composes. `texts`: language to text, those that are not empty."""

    name: str
    group: Group
    texts: Mapping[str, str]
    otherwise: str
    whatsapp: bool
    share: int
    starts_at: datetime | None


def check_text(session: Session, text: str, *, ciphers: Ciphers) -> None:
    """May these words go to people, by SMS and by WhatsApp? Raises NotWritten, with the group of a word that may not."""
    read(session, Draft(Kind.BROADCAST, Channel.WHATSAPP, sms=text, whatsapp=text), ciphers=ciphers)


def compose(session: Session, staff: Staff, wish: Wish, at: datetime, *, once: str, ciphers: Ciphers) -> Broadcast:
    """A new draft; `once` (32 hex digits): the same form sent twice is one. Raises NotWritten, BroadcastRefused."""
    if (there := session.get(Broadcast, once)) is not None:
        return there
    row = Broadcast(
        id=once, state="draft", version=1, made_by=staff.id, made_at=at, **_values(session, staff, wish, once, ciphers)
    )
    session.add(row)
    session.flush()
    _audit(session, staff, row, "composed", at)
    return row


def change(
    session: Session, staff: Staff, broadcast_id: str, wish: Wish, at: datetime, *, version: int, ciphers: Ciphers
) -> Broadcast:
    """Other words or another group for a draft; whoever changes it is its author from now on."""
    row = held(session, broadcast_id, ("draft",), version=version)
    for name, value in _values(session, staff, wish, row.id, ciphers).items():
        setattr(row, name, value)
    row.version, row.made_by = row.version + 1, staff.id
    _audit(session, staff, row, "changed", at)
    return row


def hand_in(
    session: Session, staff: Staff, broadcast_id: str, at: datetime, *, version: int, settings: Settings
) -> Broadcast:
    """Let it go, or up to whom a second person agrees: above `broadcast_alone` phones. Raises BroadcastRefused."""
    row = held(session, broadcast_id, ("draft",), version=version)
    parts = audience.count(session, Group.of(row.wanted).condition(), reach(row, settings), now=at)
    row.counted = sum(part.phones for part in parts if not part.reason)
    if row.counted < SMALLEST:
        raise BroadcastRefused("few")
    if row.counted > settings.broadcast_alone:
        row.state = "waiting"
    else:
        _let_go(row, at)
    _audit(session, staff, row, "handed_in", at)
    return row


def approve(session: Session, staff: Staff, broadcast_id: str, at: datetime, *, version: int) -> Broadcast:
    """The second person agrees; it begins at its time. Raises BroadcastRefused."""
    row = held(session, broadcast_id, ("waiting",), version=version)
    if staff.id == row.made_by:
        raise BroadcastRefused("own")
    row.approved_by, row.approved_at = staff.id, at
    _let_go(row, at)
    _audit(session, staff, row, "approved", at)
    return row


def send_back(session: Session, staff: Staff, broadcast_id: str, at: datetime, *, version: int) -> Broadcast:
    """To be written anew: by its author, or by the second person who does not agree."""
    row = held(session, broadcast_id, ("waiting",), version=version)
    row.state = "draft"
    _audit(session, staff, row, "sent_back", at)
    return row


def pause(session: Session, staff: Staff, broadcast_id: str, at: datetime) -> Broadcast:
    """From this moment nothing leaves; what waited in the outbox is taken back and has its turn later."""
    row = held(session, broadcast_id, ("running",))
    row.state, row.slot_at = "paused", None
    mine = (Message.broadcast_id == row.id, Message.state == Delivery.QUEUED.value)
    # what partly left, and the SMS in place of a WhatsApp message, would be another message: they stay as they are
    whole = (Message.parts_taken == 0, Message.fell_from == "")
    back = session.scalars(delete(Message).where(*mine, *whole).returning(Message.contact_id)).all()
    theirs = (BroadcastRecipient.broadcast_id == row.id, BroadcastRecipient.contact_id.in_(back))
    session.execute(update(BroadcastRecipient).where(*theirs).values(released_at=None))
    _audit(session, staff, row, "paused", at)
    return row


def resume(session: Session, staff: Staff, broadcast_id: str, at: datetime) -> Broadcast:
    """Go on where it stopped."""
    row = held(session, broadcast_id, ("paused",))
    row.state = "running"
    _audit(session, staff, row, "resumed", at)
    return row


def cancel(session: Session, staff: Staff, broadcast_id: str, at: datetime) -> Broadcast:
    """For good; what waits in the outbox ends as withheld."""
    row = held(session, broadcast_id, OPEN)
    row.state, row.ended_at = "cancelled", at
    waiting = (Message.broadcast_id == row.id, Message.state == Delivery.QUEUED.value)
    ended = {"state": Delivery.WITHHELD.value, "reason": "cancelled", "settled_at": at, "spare_enc": None}
    session.execute(update(Message).where(*waiting).values(**ended))
    _audit(session, staff, row, "cancelled", at)
    return row


def test(
    session: Session, staff: Staff, row: Broadcast, at: datetime, *, once: str, ciphers: Ciphers, settings: Settings
) -> int:
    """Each text to the staff member's own phone, as people would read it by SMS; how many. Raises NotWritten."""
    texts = texts_of(row, ciphers=ciphers)
    for language, text in texts.items():
        message_id = ciphers.derived_id(bytes.fromhex(row.id), f"test|{staff.id}|{once}|{language}")
        draft = Draft(Kind.STAFF, staff=staff, sms=text, id=message_id)
        put(session, draft, at=at, settings=settings, ciphers=ciphers)
    _audit(session, staff, row, "tested", at)
    return len(texts)


def held(session: Session, broadcast_id: str, states: tuple[str, ...], *, version: int = 0) -> Broadcast:
    """The row, locked. Raises BroadcastRefused `changed` where a colleague was first."""
    row = session.get(Broadcast, broadcast_id, with_for_update=True)
    if row is None or row.state not in states or (version and row.version != version):
        raise BroadcastRefused("changed")
    return row


def texts_of(row: Broadcast, *, ciphers: Ciphers) -> dict[str, str]:
    """Language to text. Raises Unreadable."""
    texts: dict[str, str] = json.loads(ciphers.decrypt(row.texts_enc, _place(row.id)))
    return texts


def text_language(row: Broadcast, texts: Mapping[str, str], language: str) -> str:
    """In which language somebody reads it."""
    return language if language in texts else row.otherwise


def allowed(row: Broadcast, settings: Settings) -> int:
    """The largest plan that may leave without asking (again)."""
    return math.ceil(row.counted * GROWN) if row.approved_by is not None else settings.broadcast_alone


def per_minute(settings: Settings, share: int) -> float:
    """Messages a minute, so that no more answers come than staff can take: whole ones, where it is one or more."""
    rate = settings.broadcast_answers / 60 * 100 / share
    return math.floor(rate) if rate >= 1 else rate


def reach(row: Broadcast, settings: Settings) -> Reach:
    """Ways of this broadcast in this installation."""
    return Reach(row.whatsapp, bool(settings.broadcast_template))


def _let_go(row: Broadcast, at: datetime) -> None:
    row.state = "running"
    row.starts_at = max(row.starts_at or at, at)


def _values(session: Session, staff: Staff, wish: Wish, broadcast_id: str, ciphers: Ciphers) -> dict[str, object]:
    if wish.otherwise not in wish.texts:
        raise BroadcastRefused("texts")
    for text in wish.texts.values():
        check_text(session, text, ciphers=ciphers)
    return {
        "name": wish.name,
        "wanted": within(wish.group, staff).kept(),
        "texts_enc": ciphers.encrypt(json.dumps(dict(wish.texts)).encode(), _place(broadcast_id)),
        "otherwise": wish.otherwise,
        "whatsapp": wish.whatsapp,
        "share": wish.share,
        "starts_at": wish.starts_at,
    }


def _place(broadcast_id: str) -> bytes:
    return f"broadcasts|{broadcast_id}|texts".encode()


def _audit(session: Session, staff: Staff, row: Broadcast, step: str, at: datetime) -> None:
    detail = {"version": row.version, "phones": row.counted}
    session.add(
        Audit(staff_id=staff.id, at=at, action=f"broadcast.{step}", subject=f"broadcast:{row.id}", detail=detail)
    )
