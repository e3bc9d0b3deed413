"""What the pages of broadcasts read: counts alone, never who."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.messages import Delivery
from bot.outreach import broadcasts_group
from bot.store.models import Broadcast, BroadcastRecipient, Message, Staff

A_PAGE = 50
ARRIVED = (Delivery.DELIVERED.value, Delivery.READ.value)
LOST = (Delivery.FAILED.value, Delivery.EXPIRED.value)
LEFT = (*ARRIVED, Delivery.SENT.value)


@dataclass(frozen=True, slots=True)
class Progress:
    """Of the plan: whose turn has come; of the messages: arrived, did not arrive; the mean price of one that left."""

    turns: int
    arrived: int
    lost: int
    price: Decimal | None
    currency: str


def latest(session: Session, staff: Staff) -> list[tuple[Broadcast, str]]:
    """The last ones of this reader with their author, those that need somebody first."""
    urgent = Broadcast.state.in_(("waiting", "running", "paused"))
    query = select(Broadcast, Staff.name).join(Staff, Staff.id == Broadcast.made_by)
    query = query.where(broadcasts_group.visible(staff))
    rows = session.execute(query.order_by(urgent.desc(), Broadcast.made_at.desc()).limit(A_PAGE))
    return [(row[0], row[1]) for row in rows]


def turns(session: Session, ids: list[str]) -> dict[str, int]:
    """How many people of each plan had their turn."""
    query = select(BroadcastRecipient.broadcast_id, func.count()).where(
        BroadcastRecipient.broadcast_id.in_(ids), BroadcastRecipient.released_at.is_not(None)
    )
    return {row[0]: row[1] for row in session.execute(query.group_by(BroadcastRecipient.broadcast_id))}


def progress(session: Session, broadcast_id: str) -> Progress:
    """How far one is."""
    query = (
        select(Message.state, Message.currency, func.count(), func.sum(Message.cost))
        .where(Message.broadcast_id == broadcast_id)
        .group_by(Message.state, Message.currency)
    )
    rows = session.execute(query).all()
    priced = [row for row in rows if row[0] in LEFT and row[3] is not None]
    many, cost = sum(row[2] for row in priced), sum((row[3] or Decimal(0) for row in priced), Decimal(0))
    return Progress(
        turns=turns(session, [broadcast_id]).get(broadcast_id, 0),
        arrived=sum(row[2] for row in rows if row[0] in ARRIVED),
        lost=sum(row[2] for row in rows if row[0] in LOST),
        price=cost / many if many else None,
        currency=priced[0][1] if priced else "",
    )


def ahead(session: Session, row: Broadcast) -> str:
    """The name of the broadcast that is served before this one; "" where it is its turn."""
    left = select(BroadcastRecipient.contact_id).where(
        BroadcastRecipient.broadcast_id == Broadcast.id, BroadcastRecipient.released_at.is_(None)
    )
    query = select(Broadcast.name).where(
        Broadcast.state == "running", Broadcast.id != row.id, Broadcast.starts_at < row.starts_at,
        Broadcast.planned_at.is_not(None), left.exists(),
    )  # fmt: skip
    return session.scalar(query.order_by(Broadcast.starts_at).limit(1)) or ""
