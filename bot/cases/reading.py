"""One line of a case file: read as it stands, every fault named by line, column and reason."""

import csv
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from pathlib import Path

from bot.cases.stages import MAIN, STAGES
from bot.errors import BotError
from bot.text.damm import valid
from bot.text.phones import mobile

COLUMNS = (
    "case_number", "name", "sex", "phone", "phone_shared", "language", "region", "department", "office", "partner",
    "project_type", "training_type", "assistance_type", "stage", "resume_stage", "opened_on", "stage_since",
    "next_appointment", "appointment_place", "year_of_birth", "vulnerability_flag",
)  # fmt: skip
LANGUAGES = ("fr", "ha", "en", "dje", "tmh", "ff", "kr", "ar")
LONGEST = 200  # characters of a field of words
NEEDS_RESUME = frozenset({"ON_HOLD", "WAITING_DOCUMENT", "LOST_CONTACT"})


class CaseFileError(BotError):
    """The file as a whole can't be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that is not imported. `line` counts as an editor does; the header is 1. `column` "" is the whole line."""

    line: int
    column: str
    reason: str


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

    def digest(self) -> bytes:
        """The same for the same line, whatever its commas and blanks: an unchanged line changes nothing."""
        parts = (str(getattr(self, field.name)) for field in fields(self))
        return hashlib.blake2s("\x1f".join(parts).encode(), digest_size=16).digest()

    def shifted(self, by: timedelta) -> "CaseRow":
        """The same case with all its days moved."""
        later = self.next_appointment + by if self.next_appointment else None
        return replace(self, opened_on=self.opened_on + by, stage_since=self.stage_since + by, next_appointment=later)


def read(file: Path, *, today: date, region: str = "NE") -> Iterator[tuple[int, CaseRow | list[Fault]]]:
    """Every line as a case or its faults, one at a time, so that a large file needs little memory.

    Raises CaseFileError where it is no such file: empty, another encoding, columns missing.
    """
    numbers: dict[str, int] = {}
    phones: dict[str, tuple[int, bool]] = {}
    undecodable: set[int] = set()
    with file.open("rb") as stream:
        start = stream.read(4)
        stream.seek(0)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")) or start[1:2] == b"\0":
            raise CaseFileError(f"{file.name} is UTF-16; save it as CSV UTF-8")
        lines = _decoded(stream, undecodable)
        reader = csv.reader(lines, delimiter=_delimiter(file), strict=True)
        header = _header(file, reader)
        before = reader.line_num
        try:
            for cells in reader:
                line, before = before + 1, reader.line_num
                if not any(cell.strip() for cell in cells):
                    continue
                if undecodable.intersection(range(line, before + 1)):
                    yield line, [Fault(line, "", "not UTF-8; save the file as CSV UTF-8")]
                    continue
                checked = _Line(line, header, cells, today=today, region=region).checked()
                if isinstance(checked, CaseRow):
                    faults = _repeats(line, checked, numbers, phones)
                    yield line, faults or checked
                else:
                    yield line, checked
        except csv.Error:
            yield reader.line_num, [Fault(reader.line_num, "", "quotes are not closed; the rest is not read")]


def _decoded(stream: Iterator[bytes], undecodable: set[int]) -> Iterator[str]:
    for number, raw in enumerate(stream, start=1):
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            undecodable.add(number)
            yield raw.decode("utf-8", errors="replace")


def _delimiter(file: Path) -> str:
    """Spreadsheets of French computers save CSV with semicolons."""
    with file.open("rb") as stream:
        head = stream.readline()
    return ";" if head.count(b";") > head.count(b",") else ","


def _header(file: Path, reader: Iterator[list[str]]) -> dict[str, int]:
    names = [name.strip().lower() for name in next(reader, [])]
    if not any(names):
        raise CaseFileError(f"{file.name} is empty; its first line must name the columns")
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise CaseFileError(f"{file.name}: these columns are missing: {', '.join(missing)}")
    twice = sorted({name for name in names if name in COLUMNS and names.count(name) > 1})
    if twice:
        raise CaseFileError(f"{file.name}: these columns stand there twice: {', '.join(twice)}")
    return {name: names.index(name) for name in COLUMNS}


def _repeats(line: int, row: CaseRow, numbers: dict[str, int], phones: dict[str, tuple[int, bool]]) -> list[Fault]:
    if (first := numbers.setdefault(row.number, line)) != line:
        return [Fault(line, "case_number", f"is on line {first} already")]
    if row.phone:
        other, shared = phones.setdefault(row.phone, (line, row.phone_shared))
        if other != line and not (shared and row.phone_shared):
            # One of two people would be taken for the other: both lines must say that they share it.
            return [Fault(line, "phone", f"is on line {other} too; write phone_shared yes on both lines")]
    return []


