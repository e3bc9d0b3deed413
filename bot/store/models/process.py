"""The assistance process: proposed moves, projects, trainings, kits, visits."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.store.models.base import Base


class StageProposal(Base):
    """A move that somebody else decides: a training ended, a kit arrived, a cancellation needs a second person."""

    __tablename__ = "stage_proposals"
    __table_args__ = (
        Index(
            "ix_stage_proposals_open", "case_id", "to_stage", unique=True, postgresql_where=text("settled_at is null")
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    from_stage: Mapped[str]  # moved meanwhile: it is void
    to_stage: Mapped[str]
    why: Mapped[str]  # training, kit, second
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(server_default="")  # a code of flows/process.yaml
    note_enc: Mapped[bytes | None]  # place: stage_changes|<case id>|note
    settled_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    settled_at: Mapped[datetime | None]


class Project(Base):
    """What people build with the help they get: alone, as a group, or a whole place."""

    __tablename__ = "projects"
    __table_args__ = (CheckConstraint("kind in ('individual', 'collective', 'community')"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    activity: Mapped[str] = mapped_column(server_default="")
    department: Mapped[str]
    office: Mapped[str] = mapped_column(index=True)
    partner: Mapped[str] = mapped_column(server_default="")
    stage: Mapped[str]
    stage_since: Mapped[date]
    made_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]


class ProjectMember(Base):
    """Somebody of a project: a case, or a neighbour who came back from nowhere, with a name and perhaps a phone."""

    __tablename__ = "project_members"
    __table_args__ = (
        CheckConstraint("(case_id is null) <> (name = '')"),
        Index("ix_project_members_case", "case_id", unique=True, postgresql_where=text("left_at is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    name: Mapped[str] = mapped_column(server_default="")
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))
    role: Mapped[str] = mapped_column(server_default="member")  # member, head, treasurer, secretary
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]


class Training(Base):
    """A course at a place, from one day to another, for so many people."""

    __tablename__ = "trainings"
    __table_args__ = (CheckConstraint("ends_on >= starts_on"), CheckConstraint("places > 0"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]
    place: Mapped[str]
    office: Mapped[str] = mapped_column(index=True)
    partner: Mapped[str] = mapped_column(server_default="")
    starts_on: Mapped[date]
    ends_on: Mapped[date] = mapped_column(index=True)
    places: Mapped[int] = mapped_column(SmallInteger)
    made_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]


class Enrolment(Base):
    """A case in a training. `completed` None: not decided."""

    __tablename__ = "enrolments"
    __table_args__ = (UniqueConstraint("training_id", "case_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    training_id: Mapped[int] = mapped_column(ForeignKey("trainings.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    completed: Mapped[bool | None]


class TrainingDay(Base):
    """Who was there on a day of a training."""

    __tablename__ = "training_days"

    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    present: Mapped[bool]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))


class Kit(Base):
    """The equipment of a case: ordered, arrived, collected."""

    __tablename__ = "kits"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    kind: Mapped[str]
    items: Mapped[list[str]]
    ordered_on: Mapped[date]
    expected_on: Mapped[date | None]
    arrived_on: Mapped[date | None]
    collected_on: Mapped[date | None]
    fault: Mapped[str] = mapped_column(server_default="")  # broken, incomplete
    fault_on: Mapped[date | None]
    made_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))


class Visit(Base):
    """A look at how the activity goes: a visit or a call, planned, then done."""

    __tablename__ = "visits"
    __table_args__ = (
        CheckConstraint("way in ('visit', 'call')"),
        UniqueConstraint("case_id", "planned_on"),
        Index("ix_visits_planned", "planned_on", postgresql_where=text("done_on is null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    way: Mapped[str]
    planned_on: Mapped[date]
    planned_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    done_on: Mapped[date | None]
    done_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    findings: Mapped[list[str]] = mapped_column(server_default="{}")
    note_enc: Mapped[bytes | None]  # place: visits|<case id>|note
