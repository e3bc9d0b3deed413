"""One line of a case file: read as it stands, every fault named by line, column and reason."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from operator import attrgetter
from typing import Any

from bot.cases.stages import MAIN, STAGES
from bot.text.damm import valid
from bot.text.phones import mobile

COLUMNS = (
    "case_number", "name", "sex", "phone", "phone_shared", "language", "region", "department", "office", "partner",
    "project_type", "training_type", "assistance_type", "stage", "resume_stage", "opened_on", "stage_since",
    "next_appointment", "appointment_place", "year_of_birth", "vulnerability_flag",
)  # fmt: skip
# What a new case can't be without; of a case that is there, a file may leave out anything but the number
NEEDED = frozenset(
    {"case_number", "name", "sex", "language", "region", "department", "office", "stage", "opened_on", "stage_since"}
)
CHOICES: dict[str, tuple[str, ...]] = {
    "sex": ("M", "F"),
    "phone_shared": ("yes", "no"),
    "language": ("fr", "ha", "en", "dje", "tmh", "ff", "kr", "ar"),
    "project_type": ("", "individual", "collective", "community"),
    "stage": STAGES,
    "resume_stage": ("", *MAIN),
    "vulnerability_flag": ("none", "standard", "protection"),
}
DEFAULTS = {"phone_shared": "no", "vulnerability_flag": "none"}
DAYS = frozenset({"opened_on", "stage_since", "next_appointment"})
LONGEST = 200  # characters of a field of words
NEEDS_RESUME = frozenset({"ON_HOLD", "WAITING_DOCUMENT", "LOST_CONTACT"})
TOGETHER = frozenset({"stage", "resume_stage", "opened_on", "stage_since"})  # of which `contradictions` judges
_FIELDS = {"case_number": "number", "vulnerability_flag": "vulnerability"}


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that is not imported. `line` counts as an editor does; the header is 1. `column` "" is the whole line.

    `said` is a sentence that `detail` fills, so that the desk can say it in French.
    """

    line: int
    column: str
    said: str
    detail: str = ""

    @property
    def reason(self) -> str:
        """The sentence in English."""
        return self.said % {"detail": self.detail} if self.detail else self.said


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One good line, by the columns of the table `cases`; `phone` is E.164 or ""."""

    number: str
    name: str
    sex: str
    phone: str
    phone_shared: bool
    language: str
    region: str
    department: str
    office: str
    partner: str
    project_type: str
    training_type: str
    assistance_type: str
    stage: str
    resume_stage: str
    opened_on: date
    stage_since: date
    next_appointment: date | None
    appointment_place: str
    year_of_birth: int | None
    vulnerability: str

    def digest(self, given: frozenset[str]) -> bytes:
        """The same for the same line of the same columns, whatever its commas and blanks: it changes nothing again."""
        parts = [str(value) if name in given else "\x1e" for name, value in zip(_NAMES, _values(self), strict=True)]
        return hashlib.blake2s("\x1f".join(parts).encode(), digest_size=16).digest()

    def values(self) -> dict[str, Any]:
        """The columns of the table: all but the phone."""
        found = dict(zip(_NAMES, _values(self), strict=True))
        del found["phone"]
        return found

    def shifted(self, by: timedelta) -> "CaseRow":
        """The same case with all its days moved."""
        later = self.next_appointment + by if self.next_appointment else None
        return replace(self, opened_on=self.opened_on + by, stage_since=self.stage_since + by, next_appointment=later)


_NAMES = tuple(field.name for field in fields(CaseRow))
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_values = attrgetter(*_NAMES)


def known(names: Iterable[str]) -> frozenset[str]:
    """Columns of a file as fields of `CaseRow`."""
    return frozenset(_FIELDS.get(name, name) for name in names)


class Reader:
    """Reads the lines of one file; remembers numbers and phones, for none may stand on two lines."""

    def __init__(self, *, today: date, region: str = "NE") -> None:
        self._today = today
        self._region = region
        self._numbers: dict[str, int] = {}
        self._phones: dict[str, tuple[int, bool]] = {}

    def read(self, line: int, cells: Mapping[str, str]) -> CaseRow | list[Fault]:
        """`cells`: the columns that the file has, by our names. A column that it has not is left at its default."""
        found = _Line(line, cells, today=self._today, region=self._region).checked()
        return (self._repeats(line, found) or found) if isinstance(found, CaseRow) else found

    def _repeats(self, line: int, row: CaseRow) -> list[Fault]:
        if (first := self._numbers.setdefault(row.number, line)) != line:
            return [Fault(line, "case_number", "is on line %(detail)s already", str(first))]
        if row.phone:
            other, shared = self._phones.setdefault(row.phone, (line, row.phone_shared))
            if other != line and not (shared and row.phone_shared):
                # One of two people would be taken for the other: both lines must say that they share it.
                return [
                    Fault(line, "phone", "is on line %(detail)s too; write phone_shared yes on both lines", str(other))
                ]
        return []


def contradictions(line: int, values: Mapping[str, Any], *, today: date) -> list[Fault]:
    """What can't be true together; `values` by fields of `CaseRow`."""
    found = []
    if values["stage_since"] < values["opened_on"]:
        found.append(Fault(line, "stage_since", "is before opened_on"))
    if values["stage_since"] > today:
        found.append(Fault(line, "stage_since", "is in the future"))
    if values["stage"] in NEEDS_RESUME and not values["resume_stage"]:
        found.append(
            Fault(line, "resume_stage", "is empty; %(detail)s needs the stage that it returns to", values["stage"])
        )
    return found


