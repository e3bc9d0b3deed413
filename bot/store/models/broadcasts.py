"""Texts to a described group, who is to get them, and what the milestones count."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Double, ForeignKey, Index, Integer, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.store.models.base import Base


class Broadcast(Base):
    """One text to a described group. The steps from one state to the next: bot/outreach/broadcasts.py."""

    __tablename__ = "broadcasts"
    __table_args__ = (
        CheckConstraint("state in ('draft', 'waiting', 'running', 'paused', 'done', 'cancelled')"),
        Index("ix_broadcasts_running", "starts_at", postgresql_where=text("state = 'running'")),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str]  # for staff alone; the people never read it
    state: Mapped[str] = mapped_column(server_default="draft")
    version: Mapped[int] = mapped_column(Integer, server_default="1")  # of words and group: nobody agrees to others
    wanted: Mapped[dict[str, Any]]  # bot.outreach.broadcasts_group.Group
    texts_enc: Mapped[bytes]  # JSON, language to text; place: broadcasts|<id>|texts
    otherwise: Mapped[str]  # the language of those in whose own nothing is written
    whatsapp: Mapped[bool]  # by WhatsApp to whom it reaches; else all by SMS
    share: Mapped[int] = mapped_column(SmallInteger)  # of a hundred people, so many are expected to answer
    starts_at: Mapped[datetime | None]  # as wished, then when it was let go; None: at once
    made_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]
    counted: Mapped[int] = mapped_column(Integer, server_default="0")  # phones, as counted when it was handed in
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    approved_at: Mapped[datetime | None]
    planned_through: Mapped[int] = mapped_column(BigInteger, server_default="0")  # the last contact that was looked at
    planned_at: Mapped[datetime | None]  # the plan is whole
    planned: Mapped[int] = mapped_column(Integer, server_default="0")  # people in the plan
    per_minute: Mapped[float] = mapped_column(Double, server_default="0")  # messages, as reckoned when it was planned
    slot_at: Mapped[datetime | None]  # when the next message has its turn
    answers: Mapped[int] = mapped_column(Integer, server_default="0")  # people who wrote or dialled within 14 days
    answers_at: Mapped[datetime | None]  # when they were last counted
    ended_at: Mapped[datetime | None]


class BroadcastRecipient(Base):
    """Somebody in the plan of a broadcast: one phone, once. The message itself is made when its turn has come."""

    __tablename__ = "broadcast_recipients"
    __table_args__ = (
        Index(
            "ix_broadcast_recipients_next", "broadcast_id", "contact_id", postgresql_where=text("released_at is null")
        ),
    )

    broadcast_id: Mapped[str] = mapped_column(ForeignKey("broadcasts.id"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True, index=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))  # one of the phone's files in the group
    language: Mapped[str]  # of the text
    channel: Mapped[str]
    released_at: Mapped[datetime | None]  # its turn has come
    left_out: Mapped[bool] = mapped_column(server_default=text("false"))  # and by then nothing might be written


class StageTime(Base):
    """How many files spent so many whole days in a stage before the next one; counted anew every hour."""

    __tablename__ = "stage_times"

    year: Mapped[int] = mapped_column(SmallInteger, primary_key=True)  # in which they left it
    office: Mapped[str] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    days: Mapped[int] = mapped_column(Integer, primary_key=True)
    files: Mapped[int] = mapped_column(Integer)
