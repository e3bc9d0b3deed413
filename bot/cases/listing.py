"""The list of files: filters, how late each is, a page at a time. Fast at 100,000 files (docs/process.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, and_, case, exists, false, func, or_, select
from sqlalchemy.orm import Session

from bot.referrals import access
from bot.store.models import Case, Staff, StageProposal

STALE_AFTER = 30  # days after which the last confirmation of a file is said with it


@dataclass(frozen=True, slots=True)
class Filter:
    """What is wished; "" and False wish nothing. `late`: past the usual range, or past its day of review."""

    stage: str = ""
    office: str = ""
    partner: str = ""
    late: bool = False
    mine: bool = False
    proposed: bool = False


@dataclass(frozen=True, slots=True)
class Ranges:
    """Days after which a stage takes longer than usual (flows/stages.yaml), and the day that it is in Niamey."""

    days: Mapping[str, int]
    today: date

    def late_by(self, file: Case) -> int:
        """Days past the usual range of its stage, or past the day of its review; 0: not late."""
        usual = self.days.get(file.stage)
        over = (self.today - file.stage_since).days - usual if usual else 0
        review = (self.today - file.review_on).days if file.review_on else 0
        return max(over, review, 0)


def page(
    session: Session, staff: Staff, wished: Filter, ranges: Ranges, *, start: int, most: int
) -> tuple[list[Case], int]:
    """Files of this reader, the latest first where late ones are wished, else by name; and how many there are."""
    rules = [access.visible_files(staff), *_rules(staff, wished, ranges)]
    order = [_lateness(ranges).desc(), Case.id] if wished.late else [Case.name, Case.id]
    found = session.scalars(select(Case).where(*rules).order_by(*order).offset(start).limit(most))
    return list(found), session.scalar(select(func.count()).select_from(Case).where(*rules)) or 0


def partners(session: Session, staff: Staff, ranges: Ranges) -> list[tuple[str, int, int, int]]:
    """Each partner with its files: not ended, late, ended."""
    ended = Case.stage.in_(("FINALISED", "CANCELLED", "TRANSFERRED", "DECEASED"))
    wanted = select(
        Case.partner,
        func.count().filter(~ended),
        func.count().filter(_late(ranges)),
        func.count().filter(ended),
    ).where(access.visible_files(staff), Case.partner != "")
    return [
        (row[0], row[1], row[2], row[3])
        for row in session.execute(wanted.group_by(Case.partner).order_by(Case.partner))
    ]


def choices(session: Session, staff: Staff) -> tuple[list[str], list[str]]:
    """Offices and partners among this reader's files."""
    offices = select(Case.office).where(access.visible_files(staff)).distinct().order_by(Case.office)
    names = (
        select(Case.partner).where(access.visible_files(staff), Case.partner != "").distinct().order_by(Case.partner)
    )
    return list(session.scalars(offices)), list(session.scalars(names))


def _rules(staff: Staff, wished: Filter, ranges: Ranges) -> list[ColumnElement[bool]]:
    rules: list[ColumnElement[bool]] = []
    if wished.stage:
        rules.append(Case.stage == wished.stage)
    if wished.office:
        rules.append(Case.office == wished.office)
    if wished.partner:
        rules.append(Case.partner == wished.partner)
    if wished.mine:
        rules.append(Case.assistant_id == staff.id)
    if wished.late:
        rules.append(_late(ranges))
    if wished.proposed:
        open_ones = select(StageProposal.id).where(
            StageProposal.case_id == Case.id, StageProposal.settled_at.is_(None), StageProposal.from_stage == Case.stage
        )
        rules.append(exists(open_ones))
    return rules


def _late(ranges: Ranges) -> ColumnElement[bool]:
    usual = [
        and_(Case.stage == stage, Case.stage_since < ranges.today - timedelta(days=days))
        for stage, days in ranges.days.items()
        if days
    ]
    return or_(false(), *usual, Case.review_on < ranges.today)


def _lateness(ranges: Ranges) -> ColumnElement[int]:
    usual = case(ranges.days, value=Case.stage, else_=10_000) if ranges.days else 0
    over = ranges.today - Case.stage_since - usual
    return func.greatest(over, func.coalesce(ranges.today - Case.review_on, 0))
