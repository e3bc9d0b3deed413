"""The tables of PostgreSQL. Migrations in store/migrations; SQL that many places need in store/*.py.

Encrypted columns end in `_enc` (bytes from `Ciphers.encrypt`, place = `table|id|column`).
All times are UTC. Ids of referrals and turns come from the turn id, so recording twice changes nothing.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from bot.kinds import RULES, Kind


class Base(DeclarativeBase):
    """Common types: Python's `datetime` is timestamptz, `dict` is JSONB, `list[str]` an array of text."""

    type_annotation_map = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
        bytes: LargeBinary,
        str: Text,
        date: Date,
    }


class Contact(Base):
    """What we know of an address. A phone may be shared: not a person and not a case."""

    __tablename__ = "contacts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    digest: Mapped[str] = mapped_column(String(16), unique=True)
    number_enc: Mapped[bytes]  # place: contacts|<digest>|number
    language: Mapped[str | None]
    consent: Mapped[str | None]  # "yes" or "no" to the notice
    consent_at: Mapped[datetime | None]
    consent_version: Mapped[str | None]
    stopped: Mapped[list[str]] = mapped_column(
        server_default="{}"
    )  # ended pushes: `sms`, or one kind of them, `sms:reminder`
    blocked: Mapped[list[str]] = mapped_column(server_default="{}")  # channels blocked at the gateway or operator
    unreachable_at: Mapped[datetime | None]  # a gateway said that nobody can be reached there; ends when they write
    texts: Mapped[str | None]  # "yes": agreed to be texted to go on after a dropped line; "no": asked, and refused
    quiet: Mapped[bool] = mapped_column(server_default=text("false"))  # went outside the office (docs/sealed.md)
    human_until: Mapped[datetime | None]  # staff and person write to each other: the bot is silent until then
    human_on: Mapped[str | None]  # the channel of that
    human_copied: Mapped[datetime | None]  # what the conversation store has of `human_until`; differs: a sweep tells it
    first_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_contacts_human", "id", postgresql_where=text("human_until is distinct from human_copied")),
    )


class OptOut(Base):
    """What a person asked staff, by voice, to end. In force at once; `told_at`: the conversation store has it too."""

    __tablename__ = "opt_outs"
    __table_args__ = (Index("ix_opt_outs_untold", "contact_id", postgresql_where=text("told_at is null")),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    stopped: Mapped[list[str]]  # as in Contact.stopped: `sms`, or one kind of message alone, `sms:reminder`
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]
    told_at: Mapped[datetime | None]


class Case(Base):
    """One returnee's reintegration file. `stage` is the main stage or an exceptional state."""

    __tablename__ = "cases"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    number: Mapped[str] = mapped_column(String(9), unique=True)
    name: Mapped[str]
    sex: Mapped[str] = mapped_column(String(1))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"), index=True)
    phone_shared: Mapped[bool] = mapped_column(server_default=text("false"))
    language: Mapped[str]
    region: Mapped[str]
    department: Mapped[str]
    office: Mapped[str] = mapped_column(index=True)
    partner: Mapped[str] = mapped_column(server_default="")
    project_type: Mapped[str] = mapped_column(server_default="")
    training_type: Mapped[str] = mapped_column(server_default="")
    assistance_type: Mapped[str] = mapped_column(server_default="")
    stage: Mapped[str] = mapped_column(index=True)
    resume_stage: Mapped[str] = mapped_column(server_default="")
    opened_on: Mapped[date]
    stage_since: Mapped[date]
    next_appointment: Mapped[date | None]
    appointment_place: Mapped[str] = mapped_column(server_default="")
    year_of_birth: Mapped[int | None]
    vulnerability: Mapped[str] = mapped_column(server_default="none")  # none, standard, protection
    told_by_person: Mapped[bool] = mapped_column(server_default=text("false"))  # NOT_ELIGIBLE was told by a person
    imported_hash: Mapped[bytes | None]  # of the row as it stood in the file: an unchanged file changes nothing

    code_hmac: Mapped[bytes | None]  # Ciphers.code("case|<number>", code)
    code_turn: Mapped[bytes | None]  # the turn that set it: repeating that turn says yes again
    start_code_hmac: Mapped[bytes | None]  # Ciphers.code("start|<number>", code)
    start_code_expires: Mapped[datetime | None]
    locked_enrolled: Mapped[bool] = mapped_column(server_default=text("false"))  # six errors from its own phone
    locked_others: Mapped[bool] = mapped_column(server_default=text("false"))  # six errors from any other phone
    last_attempt_at: Mapped[datetime | None]  # staff see that someone tried
    status_told_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    contact: Mapped[Contact | None] = relationship(lazy="raise")


class StageChange(Base):
    """Who moved a case when, from, to, why. Only ever added to."""

    __tablename__ = "stage_changes"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    by: Mapped[str]  # staff:<id>, import:<file>, turn
    from_stage: Mapped[str]
    to_stage: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="")


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
    reason_enc: Mapped[bytes | None]  # place: consents|<referral id>|reason
    second_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))  # who agreed to act without consent
    second_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]


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
    why: Mapped[str] = mapped_column(server_default="opened")  # opened, silence, refused, failed, no_call, round
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
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str]  # bot.kinds.Kind
    channel: Mapped[str]
    gateway: Mapped[str]
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"), index=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    referral_id: Mapped[str | None] = mapped_column(ForeignKey("referrals.id"), index=True)
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


class Audit(Base):
    """Who read or did what. The application may only add: a trigger refuses the rest."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)  # referral:<id>, case:<id>, staff:<id>
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
