"""What the recorder writes of turns."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Identity,
    SmallInteger,
    String,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from bot.store.models.base import Base


class Turn(Base):
    """One inbound message and what it led to. Partitioned by month; texts encrypted, secrets masked."""

    __tablename__ = "turns"
    __table_args__ = {"postgresql_partition_by": "RANGE (at)"}

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str]  # message, staff, event, sent, erase
    gateway: Mapped[str]
    channel: Mapped[str]
    contact_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    before: Mapped[str]  # flow.state
    after: Mapped[str]
    text_enc: Mapped[bytes | None]  # place: <turn id>|text
    replies: Mapped[list[Any]] = mapped_column(JSONB)  # [[catalogue key, {arguments}], …]
    effects: Mapped[list[str]] = mapped_column(server_default="{}")  # their types, for statistics
    release: Mapped[str] = mapped_column(server_default="")


class TurnSeen(Base):
    """Turn ids already recorded: the once-only of the recorder. Partitioned by day, kept 9 days."""

    __tablename__ = "turns_seen"
    __table_args__ = {"postgresql_partition_by": "RANGE (at)"}

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)  # day of the entry, so that a repeat meets the index


class ShardPosition(Base):
    """How far the recorder has come in a shard's journal; lookups compare it with the person's own last entry."""

    __tablename__ = "shard_positions"

    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    last_id: Mapped[str] = mapped_column(server_default="0-0")
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class Quarantined(Base):
    """A journal entry that could not be recorded three times; kept whole for a human."""

    __tablename__ = "quarantine"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger)
    entry_id: Mapped[str]
    body: Mapped[bytes]
    error: Mapped[str]  # type and place of the error, never its data
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (UniqueConstraint("shard", "entry_id"),)
