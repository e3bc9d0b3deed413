"""The group's book: one line a month, entered by one officer and confirmed by another within 72 hours.

profit = sales - costs = materials + shared, in whole francs, for every line that ever stood there: reckoned here, held
again by the table. What does not divide among the members stays with the materials. A loss is carried by the
materials; nothing is shared. A line is never changed: a correction is a new line, confirmed in its turn.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from bot.community.groups import heads, members
from bot.errors import CommunityError
from bot.store.models import BookLine, BookMark, CommunityGroup, GroupMember

CONFIRM_WITHIN = timedelta(hours=72)
MOST = 999_999_999  # francs of one entry
MONTHS_BACK = 12  # how old a month may be that is entered or corrected
OFFERED = 3  # months to choose from


@dataclass(frozen=True, slots=True)
class Shares:
    """How a month's profit is parted; all in francs."""

    profit: int
    materials: int
    shared: int
    each: int
    heads: int


def part(sales: int, costs: int, materials: int, heads: int) -> Shares:
    """Raises CommunityError: `amount` (below nothing, or more than anybody sells), `too_much` (more than the profit)."""
    if not all(0 <= amount <= MOST for amount in (sales, costs, materials)) or heads < 1:
        raise CommunityError("amount")
    profit = sales - costs
    if profit < 0:
        return Shares(profit, profit, 0, 0, heads)
    if materials > profit:
        raise CommunityError("too_much")
    each = (profit - materials) // heads
    return Shares(profit, profit - each * heads, each * heads, each, heads)


def shares_of(line: BookLine) -> Shares:
    """Those of a line that stands in the book."""
    return Shares(line.sales - line.costs, line.materials, line.shared, line.each_share, line.heads)


def months(at: datetime, zone: ZoneInfo) -> list[date]:
    """The months to choose from: this one and those before it, as the office counts days."""
    return [_month_back(at.astimezone(zone).date(), back) for back in range(OFFERED)]


def month_of(text: str, at: datetime, zone: ZoneInfo) -> date:
    """`2026-10` as its first day. Raises CommunityError `month` for one to come, or older than a year."""
    today = at.astimezone(zone).date()
    known = {f"{month:%Y-%m}": month for month in (_month_back(today, back) for back in range(MONTHS_BACK + 1))}
    if text not in known:
        raise CommunityError("month")
    return known[text]


def enter(
    session: Session,
    officer: GroupMember,
    *,
    month: date,
    sales: int,
    costs: int,
    materials: int,
    correct: bool,
    turn: bytes,
    at: datetime,
) -> BookLine:
    """A new line, for another officer to confirm. The same turn finds its own line; the group's row is held by `at_work`.

    Raises CommunityError: `exists` (confirmed, and no correction wanted), `waits` (another officer's line of this month
    must be answered first), `alone` (no other officer could confirm it), and those of `part`.
    """
    mine = session.scalars(select(BookLine).where(BookLine.turn == turn)).first()
    if mine is not None:
        return mine
    standing = _may_enter(session, officer, month, correct=correct, at=at)
    group = session.get_one(CommunityGroup, officer.group_id)
    parted = part(sales, costs, materials, heads(session, group))
    line = BookLine(
        group_id=group.id,
        month=month,
        sales=sales,
        costs=costs,
        materials=parted.materials,
        shared=parted.shared,
        heads=parted.heads,
        each_share=parted.each,
        corrects=standing.id if standing is not None else None,
        by_member=officer.id,
        at=at,
        turn=turn,
    )
    session.add(line)
    session.flush()
    return line


def _may_enter(session: Session, officer: GroupMember, month: date, *, correct: bool, at: datetime) -> BookLine | None:
    """The confirmed line that a new one corrects, if there is one. Raises CommunityError as `enter` says."""
    if len(members(session, officer.group_id, "officer")) < 2:
        raise CommunityError("alone")
    standing = confirmed_line(session, officer.group_id, month)
    if standing is not None and not correct:
        raise CommunityError("exists")
    pending = _pending(session, officer.group_id, at, month)
    if pending is not None and _digest(session, pending) != officer.digest:
        raise CommunityError("waits")
    return standing


def to_confirm(session: Session, officer: GroupMember, at: datetime) -> tuple[BookLine | None, bool]:
    """The line that waits for an answer, and whether it is this officer's own; another's comes first."""
    own: BookLine | None = None
    for line in _open_lines(session, officer.group_id, at):
        if _digest(session, line) != officer.digest:
            return line, False
        own = own or line
    return own, own is not None


def answer(session: Session, officer: GroupMember, line_id: int, *, yes: bool, turn: bytes, at: datetime) -> str:
    """`confirmed` or `refused`; the same turn says so again. Else `own`, `lapsed` or `changed` (another line came since)."""
    line = session.get(BookLine, line_id)
    if line is None or line.group_id != officer.group_id:
        return "changed"
    said = "confirmed" if yes else "refused"
    mark = session.get(BookMark, line_id)
    if mark is not None:
        return said if mark.turn == turn and mark.mark == said else "changed"
    if _digest(session, line) == officer.digest:
        return "own" if yes else "changed"
    if at >= line.at + CONFIRM_WITHIN:
        return "lapsed"
    if _newest(session, officer.group_id, line.month) != line.id:
        return "changed"
    session.add(BookMark(line_id=line_id, mark=said, by_member=officer.id, at=at, turn=turn))
    session.flush()
    return said


def confirmed_line(session: Session, group_id: int, month: date) -> BookLine | None:
    """What the book says of a month: its last confirmed line."""
    return next((line for line in book(session, group_id) if line.month == month), None)


def book(session: Session, group_id: int) -> list[BookLine]:
    """The book as it stands: the last confirmed line of each month, the newest month first."""
    lines = select(BookLine).join(BookMark).where(BookLine.group_id == group_id, BookMark.mark == "confirmed")
    lines = lines.ext(distinct_on(BookLine.month)).order_by(BookLine.month.desc(), BookLine.id.desc())
    return list(session.scalars(lines))


def history(session: Session, group_id: int) -> list[tuple[BookLine, BookMark | None]]:
    """Every line with what became of it, the newest first."""
    rows = select(BookLine, BookMark).outerjoin(BookMark).where(BookLine.group_id == group_id)
    return [(row[0], row[1]) for row in session.execute(rows.order_by(BookLine.id.desc()))]


def _open_lines(session: Session, group_id: int, at: datetime) -> list[BookLine]:
    """Newest lines of their months that nobody answered and that have not lapsed."""
    newest = select(BookLine).where(BookLine.group_id == group_id).ext(distinct_on(BookLine.month))
    lines = session.scalars(newest.order_by(BookLine.month.desc(), BookLine.id.desc())).all()
    marked = set(session.scalars(select(BookMark.line_id).where(BookMark.line_id.in_([line.id for line in lines]))))
    return [line for line in lines if line.id not in marked and at < line.at + CONFIRM_WITHIN]


def _pending(session: Session, group_id: int, at: datetime, month: date) -> BookLine | None:
    return next((line for line in _open_lines(session, group_id, at) if line.month == month), None)


def _newest(session: Session, group_id: int, month: date) -> int | None:
    lines = select(BookLine.id).where(BookLine.group_id == group_id, BookLine.month == month)
    return session.scalar(lines.order_by(BookLine.id.desc()).limit(1))


def _digest(session: Session, line: BookLine) -> str:
    """The phone that entered a line; who left and joined again is still the same."""
    return session.get_one(GroupMember, line.by_member).digest


def _month_back(day: date, back: int) -> date:
    place = day.year * 12 + day.month - 1 - back
    return date(place // 12, place % 12 + 1, 1)
