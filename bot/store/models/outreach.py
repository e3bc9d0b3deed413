"""What we do unasked so that nobody is lost: stage news, late files, check-ins, lost contact, changes of number."""

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.store.models.base import Base


class StageNews(Base):
    """One stage change was looked at: told, or why not. Its row makes it happen once."""

    __tablename__ = "stage_news"

    change_id: Mapped[int] = mapped_column(ForeignKey("stage_changes.id"), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    at: Mapped[datetime]
    outcome: Mapped[str]  # told, verify (the code was asked for instead), seen, over (undone or gone on), withheld
    message_id: Mapped[str | None] = mapped_column(String(32))


class LateFile(Base):
    """A file stood in a stage for longer than usual, or for one of the days on which it is reminded of a paper."""

    __tablename__ = "late_files"
    __table_args__ = (
        UniqueConstraint("case_id", "stage", "since", "day"),
        Index("ix_late_files_undigested", "found_at", postgresql_where=text("digested_at is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    stage: Mapped[str]
    since: Mapped[date]  # of that stage
    day: Mapped[int] = mapped_column(SmallInteger)  # the limit that was passed, in days
    found_at: Mapped[datetime]
    outcome: Mapped[str]  # as in StageNews: told, verify, withheld
    message_id: Mapped[str | None] = mapped_column(String(32))
    digested_at: Mapped[datetime | None]  # the assistants of its office were told that there are late files


class CheckIn(Base):
    """A few questions during MONITORING. Answered by SMS without a code, or on the screen after the code."""

    __tablename__ = "check_ins"
    __table_args__ = (
        UniqueConstraint("case_id", "since", "week"),
        Index("ix_check_ins_open", "asked_at", postgresql_where=text("state = 'asked'")),
        Index("ix_check_ins_due", "due_on"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    since: Mapped[date]  # when the stage began: a file that is opened again is asked anew
    week: Mapped[int] = mapped_column(SmallInteger)
    due_on: Mapped[date]
    asked_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="asked")  # asked, answered, silent
    pushed: Mapped[str]  # as in StageNews: told, verify, withheld; whoever dials is asked all the same
    message_id: Mapped[str | None] = mapped_column(String(32))
    answered_at: Mapped[datetime | None]
    channel: Mapped[str] = mapped_column(server_default="")
    running: Mapped[bool | None]
    problem: Mapped[str | None]  # no, kit, other
    visit: Mapped[bool | None]  # may we come?
    referral_id: Mapped[str | None] = mapped_column(ForeignKey("referrals.id"))


class ContactAttempt(Base):
    """Somebody tried to reach the person of a file. Only ever added to."""

    __tablename__ = "contact_attempts"
    __table_args__ = (Index("ix_contact_attempts_case", "case_id", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    at: Mapped[datetime]
    way: Mapped[str]  # call, sms, whatsapp, visit, relative
    reached: Mapped[bool]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))  # None: asked by machine to give the code


class LostContact(Base):
    """One search for somebody: from the third no-show or the first declaration until they are heard of again."""

    __tablename__ = "lost_contacts"
    __table_args__ = (
        Index("ix_lost_contacts_open", "case_id", unique=True, postgresql_where=text("ended_at is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    opened_at: Mapped[datetime]
    why: Mapped[str]  # no_shows, no_answer
    declared_at: Mapped[datetime | None]  # the file was set to LOST_CONTACT
    declared_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    review_at: Mapped[date | None]  # when the coordinator looks again
    ended_at: Mapped[datetime | None]


class NumberChange(Base):
    """A file was opened with its code from another phone, and the person said: this is my new number."""

    __tablename__ = "number_changes"
    __table_args__ = (
        Index("ix_number_changes_open", "case_id", unique=True, postgresql_where=text("state in ('new', 'doubted')")),
        Index("ix_number_changes_unconfirmed", "at", postgresql_where=text("confirmed_at is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    before_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), index=True)
    at: Mapped[datetime]
    turn: Mapped[str] = mapped_column(String(32), unique=True)  # saying it twice changes nothing
    # new: 24 hours of limited access; doubted: the old phone gave the code meanwhile, staff decide; joined; refused; no
    state: Mapped[str] = mapped_column(server_default="new")
    joined_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]  # staff spoke with the person, or refused
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
