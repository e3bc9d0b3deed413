"""Needs handed to staff, and everything that happens to them."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from bot.store.models.base import Base
from bot.store.models.staff import Staff


class Referral(Base):
    """A need handed to staff. Saved at the first choice; its terms say "not allowed" until the person answers."""

    __tablename__ = "referrals"
    __table_args__ = (
        CheckConstraint("level in ('critical', 'high', 'normal')"),
        Index("ix_referrals_open", "queue", "level", postgresql_where=text("state not in ('closed', 'attached')")),
        Index("ix_referrals_opened", "opened_at"),
        Index("ix_referrals_asking", "closed_at", postgresql_where=text("closing = 'asking'")),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    ticket: Mapped[str] = mapped_column(String(7), index=True)  # the first number shown for it; all in `tickets`
    opened_at: Mapped[datetime]
    source: Mapped[str]  # menu, private, hush, callback, missed_call, status, voice_note, unreadable
    code: Mapped[str | None]
    level: Mapped[str]
    queue: Mapped[str]
    private: Mapped[bool] = mapped_column(server_default=text("false"))
    sealed: Mapped[bool] = mapped_column(server_default=text("false"))
    minor: Mapped[bool] = mapped_column(server_default=text("false"))
    urgent: Mapped[bool | None]
    caller: Mapped[str | None]  # woman, man, anyone, outside
    call_language: Mapped[str | None]
    language: Mapped[str | None]
    channel: Mapped[str]
    terms_enc: Mapped[bytes | None]  # msgpack of Terms; place: referrals|<id>|terms; None: not allowed
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"), index=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"), index=True)
    office: Mapped[str] = mapped_column(server_default="")
    state: Mapped[str] = mapped_column(server_default="new")  # new, accepted, in_progress, closed, attached
    attached_to: Mapped[str | None] = mapped_column(String(32))
    accepted_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    accepted_at: Mapped[datetime | None]
    first_attempt_at: Mapped[datetime | None]  # first logged call, or what safety 16 counts as one
    call_now: Mapped[bool] = mapped_column(server_default=text("false"))  # staff left "call us now"
    call_now_answered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    # asking: the question waits to leave; told; or why it never does (bot/referrals/closing.py)
    closing: Mapped[str] = mapped_column(server_default="")
    solved: Mapped[bool | None]  # the person's answer to "is this solved?"
    reopened: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # how often
    reopened_at: Mapped[datetime | None]
    ask_after: Mapped[datetime | None]  # while `closing` is `asking`: not before, a conversation was under way


class Flag(Base):
    """Something to keep in mind about a referral until a day; a word of a short list, never free text."""

    __tablename__ = "flags"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    referral_id: Mapped[str] = mapped_column(ForeignKey("referrals.id"), index=True)
    word: Mapped[str]
    until: Mapped[date]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Consent(Base):
    """May this be passed on, to whom, for what; one row a receiver. Without it only by a named right and two people."""

    __tablename__ = "consents"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    referral_id: Mapped[str] = mapped_column(ForeignKey("referrals.id"), index=True)
    receiver: Mapped[str]
    purpose: Mapped[str]
    answer: Mapped[str]  # yes, no; without: passed on by a right, not by consent
    wording: Mapped[str]  # version of the sentence that was read out
    language: Mapped[str]
    channel: Mapped[str]  # voice, or in person
    at: Mapped[datetime]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    right: Mapped[str] = mapped_column(server_default="")  # life, child: only with `without`
    reason_enc: Mapped[bytes | None]  # place: consents|<referral id>|reason; sealed: a box
    second_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))  # who agreed to act without consent
    second_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]


class SealedBox(Base):
    """One content of a sealed request, sealed for one reader. `subject`: event:<id>, terms:<referral id> … (sealing.py)"""

    __tablename__ = "sealed_boxes"
    __table_args__ = (UniqueConstraint("subject", "key_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    referral_id: Mapped[str] = mapped_column(ForeignKey("referrals.id"), index=True)
    subject: Mapped[str]
    key_id: Mapped[int] = mapped_column(ForeignKey("reader_keys.id"))
    box: Mapped[bytes]


class Ticket(Base):
    """A number shown to a person, and the referral it names. Several may name one (a need told twice)."""

    __tablename__ = "tickets"

    number: Mapped[str] = mapped_column(String(7), primary_key=True)
    referral_id: Mapped[str] = mapped_column(ForeignKey("referrals.id"), index=True)
    issued_at: Mapped[datetime]


class ReferralEvent(Base):
    """The timeline of a referral, past tense: opened, updated, alerted, accepted, call_logged, noted, closed …"""

    __tablename__ = "referral_events"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    referral_id: Mapped[str] = mapped_column(ForeignKey("referrals.id"), index=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    kind: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}")  # codes and numbers only, no free text
    text_enc: Mapped[bytes | None]  # a note, or what the person wrote; place: referrals|<referral id>|text
    once: Mapped[str | None] = mapped_column(unique=True)  # turn id|n of an event that a turn made


class Ladder(Base):
    """Who is told next, and when. One row a referral; the truth that rq only wakes."""

    __tablename__ = "ladders"
    __table_args__ = (Index("ix_ladders_due", "due_at", postgresql_where=text("due_at is not null")),)

    referral_id: Mapped[str] = mapped_column(ForeignKey("referrals.id"), primary_key=True)
    rung: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # the last rung that was told; 0: nobody yet
    round: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    due_at: Mapped[datetime | None]  # None: stands still
    why: Mapped[str] = mapped_column(
        server_default="opened"
    )  # opened, silence, refused, failed, no_call, unconfirmed, round
    claimed_until: Mapped[datetime | None]
    begins_after: Mapped[int | None]  # staff id: who closed what was not solved; the one after is told first


class Alert(Base):
    """One staff member told of one referral. A digest is several alerts that share `code`."""

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("referral_id", "staff_id", "round", "rung"),
        Index("ix_alerts_code", "staff_id", "code"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    referral_id: Mapped[str] = mapped_column(ForeignKey("referrals.id"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    rung: Mapped[int] = mapped_column(SmallInteger)
    round: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    code: Mapped[str] = mapped_column(String(4))
    told_at: Mapped[datetime] = mapped_column(server_default=func.now())
    answer_by: Mapped[datetime | None]
    answer: Mapped[str | None]  # ok, no, later; None: silence
    answered_at: Mapped[datetime | None]
    open: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))

    staff: Mapped[Staff] = relationship(lazy="raise")