class _Line:
    """The checks of one line; collects every fault before it gives up."""

    def __init__(self, line: int, header: dict[str, int], cells: Sequence[str], *, today: date, region: str) -> None:
        self._line = line
        self._cells = {name: cells[at].strip() if at < len(cells) else "" for name, at in header.items()}
        self._short = len(cells) <= max(header.values())
        self._today = today
        self._region = region
        self._faults: list[Fault] = []

    def checked(self) -> CaseRow | list[Fault]:
        """The case, or why there is none."""
        if self._short:
            return [Fault(self._line, "", "has fewer fields than the header")]
        row = CaseRow(
            number=self._number(),
            name=self._words("name", needed=True),
            sex=self._one_of("sex", ("M", "F")),
            phone=self._phone(),
            phone_shared=self._one_of("phone_shared", ("yes", "no")) == "yes",
            language=self._one_of("language", LANGUAGES),
            region=self._words("region", needed=True),
            department=self._words("department", needed=True),
            office=self._words("office", needed=True),
            partner=self._words("partner"),
            project_type=self._one_of("project_type", ("", "individual", "collective", "community")),
            training_type=self._words("training_type"),
            assistance_type=self._words("assistance_type"),
            stage=self._one_of("stage", STAGES),
            resume_stage=self._one_of("resume_stage", ("", *MAIN)),
            opened_on=self._day("opened_on") or date.min,
            stage_since=self._day("stage_since") or date.min,
            next_appointment=self._day("next_appointment", needed=False),
            appointment_place=self._words("appointment_place"),
            year_of_birth=self._year(),
            vulnerability=self._one_of("vulnerability_flag", ("none", "standard", "protection")),
        )
        if not self._faults:
            self._together(row)
        return self._faults or row

    def _fault(self, column: str, reason: str) -> None:
        self._faults.append(Fault(self._line, column, reason))

    def _together(self, row: CaseRow) -> None:
        if row.stage_since < row.opened_on:
            self._fault("stage_since", "is before opened_on")
        if row.stage_since > self._today:
            self._fault("stage_since", "is in the future")
        if row.stage in NEEDS_RESUME and not row.resume_stage:
            self._fault("resume_stage", f"is empty; {row.stage} needs the stage that it returns to")

    def _number(self) -> str:
        number = re.sub(r"[ -]", "", self._cells["case_number"])
        if not re.fullmatch(r"[1-9][0-9]{8}", number):
            self._fault("case_number", "is not 9 digits" if number else "is empty")
        elif not valid(number):
            self._fault("case_number", "its check digit is wrong: a digit was mistyped")
        return number

    def _phone(self) -> str:
        written = self._cells["phone"]
        if not written:
            return ""
        number = mobile(written, region=self._region)
        if number is None:
            self._fault("phone", "is not a mobile number")
        return number or ""

    def _words(self, column: str, *, needed: bool = False) -> str:
        words = self._cells[column]
        if needed and not words:
            self._fault(column, "is empty")
        elif len(words) > LONGEST:
            self._fault(column, f"is longer than {LONGEST} characters")
        elif not words.isprintable():
            self._fault(column, "has characters that can't be shown")
        return words

    def _one_of(self, column: str, known: Sequence[str]) -> str:
        word = self._cells[column]
        if word not in known:
            listed = ", ".join(filter(None, known))
            self._fault(column, f"is {'unknown' if word else 'empty'}; one of {listed}")
        return word

    def _day(self, column: str, *, needed: bool = True) -> date | None:
        written = self._cells[column]
        if not written:
            if needed:
                self._fault(column, "is empty")
            return None
        try:
            if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", written):
                raise ValueError
            day = date.fromisoformat(written)
        except ValueError:
            self._fault(column, "is not a day as 2026-11-21")
            return None
        if not 2000 <= day.year <= 2100:
            self._fault(column, "is not between 2000 and 2100")
        return day

    def _year(self) -> int | None:
        written = self._cells["year_of_birth"]
        if not written:
            return None
        if not re.fullmatch(r"[0-9]{4}", written) or not 1900 <= int(written) <= self._today.year:
            self._fault("year_of_birth", f"is not a year from 1900 to {self._today.year}")
            return None
        return int(written)
