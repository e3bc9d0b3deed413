"""Milestones: files finalised, the next thousand, and how long each stage takes. Counts of files, never a person's.

Finalised files are counted as they stand now. How long a stage takes comes from who moved what when (`stage_changes`),
a million rows in a country: an hourly count of days (`stage_times`) carries the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, extract, func, select, text, true
from sqlalchemy.orm import Session

from bot.cases.stages import MAIN
from bot.referrals import small_numbers
from bot.referrals.small_numbers import SMALLEST
from bot.store.database import Database
from bot.store.models import Case, StageTime

THOUSAND = 1000

# A stay counts where the file was seen to come and to go on to a main stage: a first stay begins when the file was
# opened; what an import found half-way has no beginning, and a stop (on hold, contact lost) tells nothing of the stage.
_COUNT = text("""
INSERT INTO stage_times (year, office, stage, days, files)
SELECT extract(year FROM left_on), office, stage, greatest(0, left_on - came_on), count(*) FROM (
  SELECT c.office, s.from_stage AS stage, s.to_stage, (s.at AT TIME ZONE :zone)::date AS left_on,
    coalesce(
      (lag(s.at) OVER (PARTITION BY s.case_id ORDER BY s.at, s.id) AT TIME ZONE :zone)::date,
      CASE WHEN s.from_stage = :first THEN c.opened_on END) AS came_on
  FROM stage_changes s JOIN cases c ON c.id = s.case_id
) stays
WHERE came_on IS NOT NULL AND stage = ANY(:main) AND to_stage = ANY(:main) GROUP BY 1, 2, 3, 4
""")


@dataclass(frozen=True, slots=True)
class Filters:
    """`year` None: all years; `office` "": all that the reader sees."""

    year: int | None = None
    office: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """How many were finalised: of a partner and a kind of project. `count` None: too few to be told."""

    partner: str
    project: str
    count: int | None


@dataclass(frozen=True, slots=True)
class Stay:
    """Days in a stage: of how many stays, and within how many days half and nine of ten of them ended."""

    stage: str
    files: int
    half: int
    most: int


def count_stage_times(database: Database, *, zone: str) -> None:
    """Count the days in each stage anew; readers see the old count until the new one is whole."""
    with database.transaction() as session:
        session.execute(text("DELETE FROM stage_times"))
        session.execute(_COUNT, {"zone": zone, "first": MAIN[0], "main": list(MAIN)})


def total(session: Session, seen: ColumnElement[bool]) -> int:
    """Files finalised since the programme began."""
    return session.scalar(select(func.count()).select_from(Case).where(_finalised(seen, Filters()))) or 0


def next_thousand(count: int) -> tuple[int, int]:
    """Which one comes next, and how many are missing."""
    goal = (count // THOUSAND + 1) * THOUSAND
    return goal, goal - count


def years(session: Session, seen: ColumnElement[bool]) -> list[int]:
    """Years in which a file was finalised, the latest first."""
    year = extract("year", Case.stage_since)
    return sorted(
        (int(one) for one in session.scalars(select(year).where(_finalised(seen, Filters())).distinct())), reverse=True
    )


def by_month(session: Session, seen: ColumnElement[bool], filters: Filters) -> dict[date, int]:
    """First day of the month to files finalised in it."""
    month = func.date_trunc("month", Case.stage_since)
    rows = session.execute(select(month, func.count()).where(_finalised(seen, filters)).group_by(month))
    return {row[0].date(): row[1] for row in rows}


def by_region(session: Session, seen: ColumnElement[bool], filters: Filters) -> list[tuple[str, int]]:
    """Regions, the most first."""
    query = select(Case.region, func.count()).where(_finalised(seen, filters)).group_by(Case.region)
    return [(row[0], row[1]) for row in session.execute(query.order_by(func.count().desc(), Case.region))]


def by_partner(session: Session, seen: ColumnElement[bool], filters: Filters) -> list[Cell]:
    """Partner and kind of project; what could point at a person is not told (docs/decisions/0036-milestones.md)."""
    query = (
        select(Case.partner, Case.project_type, func.count())
        .where(_finalised(seen, filters))
        .group_by(Case.partner, Case.project_type)
        .order_by(Case.partner, Case.project_type)
    )
    return hide_small([(row[0], row[1], row[2]) for row in session.execute(query)])


def hide_small(counts: Sequence[tuple[str, str, int]]) -> list[Cell]:
    """Hide what is under 5, and others with it where the total, which the page tells, would give it away."""
    cells = [one[2] for one in counts]
    shown, _ = small_numbers.protect(cells, [sum(cells)])
    return [Cell(one[0], one[1], count.value) for one, count in zip(counts, shown, strict=True)]


def stays(session: Session, offices: ColumnElement[bool], filters: Filters) -> list[Stay]:
    """The main stages in their order, those with five stays or more."""
    one = StageTime
    chosen = and_(offices, one.year == filters.year if filters.year else true())
    days = (
        select(one.stage, one.days, func.sum(one.files).label("files"))
        .where(chosen, one.office == filters.office if filters.office else true())
        .group_by(one.stage, one.days)
        .order_by(one.days)
    )
    found: dict[str, list[tuple[int, int]]] = {}
    for stage, length, files in session.execute(days):
        found.setdefault(stage, []).append((length, int(files)))
    return [
        Stay(stage, count, _within(found[stage], count * 0.5), _within(found[stage], count * 0.9))
        for stage in MAIN
        if stage in found and (count := sum(files for _, files in found[stage])) >= SMALLEST
    ]


def _within(days: Sequence[tuple[int, int]], wanted: float) -> int:
    """The days within which so many stays ended; `days` in ascending order."""
    so_far = 0
    for length, files in days:
        so_far += files
        if so_far >= wanted:
            return length
    return 0


def _finalised(seen: ColumnElement[bool], filters: Filters) -> ColumnElement[bool]:
    year = filters.year
    dates = and_(Case.stage_since >= date(year, 1, 1), Case.stage_since <= date(year, 12, 31)) if year else true()
    office = Case.office == filters.office if filters.office else true()
    return and_(Case.stage == "FINALISED", seen, dates, office)
