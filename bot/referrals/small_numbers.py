"""Counts that may be published: under 5 hidden, also by subtraction.

The same requests are shown cut up in two ways, by week and by office. Both add up to one total, so one hidden count
could be reckoned back. `protect` hides further counts until no hidden one can have a single value.
What was decided and why: docs/decisions/0028-small-numbers.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SMALLEST = 5
MANY = 10**9


@dataclass(frozen=True, slots=True)
class Count:
    """What is published of a count. `value` None: hidden; `few`: since it is under 5, else to cover another one."""

    value: int | None
    few: bool = False

    @property
    def range(self) -> tuple[int, int]:
        """What a reader knows of it: the least and the most that it can be."""
        if self.value is not None:
            return self.value, self.value
        return (0, SMALLEST - 1) if self.few else (SMALLEST, MANY)


def protect(*cuts: Sequence[int]) -> list[list[Count]]:
    """The counts of one set of requests, cut up in several ways, each adding up to the same unknown total."""
    shown = [[Count(one) if one >= SMALLEST else Count(None, few=True) for one in cut] for cut in cuts]
    while (open_cut := _given_away(shown)) is not None:
        if not _cover(shown, open_cut):
            # Everything is hidden and the words "under 5" alone still tell too much: say nothing of any count.
            return [[Count(None) for _ in cut] for cut in cuts]
    return shown


def protect_table(rows: Sequence[Sequence[int]]) -> list[list[Count]]:
    """The counts of a table as they may be shown, without any sum: none can be reckoned back by whoever learns the sum
    of its row or of its column from elsewhere (the requests of a week).
    """
    table = [[Count(one) if one >= SMALLEST else Count(None, few=True) for one in row] for row in rows]
    lines = [[(y, x) for x in range(len(row))] for y, row in enumerate(rows)]
    lines += [[(y, x) for y in range(len(rows))] for x in range(len(rows[0]) if rows else 0)]
    while (told := next((line for line in lines if _told_by_sum(rows, table, line)), None)) is not None:
        left = [(one.value, y, x) for y, x in told if (one := table[y][x]).value is not None]
        if not left:
            # Everything of that line is hidden and the words "under 5" alone tell too much: say nothing of any count.
            return [[Count(None) for _ in row] for row in rows]
        _, y, x = min(left)
        table[y][x] = Count(None)
    return table


def may_show(part: int, whole: int) -> bool:
    """May a share be told? Neither the part nor what is left of the whole may be under 5, unless it is nobody."""
    return whole >= SMALLEST and all(one == 0 or one >= SMALLEST for one in (part, whole - part))


def ranges(cuts: Sequence[Sequence[Count]]) -> list[list[tuple[int, int]]]:
    """The least and the most that each count can be, for a reader who adds and subtracts all that is shown."""
    sums = [tuple(map(sum, zip(*(one.range for one in cut), strict=True))) for cut in cuts if cut]
    least = max((low for low, _ in sums), default=0)
    most = min((high for _, high in sums), default=MANY)
    found = []
    for cut in cuts:
        low, high = (sum(one.range[end] for one in cut) for end in (0, 1))
        found.append(
            [
                (max(one.range[0], least - (high - one.range[1])), min(one.range[1], most - (low - one.range[0])))
                for one in cut
            ]
        )
    return found


def _given_away(cuts: list[list[Count]]) -> int | None:
    """The first cut that holds a hidden count which can only be one thing, and that is somebody."""
    for place, (cut, known) in enumerate(zip(cuts, ranges(cuts), strict=True)):
        for one, (low, high) in zip(cut, known, strict=True):
            if one.value is None and low == high and 0 < low < SMALLEST:
                return place
    return None


def _cover(cuts: list[list[Count]], place: int) -> bool:
    """Hide one count more, the smallest of that cut, else of another; False where none is left."""
    for cut in (cuts[place], *cuts):
        left = [(one.value, index) for index, one in enumerate(cut) if one.value is not None]
        if left:
            cut[min(left)[1]] = Count(None)
            return True
    return False


def _told_by_sum(rows: Sequence[Sequence[int]], table: list[list[Count]], line: list[tuple[int, int]]) -> bool:
    """Does the sum of a row or column leave one of its hidden counts a single value, and that is somebody?"""
    hidden = [(y, x) for y, x in line if table[y][x].value is None]
    rest = sum(rows[y][x] for y, x in hidden)
    low, high = (sum(table[y][x].range[end] for y, x in hidden) for end in (0, 1))
    for y, x in hidden:
        least, most = table[y][x].range
        least, most = max(least, rest - (high - most)), min(most, rest - (low - least))
        if least == most and 0 < least < SMALLEST:
            return True
    return False
