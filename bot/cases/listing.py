"""The list of files: filters, how late each is, a page at a time, along the indexes: an installation has 100,000 files."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Subquery, and_, exists, false, func, or_, select, text, union_all
from sqlalchemy.orm import Session

from bot.referrals import access
from bot.store.models import Case, Staff, StageProposal

MOST_COUNTED = 10_000  # of more the list says so: counting all of them would take longer than showing a page
# Each value once, from one entry of the index to the next: reading all files for five names would be slow.
_EACH = {
    name: text(f"""
        with recursive each(value) as (
          (select {name} from cases order by {name} limit 1) union all
          select (select {name} from cases where {name} > value order by {name} limit 1) from each where value is not null
        ) select value from each where value is not null
    """)  # noqa: S608 - the names of our own columns
    for name in ("office", "partner")
}


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
        if usual is not None:
            return max((self.today - file.stage_since).days - usual, 0)
        return max((self.today - file.review_on).days, 0) if file.review_on else 0


def page(
    session: Session, staff: Staff, wished: Filter, ranges: Ranges, *, start: int, most: int
) -> tuple[list[Case], int]:
    """Files of this reader: late ones the latest first, those of a stage the longest there first, else by name.

    And how many there are, MOST_COUNTED + 1 for more.
    """
    rules = [access.visible_files(staff), *_rules(staff, wished)]
    if wished.late:
        found = _latest(rules, ranges, start + most)
        wanted = select(Case).join(found, found.c.id == Case.id).order_by(found.c.late_by.desc(), Case.id)
        rules.append(_late(ranges))
    else:
        wanted = select(Case).where(*rules)
        wanted = wanted.order_by(Case.stage_since, Case.id) if wished.stage else wanted.order_by(Case.name, Case.id)
    counted = select(Case.id).where(*rules).limit(MOST_COUNTED + 1).subquery()
    rows = session.scalars(wanted.offset(start).limit(most))
    return list(rows), session.scalar(select(func.count()).select_from(counted)) or 0


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
    """Offices and partners to choose from, as far as this reader's files go."""
    offices = staff.offices or list(session.scalars(_EACH["office"]))
    partners = [staff.partner] if staff.role == "partner" else list(session.scalars(_EACH["partner"]))
    return sorted(offices), sorted(filter(None, partners))


def _rules(staff: Staff, wished: Filter) -> list[ColumnElement[bool]]:
    rules: list[ColumnElement[bool]] = []
    if wished.stage:
        rules.append(Case.stage == wished.stage)
    if wished.office:
        rules.append(Case.office == wished.office)
    if wished.partner:
        rules.append(Case.partner == wished.partner)
    if wished.mine:
        rules.append(Case.assistant_id == staff.id)
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
    ]
    return or_(false(), *usual, and_(Case.review_on < ranges.today, Case.stage.not_in(list(ranges.days))))


def _latest(rules: list[ColumnElement[bool]], ranges: Ranges, most: int) -> Subquery:
    """The latest of each stage, by its index, so that nobody sorts all late files for one page."""
    usual = [
        select(Case.id, (ranges.today - Case.stage_since - days).label("late_by"))
        .where(*rules, Case.stage == stage, Case.stage_since < ranges.today - timedelta(days=days))
        .order_by(Case.stage_since)
        .limit(most)
        for stage, days in ranges.days.items()
    ]
    reviews = (
        select(Case.id, (ranges.today - Case.review_on).label("late_by"))
        .where(*rules, Case.review_on < ranges.today, Case.stage.not_in(list(ranges.days)))
        .order_by(Case.review_on)
        .limit(most)
    )
    return union_all(*(one.subquery().select() for one in (*usual, reviews))).subquery()
