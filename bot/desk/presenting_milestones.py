"""Milestones as pictures: columns by month, lengths by region and stage, and the way to the next thousand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from babel.dates import format_date

from bot.cases import milestones
from bot.cases.milestones import Cell, Stay
from bot.desk.charts import Bar, columns
from bot.desk.services import services
from bot.desk.words import language, messages, process, say, stages

MONTHS = 12
WHOLE = 97.0  # percent of the width that the longest line takes


@dataclass(frozen=True, slots=True)
class Length:
    """A stage: median, nine of ten and the usual end as percent of the width; in words beside it."""

    name: str
    half: float
    most: float
    limit: float | None
    median: str
    longest: str
    usual: str
    files: str
    late: bool


@dataclass(frozen=True, slots=True)
class Way:
    """The running count. `done`: percent of the thousand that is under way."""

    count: str
    goal: str
    left: str
    done: int


def way(count: int) -> Way:
    """How far it is to the next thousand."""
    goal, left = milestones.next_thousand(count)
    done = 100 * (milestones.THOUSAND - left) // milestones.THOUSAND
    return Way(messages.number(count), messages.number(goal), messages.number(left), done)


def months(found: dict[date, int], today: date, year: int | None) -> list[tuple[date, int]]:
    """The twelve of a year, or the last twelve; those without anybody too."""
    last = date(year, 12, 1) if year and year < today.year else today.replace(day=1)
    places = [last.year * 12 + last.month - 1 - back for back in range(MONTHS - 1, -1, -1)]
    wanted = [date(place // 12, place % 12 + 1, 1) for place in places]
    return [(month, found.get(month, 0)) for month in wanted if not year or month.year == year]


def bars(counts: Sequence[tuple[date, int]]) -> list[Bar]:
    """A column a month."""
    named = [
        (n, messages.number(n) if n else "", format_date(month, "LLLLL", locale=language())) for month, n in counts
    ]
    return columns(named)


def named_months(counts: Sequence[tuple[date, int]]) -> list[tuple[str, str]]:
    """The same as a table."""
    return [(format_date(month, "MMMM y", locale=language()), messages.number(n)) for month, n in counts]


def regions(counts: Sequence[tuple[str, int]]) -> list[tuple[str, str, int]]:
    """Name, figure, and percent of the largest."""
    most = max((n for _, n in counts), default=0) or 1
    return [(name or say("no region"), messages.number(n), round(100 * n / most)) for name, n in counts]


def partners(cells: Sequence[Cell]) -> list[tuple[str, str, str]]:
    """Partner, kind of project, figure; "" where it is hidden."""
    return [
        (
            one.partner or say("no partner"),
            process.named(one.project) if one.project else say("no project yet"),
            "" if one.count is None else messages.number(one.count),
        )
        for one in cells
    ]


def lengths(stays: Sequence[Stay]) -> list[Length]:
    """A line a stage, all on one scale."""
    usual = {one.stage: services().content.flows.stages[one.stage].late_after for one in stays}
    longest = max((max(one.most, usual[one.stage]) for one in stays), default=0) or 1

    def percent(days: int) -> float:
        return round(days / longest * WHOLE, 1)

    return [
        Length(
            name=stages.stage(one.stage),
            half=percent(one.half),
            most=percent(one.most),
            limit=percent(usual[one.stage]) if usual[one.stage] else None,
            median=_days(one.half),
            longest=_days(one.most),
            usual=_days(usual[one.stage]) if usual[one.stage] else "",
            files=messages.number(one.files),
            late=bool(usual[one.stage]) and one.half > usual[one.stage],
        )
        for one in stays
    ]


def _days(count: int) -> str:
    return say("%(n)s days", n=count)
