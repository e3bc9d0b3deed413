"""Who wrote or dialled after a broadcast reached them: how many people, never what they said."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case, exists, func, or_, select
from sqlalchemy.orm import Session

from bot.store.models import Broadcast, Message, Turn

COUNTED_FOR = timedelta(days=14)  # as long as a single question may be answered (safety 11)
FRESH, SETTLING = timedelta(minutes=1), timedelta(hours=1)  # while it runs; afterwards


def count(session: Session, *, now: datetime) -> None:
    """Count anew: once a minute while it runs, then every hour until the last answer counts."""
    last = func.coalesce(Broadcast.ended_at, now)
    open_still = or_(Broadcast.answers_at.is_(None), Broadcast.answers_at < last + COUNTED_FOR)
    latest = case((Broadcast.ended_at.is_(None), now - FRESH), else_=now - SETTLING)
    old = or_(Broadcast.answers_at.is_(None), Broadcast.answers_at < latest)
    due = select(Broadcast).where(Broadcast.planned_at.is_not(None), open_still, old).order_by(Broadcast.id)
    for row in session.scalars(due.with_for_update(skip_locked=True)):
        row.answers, row.answers_at = answered(session, row.id), now


def answered(session: Session, broadcast_id: str) -> int:
    """People, each once, whose own message came within 14 days after ours."""
    theirs = exists().where(
        Turn.contact_id == Message.contact_id,
        Turn.kind == "message",
        Turn.at > Message.sent_at,
        Turn.at <= Message.sent_at + COUNTED_FOR,
    )
    query = select(func.count(func.distinct(Message.contact_id)))
    return session.scalar(query.where(Message.broadcast_id == broadcast_id, Message.sent_at.is_not(None), theirs)) or 0
