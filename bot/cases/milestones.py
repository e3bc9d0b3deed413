"""Milestones: files finalised, the next thousand, and how long each stage takes. Counts of files, never a person's.

Finalised files are counted as they stand now. How long a stage takes comes from who moved what when (`stage_changes`),
a million rows in a country: an hourly count of days (`stage_times`) carries the page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, func, select, text, true
from sqlalchemy.orm import Session

from bot.cases.stages import MAIN
from bot.referrals import small_numbers
from bot.referrals.small_numbers import SMALLEST
from bot.store.database import Database
from bot.store.models import Case, StageTime

THOUSAND = 1000
Key = TypeVar("Key", bound=Hashable)

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
class Finalised:
    """So many files of one month (its first day), office, region, partner and kind of project."""

    month: date
    office: str
    region: str
    partner: str
    project: str
    files: int


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


def finalised(session: Session, seen: ColumnElement[bool]) -> list[Finalised]:
    """All that were finalised, by what the page tells of: one look at the files."""
    month = func.date_trunc("month", Case.stage_since)
    columns = (month, Case.office, Case.region, Case.partner, Case.project_type)
    query = select(*columns, func.count()).where(Case.stage == MAIN[-1], seen).group_by(*columns)
    return [Finalised(row[0].date(), *row[1:]) for row in session.execute(query)]


def chosen(found: Sequence[Finalised], filters: Filters) -> list[Finalised]:
    """Those of a year and an office."""
    return [
        one for one in found
        if filters.year in (None, one.month.year) and filters.office in ("", one.office)
    ]  # fmt: skip


def total(found: Sequence[Finalised]) -> int:
    """How many files."""
    return sum(one.files for one in found)


def next_thousand(count: int) -> tuple[int, int]:
    """Which one comes next, and how many are missing."""
    goal = (count // THOUSAND + 1) * THOUSAND
    return goal, goal - count


def by_month(found: Sequence[Finalised]) -> dict[date, int]:
    """First day of the month to files finalised in it."""
    return dict(_sums((one.month, one.files) for one in found))


def by_region(found: Sequence[Finalised]) -> list[tuple[str, int]]:
    """Regions, the most first."""
    return sorted(_sums((one.region, one.files) for one in found).items(), key=lambda one: (-one[1], one[0]))


def by_partner(found: Sequence[Finalised]) -> list[Cell]:
    """Partner and kind of project; what could point at a person is not told (docs/decisions/0036-milestones.md)."""
    sums = _sums(((one.partner, one.project), one.files) for one in found)
    return hide_small([(partner, project, files) for (partner, project), files in sorted(sums.items())])


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


def _sums(parts: Iterable[tuple[Key, int]]) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for key, files in parts:
        found[key] += files
    return found
