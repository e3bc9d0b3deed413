"""What the columns of another system's file mean: their headings to ours, their words to ours.

Kept under a name and chosen again; proposed from similar headings in French and English.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from bot.cases.reading import COLUMNS
from bot.data.holdings import CHOICES, DAYS
from bot.data.known_words import HEADINGS, WORDS

ALIKE = 0.84  # how similar a heading must be to a known one to be proposed
FEW = 30  # different values of a column that are shown for translation

_DAY_FIRST = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})")
_YEAR_IN_A_DAY = re.compile(r"(?:[0-9]{1,2}[./-][0-9]{1,2}[./-]([0-9]{4})|([0-9]{4})-[0-9]{2}-[0-9]{2})")


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """`columns`: ours to their heading. `fixed`: ours to what stands for every line. `values`: ours, theirs, ours.

    A column in neither is not in the file: an import leaves it as it is, and a new case needs it where it has no default.
    """

    columns: dict[str, str] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "ColumnMap":
        """From what `kept` gave."""
        return cls(**{name: dict(kept.get(name, {})) for name in ("columns", "fixed", "values")})

    def kept(self) -> dict[str, Any]:
        """For a column of JSON."""
        return asdict(self)

    @property
    def given(self) -> frozenset[str]:
        """Our columns of which the file speaks."""
        return frozenset(self.columns) | frozenset(self.fixed)

    def fits(self, headings: Iterable[str]) -> bool:
        """Has a file of these headings every column that this needs?"""
        return set(self.columns.values()) <= set(headings)

    def reader(self, headings: list[str]) -> Callable[[list[str]], dict[str, str]]:
        """What makes of a line's cells our columns, in our words; a cell that is not there is empty."""
        places = [(ours, headings.index(theirs), self._translation(ours)) for ours, theirs in self.columns.items()]

        def read(cells: list[str]) -> dict[str, str]:
            found = dict(self.fixed)
            for ours, at, translate in places:
                cell = cells[at].strip() if at < len(cells) else ""
                found[ours] = translate(cell) if cell else ""
            return found

        return read

    def _translation(self, ours: str) -> Callable[[str], str]:
        if ours in DAYS:
            return day_first
        if ours == "year_of_birth":
            return _year
        if ours == "phone":
            return lambda cell: cell.lstrip("'")  # what guards a spreadsheet from taking it for a formula
        if ours not in CHOICES:
            return str
        said = {fold(theirs): word for theirs, word in self.values.get(ours, {}).items()}
        return lru_cache(1000)(lambda cell: said.get(fold(cell)) or suggestion(ours, cell) or cell)


def proposed(headings: list[str], columns: Sequence[str] = COLUMNS) -> ColumnMap:
    """Each of our columns to the heading that says the same, or nearly; none twice."""
    free = {fold(heading): heading for heading in reversed(headings) if heading}
    found: dict[str, str] = {}
    for exact in (True, False):
        for ours in columns:
            if ours not in found and (said := _alike(ours, free, exact=exact)):
                found[ours] = free.pop(said)
    fixed = {name: word for name, word in (("phone_shared", "no"),) if name in columns and name not in found}
    return ColumnMap({name: found[name] for name in columns if name in found}, fixed)


def different(cells: Iterable[str]) -> list[str]:
    """The different values of a column, the first few, in order of letters."""
    found: set[str] = set()
    for cell in cells:
        if cell.strip():
            found.add(cell.strip())
        if len(found) > FEW:
            break
    return sorted(found)[:FEW]


def suggestion(ours: str, theirs: str) -> str:
    """The word of ours that theirs means, as far as we know; "" if we don't."""
    folded = fold(theirs)
    same = next((word for word in CHOICES[ours] if fold(word) == folded), "")
    return same or WORDS.get(ours, {}).get(folded, "")


def fold(words: str) -> str:
    """Without accents, capitals, and anything but letters and digits: how headings are compared."""
    bare = unicodedata.normalize("NFKD", words.lower().replace("œ", "oe"))
    return " ".join(re.findall(r"[a-z0-9]+", "".join(c for c in bare if not unicodedata.combining(c))))


def day_first(cell: str) -> str:
    """21/11/2026 as 2026-11-21; whatever else as it stands."""
    if found := _DAY_FIRST.fullmatch(cell):
        day, month, year = found.groups()
        return f"{year}-{month:0>2}-{day:0>2}"
    return cell[:10] if re.fullmatch(r"[0-9-]{10}[ T][0-9:.]+", cell) else cell


def _year(cell: str) -> str:
    found = _YEAR_IN_A_DAY.fullmatch(cell)
    return (found[1] or found[2]) if found else cell


def _alike(ours: str, free: Mapping[str, str], *, exact: bool) -> str | None:
    names = [fold(ours), *HEADINGS[ours]]
    if exact:
        return next((name for name in names if name in free), None)
    close = (get_close_matches(name, free, n=1, cutoff=ALIKE) for name in names if len(name) > 4)
    return next((found[0] for found in close if found), None)
