"""Communities: who looks after them, tensions, proposals, activities. A person is a phone here: its digest, no name.

Digests rather than contacts, since what may be full is claimed inside a turn, before the recorder knows the phone.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from bot.store.models.base import Base


class Community(Base):
    """A place whose people have a committee: Assamaka, Filingué."""

    __tablename__ = "communities"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    office: Mapped[str] = mapped_column(server_default="")  # of the requests that come from there; "": all offices
    open: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime]


class CommitteeMember(Base):
    """Staff who sit in a community's committee; a focal point is named to people as the one to ask for."""

    __tablename__ = "committee_members"

    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, index=True)
    focal: Mapped[bool] = mapped_column(server_default=text("false"))
    since: Mapped[datetime]


class CommunityChoice(Base):
    """Which community a phone chose; asked once and kept."""

    __tablename__ = "community_choices"

    digest: Mapped[str] = mapped_column(String(16), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    chosen_at: Mapped[datetime]


class TensionAnswer(Base):
    """What the committee told those who reported tensions of a time, perhaps of one kind."""

    __tablename__ = "tension_answers"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"), index=True)
    kind: Mapped[str] = mapped_column(server_default="")  # "": every kind
    first_day: Mapped[date]
    last_day: Mapped[date]  # included
    words: Mapped[dict[str, Any]]  # the committee's own, by language
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]


class Tension(Base):
    """A tension as it is counted: where, of which kind, now or not. Who reported it is known to the request alone."""

    __tablename__ = "tensions"
    __table_args__ = (Index("ix_tensions_counted", "community_id", "at"),)

    referral_id: Mapped[str] = mapped_column(ForeignKey("referrals.id"), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    kind: Mapped[str]  # water, market, work, housing, insult, fight
    happening: Mapped[bool]  # now
    at: Mapped[datetime]
    answer_id: Mapped[int | None] = mapped_column(ForeignKey("tension_answers.id"))  # answered, once


class Proposal(Base):
    """What people ask for their community. `title` is the committee's; the person's own words are for the committee."""

    __tablename__ = "proposals"
    __table_args__ = (Index("ix_proposals_board", "community_id", "state"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(start=100), primary_key=True)
    number: Mapped[str | None] = mapped_column(String(12), unique=True)  # the id with a check digit: shown P-1234
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("community_groups.id"))
    by_digest: Mapped[str | None] = mapped_column(String(16))  # None: staff wrote it down
    voice: Mapped[bool] = mapped_column(server_default=text("false"))  # will be said on a call
    referral_id: Mapped[str | None] = mapped_column(String(32))  # of that call; recorded after the claim, so no key
    words_enc: Mapped[bytes | None]  # place: proposals|<id>|words
    title: Mapped[str] = mapped_column(server_default="")
    state: Mapped[str] = mapped_column(server_default="PROPOSED")
    reason: Mapped[str] = mapped_column(server_default="")  # public, of DECLINED and MORE_INFO
    proposed_at: Mapped[datetime]
    state_since: Mapped[datetime]
    turn: Mapped[bytes | None] = mapped_column(unique=True)


class ProposalEvent(Base):
    """What the committee did and said about a proposal; only ever added to."""

    __tablename__ = "proposal_events"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"), index=True)
    at: Mapped[datetime]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    kind: Mapped[str]  # moved, titled, commented
    from_state: Mapped[str] = mapped_column(server_default="")
    to_state: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    text_enc: Mapped[bytes | None]  # a comment; place: proposals|<proposal id>|comment


class ProposalFollower(Base):
    """A phone that wants to be told of each step."""

    __tablename__ = "proposal_followers"

    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposals.id"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True, index=True)
    since: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Activity(Base):
    """Sewing, knitting, a training, a meeting. The same for hosts and migrants; nobody is asked where they are from."""

    __tablename__ = "activities"
    __table_args__ = (CheckConstraint("capacity > 0"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"), index=True)
    kind: Mapped[str]  # sewing, knitting, training, meeting
    name: Mapped[str]
    place: Mapped[str] = mapped_column(server_default="")
    capacity: Mapped[int] = mapped_column(SmallInteger)
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class ActivitySession(Base):
    """A day of an activity; a training has many."""

    __tablename__ = "activity_sessions"
    __table_args__ = (UniqueConstraint("activity_id", "day"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    activity_id: Mapped[int] = mapped_column(ForeignKey("activities.id"))
    day: Mapped[date]


class Participant(Base):
    """A place in an activity or in its waiting list; one a phone, and those whom the committee wrote down."""

    __tablename__ = "participants"
    __table_args__ = (
        Index("ix_participants_phone", "activity_id", "digest", unique=True, postgresql_where=text("left_at is null")),
        Index("ix_participants_untold", "id", postgresql_where=text("moved_up_at is not null and told_at is null")),
        UniqueConstraint("activity_id", "turn"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)  # the order of the waiting list
    activity_id: Mapped[int] = mapped_column(ForeignKey("activities.id"))
    digest: Mapped[str | None] = mapped_column(String(16), index=True)  # None: without a phone
    name_enc: Mapped[bytes | None]  # as the committee calls them; place: participants|<activity id>|name
    waiting: Mapped[bool]
    joined_at: Mapped[datetime]
    moved_up_at: Mapped[datetime | None]  # a place came free
    told_at: Mapped[datetime | None]  # of that
    left_at: Mapped[datetime | None]
    left_turn: Mapped[bytes | None]
    completed_at: Mapped[datetime | None]  # of a training
    turn: Mapped[bytes | None]


class Attendance(Base):
    """Was there, or not."""

    __tablename__ = "attendances"

    session_id: Mapped[int] = mapped_column(ForeignKey("activity_sessions.id"), primary_key=True)
    participant_id: Mapped[int] = mapped_column(ForeignKey("participants.id"), primary_key=True, index=True)
    there: Mapped[bool]
