"""What leaves and what comes back: the outbox, reports, voice notes."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Numeric,
    SmallInteger,
    String,
    func,
    text,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column

from bot.kinds import RULES, Kind
from bot.store.models.base import Base


def _priority(context: DefaultExecutionContext) -> int:
    return RULES[Kind(_row(context)["kind"])].priority


def _expiry(context: DefaultExecutionContext) -> datetime | None:
    """Of a row that says nothing itself: as long as messages of its kind make sense."""
    row = _row(context)
    lives = RULES[Kind(row["kind"])].lives
    return None if lives is None else (row.get("created_at") or datetime.now(UTC)) + lives


def _row(context: DefaultExecutionContext) -> dict[str, Any]:
    row: dict[str, Any] = context.get_current_parameters()  # type: ignore[no-untyped-call]
    return row


class Message(Base):
    """A message that must leave or has left: the outbox and its history. Text encrypted."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_queue", "priority", "due_at", "id", postgresql_where=text("state = 'queued'")),
        Index("ix_messages_expiry", "expires_at", postgresql_where=text("state = 'queued'")),
        Index("ix_messages_leases", "lease_until", postgresql_where=text("state = 'sending'")),
        Index(
            "ix_messages_spare",
            "id",
            postgresql_where=text("spare_enc is not null and state in ('failed', 'withheld')"),
        ),
        Index("ix_messages_external", "gateway", "external_id"),
        Index("ix_messages_sent", "sent_at"),
        Index("ix_messages_created", "created_at"),
        Index("ix_messages_case", "case_id", postgresql_where=text("case_id is not null")),
        Index("ix_messages_broadcast", "broadcast_id", "state", postgresql_where=text("broadcast_id is not null")),
        Index("ix_messages_broadcast_sent", "sent_at", postgresql_where=text("broadcast_id is not null")),
        Index(
            "ix_messages_broadcast_open",
            "due_at",
            postgresql_where=text("broadcast_id is not null and state in ('queued', 'sending')"),
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str]  # bot.kinds.Kind
    channel: Mapped[str]
    gateway: Mapped[str]
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"), index=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    referral_id: Mapped[str | None] = mapped_column(ForeignKey("referrals.id"), index=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))  # of what is pushed about a file
    broadcast_id: Mapped[str | None] = mapped_column(ForeignKey("broadcasts.id"))  # one message of many
    text_enc: Mapped[bytes | None]  # place: messages|<id>|text
    state: Mapped[str] = mapped_column(server_default="queued")  # bot.messages.Delivery
    reason: Mapped[str] = mapped_column(server_default="")  # gateway's code, or why the gate withheld it
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    external_id: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    parts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    # bot.kinds.RULES, of its kind; lower leaves first
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=_priority)
    expires_at: Mapped[datetime | None] = mapped_column(default=_expiry)  # None: it never grows old
    parts_taken: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # by earlier tries of a long SMS
    parts_missing: Mapped[int | None] = mapped_column(BigInteger)  # a bit each, once one of several parts has arrived
    cost: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    currency: Mapped[str] = mapped_column(server_default="")
    template: Mapped[dict[str, Any] | None]  # WhatsApp after 24 hours: name, language, parameters
    question: Mapped[dict[str, Any] | None]  # stands in the conversation before it leaves: entry, values
    spare_enc: Mapped[bytes | None]  # the SMS that may go instead; place: messages|<id>|spare
    fell_from: Mapped[str] = mapped_column(server_default="")  # the channel that was tried first


class Recording(Base):
    """A voice note: fetched from its gateway, kept encrypted for 30 days, then gone. One referral each."""

    __tablename__ = "recordings"
    __table_args__ = (Index("ix_recordings_due", "due_at", postgresql_where=text("state = 'waiting'")),)

    referral_id: Mapped[str] = mapped_column(ForeignKey("referrals.id"), primary_key=True)
    gateway: Mapped[str]
    reference_enc: Mapped[bytes | None]  # the gateway's media id; place: recordings|<referral id>|reference
    state: Mapped[str] = mapped_column(server_default="waiting")  # waiting, kept, lost, deleted
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    audio_enc: Mapped[bytes | None]  # place: recordings|<referral id>|audio
    media_type: Mapped[str] = mapped_column(server_default="")
    received_at: Mapped[datetime]
    delete_after: Mapped[datetime]


class GatewayCheck(Base):
    """Up to when a gateway's own list of messages to us was looked through."""

    __tablename__ = "gateway_checks"

    gateway: Mapped[str] = mapped_column(primary_key=True)
    through: Mapped[datetime]


class MessageAlert(Base):
    """Which alerts a message to staff told; a digest tells several at once."""

    __tablename__ = "message_alerts"

    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id"), primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"), primary_key=True, index=True)


class DeliveryReport(Base):
    """A report for a message we do not know yet (it may overtake our own bookkeeping); applied when we do."""

    __tablename__ = "delivery_reports"

    gateway: Mapped[str] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    message: Mapped[str] = mapped_column(server_default="")  # our own id, where the gateway echoes it
    state: Mapped[str]
    code: Mapped[str] = mapped_column(server_default="")
    parts_missing: Mapped[int | None] = mapped_column(BigInteger)  # as in Message
    at: Mapped[datetime] = mapped_column(server_default=func.now())
