"""Groups of a community: members, the book of each month, what is saved for. Money is whole francs (XOF)."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.store.models.base import Base


class CommunityGroup(Base):
    """A group that works and saves together: the women of the centre. Its code opens its page on any member's phone."""

    __tablename__ = "community_groups"
    __table_args__ = (CheckConstraint("heads >= 0"),)

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"), index=True)
    name: Mapped[str]
    heads: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # how many share; 0: the members by phone
    code_hmac: Mapped[bytes | None]  # Ciphers.code("group|<id>", code)
    locked_members: Mapped[bool] = mapped_column(server_default=text("false"))  # read by the release before alone
    locked_others: Mapped[bool] = mapped_column(server_default=text("false"))  # six errors from phones of no member
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class GroupMember(Base):
    """A member by phone, or who asks to be one. `number`: told to an officer in person, who types it."""

    __tablename__ = "group_members"
    __table_args__ = (
        Index("ix_group_members_phone", "group_id", "digest", unique=True, postgresql_where=text("ended_at is null")),
        Index("ix_group_members_number", "group_id", "number", unique=True, postgresql_where=text("ended_at is null")),
        CheckConstraint("role in ('asking', 'member', 'officer')"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("community_groups.id"))
    digest: Mapped[str] = mapped_column(String(16), index=True)
    number: Mapped[str] = mapped_column(String(4))
    role: Mapped[str]
    name_enc: Mapped[bytes | None]  # as the committee calls them; place: group_members|<group id>|name
    asked_at: Mapped[datetime]
    locked: Mapped[bool] = mapped_column(server_default=text("false"))  # six errors from this phone; a new code ends it
    opened_at: Mapped[datetime | None]  # the code was right on this phone, or something was done since
    ended_at: Mapped[datetime | None]
    ended: Mapped[str] = mapped_column(server_default="")  # left, refused, lapsed, locked_out
    ended_turn: Mapped[bytes | None]  # of who left by phone: the same turn says so again


class BookLine(Base):
    """A month as one officer entered it; only ever added to. It counts once another officer confirmed it."""

    __tablename__ = "book_lines"
    __table_args__ = (
        CheckConstraint("sales >= 0 and costs >= 0", name="ck_book_lines_entered"),
        CheckConstraint("sales - costs = materials + shared", name="ck_book_lines_profit"),
        CheckConstraint("shared >= 0 and shared = each_share * heads and heads > 0", name="ck_book_lines_shared"),
        CheckConstraint("materials >= 0 or (sales < costs and shared = 0)", name="ck_book_lines_loss"),
        Index("ix_book_lines_month", "group_id", "month"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("community_groups.id"))
    month: Mapped[date]  # its first day
    sales: Mapped[int] = mapped_column(BigInteger)
    costs: Mapped[int] = mapped_column(BigInteger)
    materials: Mapped[int] = mapped_column(BigInteger)  # kept by the centre; of a month with a loss, that loss
    shared: Mapped[int] = mapped_column(BigInteger)
    heads: Mapped[int] = mapped_column(SmallInteger)
    each_share: Mapped[int] = mapped_column(BigInteger)
    corrects: Mapped[int | None] = mapped_column(ForeignKey("book_lines.id"))
    by_member: Mapped[int] = mapped_column(ForeignKey("group_members.id"))
    at: Mapped[datetime]
    turn: Mapped[bytes] = mapped_column(unique=True)


class BookMark(Base):
    """What became of a line: confirmed, refused, or void since the phone that entered it was locked out. One a line."""

    __tablename__ = "book_marks"
    __table_args__ = (CheckConstraint("mark in ('confirmed', 'refused', 'void')"),)

    line_id: Mapped[int] = mapped_column(ForeignKey("book_lines.id"), primary_key=True)
    mark: Mapped[str]
    by_member: Mapped[int | None] = mapped_column(ForeignKey("group_members.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]
    turn: Mapped[bytes | None]


class Goal(Base):
    """What a group saves for: a drinking water pump."""

    __tablename__ = "goals"
    __table_args__ = (
        CheckConstraint("target > 0"),
        Index("ix_goals_open", "group_id", unique=True, postgresql_where=text("closed_at is null")),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("community_groups.id"))
    name: Mapped[str]
    target: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class GoalPayment(Base):
    """What was paid in; only ever added to. Staff take back a wrong one with a negative line."""

    __tablename__ = "goal_payments"
    __table_args__ = (CheckConstraint("amount > 0 or staff_id is not null"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    goal_id: Mapped[int] = mapped_column(ForeignKey("goals.id"), index=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    by_member: Mapped[int | None] = mapped_column(ForeignKey("group_members.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]
    turn: Mapped[bytes | None] = mapped_column(unique=True)
