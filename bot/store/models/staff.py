"""The people who answer, when, and what they read."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Integer,
    SmallInteger,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from bot.store.models.base import Base


class Staff(Base):
    """A person who works: signs in to the desk, may be alerted."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    login: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    phone_digest: Mapped[str | None] = mapped_column(String(16), unique=True)
    phone_enc: Mapped[bytes | None]  # place: staff|<login>|phone
    role: Mapped[str]  # see bot/referrals/access.py
    language: Mapped[str] = mapped_column(server_default="fr")
    languages: Mapped[list[str]] = mapped_column(server_default="{}")  # spoken on calls
    offices: Mapped[list[str]] = mapped_column(server_default="{}")  # empty: all
    queues: Mapped[list[str]] = mapped_column(server_default="{}")
    partner: Mapped[str] = mapped_column(server_default="")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    password_hash: Mapped[str | None]
    failed_sign_ins: Mapped[int] = mapped_column(server_default="0")
    locked_until: Mapped[datetime | None]
    session_epoch: Mapped[int] = mapped_column(server_default="0")  # raised: every session of theirs ends
    totp_enc: Mapped[bytes | None]  # secret of the second factor; place: staff|<login>|totp
    totp_since: Mapped[datetime | None]  # when a first code proved it; None: not in use
    totp_step: Mapped[int] = mapped_column(BigInteger, server_default="0")  # last half minute used: no code twice
    recovery: Mapped[list[str]] = mapped_column(server_default="{}")  # hex of Ciphers.code("recovery|<login>", code)
    email_enc: Mapped[bytes | None]  # place: staff|<login>|email
    email_since: Mapped[datetime | None]  # when a code sent there proved it; None: nothing else goes there
    email_hmac: Mapped[bytes | None]  # Ciphers.code("staff-email|<login>", code)
    email_expires: Mapped[datetime | None]
    alert_channels: Mapped[list[str]] = mapped_column(server_default="{sms}")  # sms, whatsapp, email: all of them
    start_hmac: Mapped[bytes | None]  # Ciphers.code("staff-start|<login>", code): invitation, or a new password
    start_expires: Mapped[datetime | None]


class StaffSession(Base):
    """A browser in which somebody is signed in: what they see under their account, and may end one by one."""

    __tablename__ = "staff_sessions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)  # keyed digest of what the cookie carries
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    began_at: Mapped[datetime]
    used_at: Mapped[datetime]
    device: Mapped[str] = mapped_column(server_default="")  # "Firefox, Android": never more
    ended_at: Mapped[datetime | None]


class KnownDevice(Base):
    """A browser in which somebody signed in before: wrong passwords there are counted apart from everybody else's."""

    __tablename__ = "known_devices"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)  # keyed digest of what the cookie carries
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True, index=True)
    failed_sign_ins: Mapped[int] = mapped_column(server_default="0")
    locked_until: Mapped[datetime | None]
    seen_at: Mapped[datetime]


class Duty(Base):
    """A place in a queue's duty list. Position 1 is told first. `office` "" serves all offices."""

    __tablename__ = "duty"
    __table_args__ = (UniqueConstraint("queue", "office", "staff_id"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    queue: Mapped[str]
    office: Mapped[str] = mapped_column(server_default="")
    position: Mapped[int] = mapped_column(SmallInteger)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))

    staff: Mapped[Staff] = relationship(lazy="joined")


class Shift(Base):
    """Somebody is on duty for a queue from one moment to another, with a deputy. `office` "" serves all offices."""

    __tablename__ = "shifts"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at"),
        UniqueConstraint("queue", "office", "staff_id", "starts_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    queue: Mapped[str]
    office: Mapped[str] = mapped_column(server_default="")
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    deputy_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)


class Absence(Base):
    """Days on which somebody is away, both included; the reason is not kept."""

    __tablename__ = "absences"
    __table_args__ = (CheckConstraint("last_day >= first_day"), UniqueConstraint("staff_id", "first_day"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    first_day: Mapped[date]
    last_day: Mapped[date]


class ReaderKey(Base):
    """A reader of sealed requests: the public key seals for them, the private one opens with their passphrase alone."""

    __tablename__ = "reader_keys"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    public_key: Mapped[bytes]
    private_box: Mapped[bytes]  # secret box under Argon2id of the passphrase
    salt: Mapped[bytes]
    recovery: Mapped[bool] = mapped_column(server_default=text("false"))  # half of a recovery: two are needed
    made_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class Audit(Base):
    """Who read or did what. The application may only add: a trigger refuses the rest."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)  # referral:<id>, case:<id>, staff:<id>
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