class Cells:
    """The checks of what stands in one line; collects every fault before it gives up. `cells`: by our names."""

    def __init__(self, line: int, cells: Mapping[str, str], *, today: date) -> None:
        self.line = line
        self.cells = cells
        self.today = today
        self.faults: list[Fault] = []

    def fault(self, column: str, said: str, detail: object = "") -> None:
        """Keep why the line is not taken."""
        self.faults.append(Fault(self.line, column, said, str(detail)))

    def number(self) -> str:
        """The case number, without what was written between its digits."""
        number = re.sub(r"[ -]", "", self.cells["case_number"])
        if not re.fullmatch(r"[1-9][0-9]{8}", number):
            self.fault("case_number", "is not 9 digits" if number else "is empty")
        elif not valid(number):
            self.fault("case_number", "its check digit is wrong: a digit was mistyped")
        return number

    def words(self, column: str, *, needed: bool = False) -> str:
        """Words that a screen can show; "" where the file has no such column."""
        words = self.cells.get(column)
        if words is None:
            return ""
        if needed and not words:
            self.fault(column, "is empty")
        elif len(words) > LONGEST:
            self.fault(column, "is longer than %(detail)s characters", LONGEST)
        elif not words.isprintable():
            self.fault(column, "has characters that can't be shown")
        return words

    def one_of(self, column: str, choices: tuple[str, ...]) -> str:
        """One of a few words."""
        word = self.cells[column]
        if word not in choices:
            listed = ", ".join(filter(None, choices))
            self.fault(column, "is unknown; one of %(detail)s" if word else "is empty; one of %(detail)s", listed)
        return word

    def day(self, column: str, *, needed: bool = True) -> date | None:
        """A day as 2026-11-21; None where there is none."""
        written = self.cells.get(column, "")
        if not written:
            if needed and column in self.cells:
                self.fault(column, "is empty")
            return None
        try:
            if not _DAY.fullmatch(written):
                raise ValueError
            day = date.fromisoformat(written)
        except ValueError:
            self.fault(column, "is not a day as 2026-11-21")
            return None
        if not 2000 <= day.year <= 2100:
            self.fault(column, "is not between 2000 and 2100")
        return day


class _Line(Cells):
    """A line about a case."""

    def __init__(self, line: int, cells: Mapping[str, str], *, today: date, region: str) -> None:
        super().__init__(line, cells, today=today)
        self._region = region

    def checked(self) -> CaseRow | list[Fault]:
        """The case, or why there is none."""
        row = CaseRow(
            number=self.number(),
            name=self.words("name", needed=True),
            sex=self._one_of("sex"),
            phone=self._phone(),
            phone_shared=self._one_of("phone_shared") == "yes",
            language=self._one_of("language"),
            region=self.words("region", needed=True),
            department=self.words("department", needed=True),
            office=self.words("office", needed=True),
            partner=self.words("partner"),
            project_type=self._one_of("project_type"),
            training_type=self.words("training_type"),
            assistance_type=self.words("assistance_type"),
            stage=self._one_of("stage"),
            resume_stage=self._one_of("resume_stage"),
            opened_on=self.day("opened_on") or date.min,
            stage_since=self.day("stage_since") or date.min,
            next_appointment=self.day("next_appointment", needed=False),
            appointment_place=self.words("appointment_place"),
            year_of_birth=self._year(),
            vulnerability=self._one_of("vulnerability_flag"),
        )
        if not self.faults and self.cells.keys() >= TOGETHER:
            together = {name: getattr(row, name) for name in TOGETHER}
            self.faults = contradictions(self.line, together, today=self.today)
        return self.faults or row

    def _phone(self) -> str:
        written = self.cells.get("phone", "")
        if not written:
            return ""
        number = mobile(written, region=self._region)
        if number is None:
            self.fault("phone", "is not a mobile number")
        return number or ""

    def _one_of(self, column: str) -> str:
        return self.one_of(column, CHOICES[column]) if column in self.cells else DEFAULTS.get(column, "")

    def _year(self) -> int | None:
        written = self.cells.get("year_of_birth", "")
        if not written:
            return None
        if not re.fullmatch(r"[0-9]{4}", written) or not 1900 <= int(written) <= self.today.year:
            self.fault("year_of_birth", "is not a year from 1900 to %(detail)s", self.today.year)
            return None
        return int(written)
