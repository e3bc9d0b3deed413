"""Charts of a community: tensions by kind and week, a group's months. Figures stand behind each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bot.community.book import shares_of
from bot.desk.words import communities, dates, say
from bot.referrals.small_numbers import Count
from bot.store.models import BookLine, Proposal

TALLEST = 44  # pixels of the tallest bar of a strip
HEIGHT, FLOOR = 150, 120  # of the book's chart, and where nothing is


@dataclass(frozen=True, slots=True)
class Bar:
    """A column of a chart: where it stands in percent, how tall in pixels; `word` is its figure, or that it is hidden."""

    x: float
    top: float
    height: float
    word: str
    kind: str  # shown, few, hidden


@dataclass(frozen=True, slots=True)
class Strip:
    """One kind of tension over the weeks."""

    name: str
    bars: list[Bar]
    latest: str


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the book: the parts of its profit as bars, one above the other."""

    x: float
    name: str
    materials: Bar
    shared: Bar
    profit: str


def strips(trends: dict[str, list[Count]]) -> list[Strip]:
    """All kinds on one scale."""
    most = max((one.value or 0 for counts in trends.values() for one in counts), default=0) or 1
    return [
        Strip(
            communities.tension(kind),
            [_bar(place, len(counts), count, most) for place, count in enumerate(counts)],
            _word(counts[-1]),
        )
        for kind, counts in trends.items()
    ]


def figures(trends: dict[str, list[Count]], weeks: Sequence[date]) -> list[tuple[str, list[tuple[str, bool]]]]:
    """The same as a table: a row a week, a cell a kind; True where it is hidden."""
    return [
        (week_name(monday), [(_word(counts[place]), counts[place].value is None) for counts in trends.values()])
        for place, monday in enumerate(weeks)
    ]


def week_name(monday: date) -> str:
    """The week with the day on which it began."""
    return say("W%(n)s", n=monday.isocalendar().week) + f" · {dates.short_date(monday)}"


def book_chart(lines: Sequence[BookLine]) -> list[Month]:
    """The last twelve months that stand in the book, oldest first; below the floor where a month made a loss."""
    shown = sorted(lines, key=lambda line: line.month)[-12:]
    most = max((max(line.sales - line.costs, 0) for line in shown), default=0) or 1
    found = []
    for place, line in enumerate(shown):
        parted = shares_of(line)
        x = round((place + 0.5) * 100 / len(shown), 2)
        scale = (FLOOR - 24) / most
        lower = round(abs(parted.materials) * scale, 1)
        lower = min(lower, HEIGHT - FLOOR) if parted.profit < 0 else lower
        upper = round(parted.shared * scale, 1)
        base = FLOOR if parted.profit < 0 else FLOOR - lower
        found.append(
            Month(
                x,
                communities.short_month(line.month),
                Bar(x, base, lower, francs(parted.materials), "loss" if parted.profit < 0 else "materials"),
                Bar(x, FLOOR - lower - upper, upper, francs(parted.shared), "shared"),
                thousands(parted.profit),
            )
        )
    return found


def board(found: dict[str, list[Proposal]]) -> list[tuple[str, list[Proposal]]]:
    """The columns of the board; what was declined stands apart."""
    names = (say("To look at"), say("Being decided"), say("Under way"), say("In use"))
    states = (("PROPOSED", "MORE_INFO"), ("EXAMINED", "ACCEPTED"), ("WORKS", "DELIVERED"), ("IN_USE",))
    return [
        (name, sorted((one for code in codes for one in found[code]), key=lambda one: one.state_since, reverse=True))
        for name, codes in zip(names, states, strict=True)
    ]


def francs(amount: int) -> str:
    """`12 500`, the blanks not breaking."""
    return f"{amount:,}".replace(",", "\N{NO-BREAK SPACE}")


def thousands(amount: int) -> str:
    """`88 k` above a bar, where there is no room for more."""
    return say("%(n)s k", n=round(amount / 1000)) if abs(amount) >= 1000 else str(amount)


def _bar(place: int, count: int, found: Count, most: int) -> Bar:
    x = round((place + 0.5) * 100 / count, 2)
    if found.value is None:
        return Bar(x, 0, 0, _word(found), "few" if found.few else "hidden")
    height = max(3.0, round(found.value * TALLEST / most, 1))
    return Bar(x, 60 - height, height, str(found.value), "shown")


def _word(found: Count) -> str:
    if found.value is not None:
        return str(found.value)
    return say("fewer than 5") if found.few else say("hidden")
