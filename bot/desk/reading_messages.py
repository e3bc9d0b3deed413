"""What the desk reads of outgoing messages: never a text or a number. Every query carries `access.visible_messages`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, DateTime, and_, case, column, func, or_, select, true, values
from sqlalchemy.orm import Session

from bot.messages import Delivery
from bot.referrals import access
from bot.store.models import Message, Referral, Staff

GROUPS = ("failed", "unknown", "withheld", "waiting")
SHOWN_FOR = timedelta(days=30)
PATIENCE = timedelta(minutes=1)  # what waits longer than this is told
MONTHS = 12
AWARE = DateTime(timezone=True)
_ARRIVED = (Delivery.SENT, Delivery.DELIVERED, Delivery.READ)  # looked at first: nearly all have
_OURS_TO_DROP = "answered"  # an alert that somebody made needless


@dataclass(frozen=True, slots=True)
class Troubled:
    """A message that did not arrive, or of which nobody knows. `ticket` is "" where it belongs to no request."""

    message: Message
    group: str
    ticket: str = ""
    colleague: str = ""  # to whom it went, if to staff


@dataclass(frozen=True, slots=True)
class Spent:
    """What one gateway cost in one month. `unpriced`: messages whose price nobody told; `month` its first day."""

    month: datetime
    gateway: str
    currency: str
    messages: int
    segments: int
    cost: Decimal
    unpriced: int


def counts(session: Session, staff: Staff, now: datetime, *, gateway: str = "") -> dict[str, int]:
    """How many there are of each group."""
    group = _group(now)
    rows = session.execute(select(group, func.count()).where(*_conditions(staff, now, group, gateway)).group_by(group))
    return dict.fromkeys(GROUPS, 0) | {row[0]: row[1] for row in rows}


def troubled(
    session: Session, staff: Staff, now: datetime, *, wished: str = "", gateway: str = "", start: int = 0, most: int
) -> list[Troubled]:
    """The latest first; `wished` is one of GROUPS, "" for all."""
    group = _group(now)
    query = (
        select(Message, group, func.coalesce(Referral.ticket, ""), func.coalesce(Staff.name, ""))
        .outerjoin(Referral, Referral.id == Message.referral_id)
        .outerjoin(Staff, Staff.id == Message.staff_id)
        .where(*_conditions(staff, now, group, gateway), *([group == wished] if wished else []))
        .order_by(Message.created_at.desc(), Message.id)
        .offset(start)
        .limit(most)
    )
    return [Troubled(*row) for row in session.execute(query)]


def one(session: Session, staff: Staff, message_id: str) -> Message | None:
    """A message with its row locked, if this person may know of it."""
    query = select(Message).where(Message.id == message_id, access.visible_messages(staff))
    return session.scalar(query.with_for_update(of=Message))


def about(session: Session, referral_id: str) -> list[tuple[Message, str]]:
    """All messages about one referral, oldest first, with the colleague's name; for a reader who may see it."""
    rows = session.execute(
        select(Message, func.coalesce(Staff.name, ""))
        .outerjoin(Staff, Staff.id == Message.staff_id)
        .where(Message.referral_id == referral_id)
        .order_by(Message.created_at, Message.id)
    )
    return [(message, name) for message, name in rows]


def spent(session: Session, now: datetime, *, timezone: str) -> list[Spent]:
    """The last twelve months, the latest first: what left, whatever became of it. Whole months of office time."""
    months = values(column("begins", AWARE), column("ends", AWARE), name="months").data(
        _months(now.astimezone(ZoneInfo(timezone)))
    )
    # A walk of the index for each month: reckoning the month of each of 100,000 messages takes twice as long.
    sums = (
        select(
            Message.gateway, Message.currency, func.count().label("messages"),
            func.coalesce(func.sum(Message.parts), 0).label("segments"), func.coalesce(func.sum(Message.cost), 0).label("cost"),
            func.count().filter(Message.cost.is_(None)).label("unpriced"),
        )
        .where(Message.sent_at >= months.c.begins, Message.sent_at < months.c.ends)
        .group_by(Message.gateway, Message.currency)
        .lateral()
    )  # fmt: skip
    rows = session.execute(
        select(func.timezone(timezone, months.c.begins), sums)
        .join_from(months, sums, true())
        .order_by(months.c.begins.desc(), sums.c.gateway, sums.c.currency)
    )
    return [Spent(*row) for row in rows]


def _months(now: datetime) -> list[tuple[datetime, datetime]]:
    """Begin and end of the last twelve months of the office, this one included."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    places = [first.year * 12 + first.month - 1 + by for by in range(1 - MONTHS, 2)]
    return list(pairwise(first.replace(year=place // 12, month=place % 12 + 1) for place in places))


def _conditions(staff: Staff, now: datetime, group: ColumnElement[str], gateway: str) -> list[ColumnElement[bool]]:
    recent = (Message.created_at > now - SHOWN_FOR, Message.state.not_in(_ARRIVED))
    found = [*recent, group.is_not(None), access.visible_messages(staff)]
    return [*found, Message.gateway == gateway] if gateway else found


def _group(now: datetime) -> ColumnElement[str]:
    """In which list a message stands; null where nothing is wrong, or where staff have left it as it is."""
    late = or_(Message.attempts > 0, Message.due_at < now - PATIENCE)
    return case(
        (Message.state.in_((Delivery.FAILED, Delivery.EXPIRED)), "failed"),
        (and_(Message.state == Delivery.UNKNOWN, Message.settled_at.is_(None)), "unknown"),
        (and_(Message.state == Delivery.WITHHELD, Message.reason != _OURS_TO_DROP), "withheld"),
        (and_(Message.state.in_((Delivery.QUEUED, Delivery.SENDING)), late), "waiting"),
    )
