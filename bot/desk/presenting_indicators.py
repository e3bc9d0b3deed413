"""Figures in words and lines. Every count passes `small_numbers`; a pace is told of five or more, where its count is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from babel.dates import format_date

from bot.desk.reading_indicators import Pace, Sum, Week
from bot.desk.services import services
from bot.desk.words import language, say
from bot.referrals import letters, small_numbers
from bot.referrals.clocks import Clocks
from bot.referrals.small_numbers import SMALLEST, Count

LEFT, RIGHT, TOP, FLOOR = 8.0, 97.0, 26, 190  # the chart's own: percent of its width, pixels of its height
ARCHES = 16  # at most, one above the other


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table, in words. `masked`: the whole of it is hidden."""

    name: str
    count: str
    accepted: str = ""
    contacted: str = ""
    closed: str = ""
    answered: str = ""
    solved: str = ""
    masked: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """A week of a chart: place in percent and pixels, and what stands beside it."""

    x: float
    y: float
    word: str = ""
    figure: str = ""


@dataclass(slots=True)
class Trend:
    """Half and nine of ten as pieces of lines (a hidden week breaks them), the limit, the figures of the axis."""

    half: list[list[Point]] = field(default_factory=list)
    most: list[list[Point]] = field(default_factory=list)
    axis: list[Point] = field(default_factory=list)
    weeks: list[Point] = field(default_factory=list)
    limit: float = 0.0
    last: Point | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A week of talks in private: so many arches, or a word that they are hidden."""

    x: float
    arches: list[int]
    figure: str
    top: int
    word: str


def tables(sums: Sequence[Sum], weeks: Sequence[datetime]) -> tuple[list[Line], list[Line], dict[datetime, int]]:
    """By queue and office, by week and queue, and how many requests of each week are shown.

    What is under 5 has no row: a row would tell that there was somebody.
    """
    offices, dated = [], []
    shown: dict[datetime, int] = dict.fromkeys(weeks, 0)
    for letter, queue in sorted({(letters.letter(services().settings, one.queue), one.queue) for one in sums}):
        own = [one for one in sums if one.queue == queue]
        by_week = {one.week: one for one in own if one.week is not None}
        by_office = sorted((one for one in own if one.office is not None), key=lambda one: str(one.office))
        hidden = small_numbers.protect(
            [by_week[week].count if week in by_week else 0 for week in weeks], [one.count for one in by_office]
        )
        for week, count in zip(weeks, hidden[0], strict=True):
            shown[week] += count.value or 0
            if not count.few:
                dated.append((week, letter, _line(f"{_week(week)} · {letter}", count, by_week[week])))
        for one, count in zip(by_office, hidden[1], strict=True):
            if not count.few:
                offices.append(_line(" · ".join((letter, one.office or say("no office"))), count, one))
    return offices, [line for *_, line in sorted(dated, key=lambda one: one[:2])], shown


def trend(weeks: Sequence[datetime], known: dict[datetime, Week]) -> Trend | None:
    """Minutes until the first call of critical requests, week by week; None where every week is hidden."""
    paces = [known[week].contacted if week in known else Pace(0, None, None) for week in weeks]
    told = [pace for pace in paces if pace.count >= SMALLEST]
    if not told:
        return None
    height = max(limit() * 2, *(pace.most or 0 for pace in told))
    step = _step(height)
    height = step * -(-height // step)
    found = Trend(limit=_y(limit(), height))
    found.axis = [Point(LEFT, _y(step * n, height), _short(step * n)) for n in range(int(height // step) + 1)]
    xs = [round(LEFT + (RIGHT - LEFT) * place / (len(weeks) - 1), 2) for place in range(len(weeks))]
    found.weeks = [Point(x, 0, _week(week)) for x, week in zip(xs, weeks, strict=True)]
    found.half = _pieces([(x, pace.half) for x, pace in zip(xs, paces, strict=True)], paces, height)
    found.most = _pieces([(x, pace.most) for x, pace in zip(xs, paces, strict=True)], paces, height)
    if paces[-1].count >= SMALLEST:
        end = found.half[-1][-1]
        found.last = Point(end.x, end.y, figure=length(paces[-1].half))
    return found


def columns(
    weeks: Sequence[datetime], known: dict[datetime, Week], shown: dict[datetime, int]
) -> tuple[list[Column], int]:
    """Talks in private by week, and how many one arch stands for."""
    counts = {week: known[week].private if week in known else 0 for week in weeks}
    told = {week: n for week, n in counts.items() if n >= SMALLEST and small_numbers.may_show(n, shown[week])}
    unit = max(1, -(-max(told.values(), default=0) // ARCHES))
    found = []
    for place, week in enumerate(weeks):
        arches = list(range(1, -(-told.get(week, 0) // unit) + 1))
        x = round((place + 0.5) * 100 / len(weeks), 2)
        found.append(Column(x, arches, str(told.get(week, "")), len(arches), _week(week)))
    return found, unit


def sentence(week: datetime, pace: Pace) -> str:
    """What matters of the last whole week."""
    name = _week(week)
    if pace.count < SMALLEST:
        return say("%(week)s: fewer than 5 critical requests got a first call. Too few to tell how fast.", week=name)
    times = {"week": name, "half": length(pace.half), "most": length(pace.most), "limit": length(limit())}
    if (pace.most or 0) <= limit():
        return say(
            "%(week)s: half of the critical requests got a first call within %(half)s, nine of ten within %(most)s. "
            "The limit of %(limit)s was kept.",
            **times,
        )
    if (pace.half or 0) <= limit():
        return say(
            "%(week)s: half of the critical requests got a first call within %(half)s, but nine of ten only within "
            "%(most)s. The limit is %(limit)s.",
            **times,
        )
    return say(
        "%(week)s: half of the critical requests waited longer than %(half)s for a first call. The limit is %(limit)s.",
        **times,
    )


def sealed(months: Iterable[tuple[datetime, int]]) -> list[tuple[str, str]]:
    """Month and count, none under 5 (safety 18)."""
    return [
        (
            format_date(month.date(), "MMMM y", locale=language()),
            str(count) if count >= SMALLEST else say("fewer than 5"),
        )
        for month, count in months
    ]


def limit() -> float:
    """By when a critical request should have a first call, in minutes (safety 20)."""
    return Clocks.of(services().settings).critical_contact.total_seconds() / 60


def length(minutes: float | None) -> str:
    """`34 min`, `5 h`, `3 j`."""
    whole = round(minutes or 0)
    if whole < 120:
        return say("%(n)s min", n=whole)
    return say("%(n)s h", n=round(whole / 60)) if whole < 48 * 60 else say("%(n)s days", n=round(whole / 1440))


def _line(name: str, count: Count, found: Sum) -> Line:
    if count.value is None:
        return Line(name, say("hidden"), masked=True)
    return Line(
        name,
        str(count.value),
        _pace(found.accepted),
        _pace(found.contacted),
        _pace(found.closed),
        _share(found.answered, found.closed.count),
        _share(found.solved, found.asked),
    )


def _pace(pace: Pace) -> str:
    if pace.count < SMALLEST:
        return ""
    return say("%(half)s · 9 of 10: %(most)s", half=length(pace.half), most=length(pace.most))


def _share(part: int, whole: int) -> str:
    return say("%(n)s %%", n=round(100 * part / whole)) if small_numbers.may_show(part, whole) else ""


def _pieces(points: Sequence[tuple[float, float | None]], paces: Sequence[Pace], height: float) -> list[list[Point]]:
    found: list[list[Point]] = [[]]
    for (x, minutes), pace in zip(points, paces, strict=True):
        if pace.count >= SMALLEST and minutes is not None:
            found[-1].append(Point(x, _y(minutes, height)))
        elif found[-1]:
            found.append([])
    return [piece for piece in found if piece]


def _y(minutes: float, height: float) -> float:
    return round(FLOOR - minutes / height * (FLOOR - TOP), 1)


def _step(height: float) -> int:
    """Between two lines of the axis, in minutes: so that there are three to six of them."""
    return next((one for one in (30, 60, 120, 240, 480, 1440, 2880) if height / one <= 6), 10080)


def _short(minutes: float) -> str:
    return f"{minutes:.0f}" if minutes < 240 else length(minutes)


def _week(monday: datetime) -> str:
    return say("W%(n)s", n=monday.isocalendar().week)
