"""Phones and files: contacts, their opt-outs, cases and what moved them."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    String,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from bot.store.models.base import Base


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
    proved_at: Mapped[datetime | None]  # when a file of this phone was last opened with its code from it
    silent_since: Mapped[
        datetime | None
    ]  # said nothing for so long that the code is asked for first (docs/outreach.md)
    verify_asked_at: Mapped[datetime | None]
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
    __table_args__ = (
        Index("ix_cases_stage_since", "stage", "stage_since"),
        Index("ix_cases_name", "name", "id"),
        Index("ix_cases_partner", "partner", "stage"),
        Index("ix_cases_assistant", "assistant_id", postgresql_where=text("assistant_id is not null")),
        Index("ix_cases_review", "review_on", postgresql_where=text("review_on is not null")),
    )

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
    told_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))  # who said so
    told_at: Mapped[datetime | None]
    review_on: Mapped[date | None]  # of a stage that somebody must look at again (flows/process.yaml)
    known_on: Mapped[date | None]  # when an import, a move or a visit last confirmed what stands here
    assistant_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))  # who follows the person
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
    __table_args__ = (Index("ix_stage_changes_at", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    by: Mapped[str]  # staff:<id>, import:<file>, turn
    from_stage: Mapped[str]
    to_stage: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="")  # a code of flows/process.yaml, or contact, undone
    note_enc: Mapped[bytes | None]  # why, in the mover's own words; place: stage_changes|<case id>|note
    was: Mapped[dict[str, Any] | None]  # since, resume_stage, review_on before it: what taking it back needs
