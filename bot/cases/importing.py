"""A file of cases into PostgreSQL. Twice changes nothing; a changed line says what it changes.

Lines go in batches, each in its own transaction: an import that was interrupted is simply repeated. Cases that
the file does not name stay as they are, and so do columns that it has not. Where a line has changed, the file wins
over the table.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import text
from sqlalchemy.orm import Session

from bot.cases import writing
from bot.cases.process import is_early
from bot.cases.reading import COLUMNS, NEEDED, TOGETHER, CaseRow, Fault, Reader, contradictions, known
from bot.data import sheets
from bot.data.mapping import ColumnMap
from bot.data.sheets import SheetError
from bot.store.ciphers import Ciphers
from bot.store.database import Database

BATCH = 2000
_LOCK = 0x63617365  # two imports take turns, batch by batch
_COUNTED_AFTER = (1, 3, 9, 27)  # batches: a planner that knows of few cases reads all of them for each batch
_UNSHIFTED = timedelta(0)
_NEEDED = known(NEEDED)


@dataclass(frozen=True, slots=True)
class Change:
    """What a line changes of a case that was there; a stage as "stage OLD to NEW"."""

    line: int
    columns: tuple[str, ...]


@dataclass(slots=True)
class Report:
    """What an import does, or in a dry run would do."""

    lines: int = 0
    added: int = 0
    unchanged: int = 0
    changes: list[Change] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    applied: bool = True  # False: a dry run, or a strict import that met a bad line

    @property
    def bad_lines(self) -> int:
        """Lines with one fault or more."""
        return len({fault.line for fault in self.faults})


@dataclass(frozen=True, slots=True)
class Source:
    """A file, and how its lines are to be understood. `shift` moves every day (invented cases).

    `content`: the bytes, where the file is not on this disk. Without `mapping` the headings are ours.
    `offices`: of whoever brings it; empty: all.
    """

    file: Path
    today: date
    region: str = "NE"
    shift: timedelta = _UNSHIFTED
    content: bytes | None = None
    mapping: ColumnMap | None = None
    offices: tuple[str, ...] = ()

    def open(self) -> BinaryIO:
        """The bytes from their beginning."""
        return self.file.open("rb") if self.content is None else BytesIO(self.content)

    @property
    def given(self) -> frozenset[str]:
        """The fields of a case of which the file speaks."""
        return known(COLUMNS if self.mapping is None else self.mapping.given)


@dataclass(frozen=True, slots=True)
class Lines:
    """Good lines, and what is needed to judge them."""

    rows: list[tuple[int, CaseRow]]
    given: frozenset[str]
    today: date
    offices: tuple[str, ...] = ()


Progress = Callable[[Session, Report], object]  # called at the end of the transaction of each batch


def plan(source: Source, session: Session, *, ciphers: Ciphers, progress: Progress | None = None) -> Report:
    """What `apply` would do; writes nothing. Raises SheetError."""
    report = Report(applied=False)
    for batch in _batches(source, report):
        settle(session, batch, report, ciphers=ciphers, by=None)
        if progress:
            progress(session, report)
    return report


def apply(
    source: Source,
    database: Database,
    *,
    ciphers: Ciphers,
    strict: bool = False,
    progress: Progress | None = None,
    run: int | None = None,
) -> Report:
    """Import every good line; with `strict`, nothing at all while one line is bad. Raises SheetError.

    `run`: keep under it how each case was before, so that the import can be undone.
    """
    if strict:
        with database.transaction() as session:
            planned = plan(source, session, ciphers=ciphers)
        if planned.faults:
            return planned
    report = Report()
    for count, batch in enumerate(_batches(source, report), start=1):
        with database.transaction() as session:
            session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            settle(session, batch, report, ciphers=ciphers, by=f"import:{source.file.name}", run=run)
            if count in _COUNTED_AFTER:
                session.execute(text("analyze cases, contacts, import_changes"))
            if progress:
                progress(session, report)
    return report


def settle(
    session: Session, batch: Lines, report: Report, *, ciphers: Ciphers, by: str | None, run: int | None = None
) -> None:
    """Compare one batch with the table; writes where `by` says who: import:<file>, api:<token>."""
    there = writing.there(session, [row.number for _, row in batch.rows], lock=by is not None)
    rows, unchanged = [], []
    for line, row in batch.rows:
        case, digest = there.get(row.number), row.digest(batch.given)
        if faults := _refused(line, row, case, batch):
            report.faults += faults
        elif case is not None and case["imported_hash"] == digest:
            report.unchanged += 1
        else:
            rows.append((line, row, digest))
    phones = {row.phone for _, row, _ in rows if row.phone}
    contacts = writing.contacts(session, phones, ciphers, write=by is not None)
    written = []
    for line, row, digest in rows:
        case = there.get(row.number)
        values = row.values() | {"contact_id": contacts.get(row.phone), "imported_hash": digest}
        if case is None:
            report.added += 1
        elif changed := _changed(case, values, batch.given, has_phone=bool(row.phone)):
            report.changes.append(Change(line, changed))
        else:
            report.unchanged += 1
            unchanged.append(values)
            continue
        written.append(values)
    if by is not None:
        writing.write(session, written, given=batch.given, by=by, run=run)
        writing.remember(session, unchanged)
        if "stage" in batch.given:
            writing.confirm(session, [row.number for _, row in batch.rows], batch.today)


def _batches(source: Source, report: Report) -> Iterator[Lines]:
    with source.open() as stream:
        sheet = sheets.read(stream, source.file.name)
        of_ours = _ours(source, sheet.headings)
        reader = Reader(today=source.today - source.shift, region=source.region)
        while part := list(islice(sheet.lines, BATCH)):
            report.lines += len(part)
            good = []
            for line, cells in part:
                found = [Fault(line, "", cells)] if isinstance(cells, str) else of_ours(line, cells)
                read = reader.read(line, found) if isinstance(found, dict) else found
                if isinstance(read, CaseRow):
                    good.append((line, read.shifted(source.shift) if source.shift else read))
                else:
                    report.faults += read
            yield Lines(good, source.given, source.today, source.offices)


def _ours(source: Source, headings: list[str]) -> Callable[[int, list[str]], dict[str, str] | list[Fault]]:
    """What finds our columns in a line."""
    if source.mapping is not None:
        if "case_number" not in source.mapping.columns:
            raise SheetError("%(name)s: no column holds the case number", name=source.file.name)
        if not source.mapping.fits(headings):
            raise SheetError("%(name)s has not the columns that its mapping names", name=source.file.name)
        translate = source.mapping.reader(headings)
        return lambda _line, cells: translate(cells)
    name, names = source.file.name, [heading.lower() for heading in headings]
    missing = [one for one in COLUMNS if one not in names]
    if missing:
        raise SheetError(f"%(name)s: these columns are missing: {', '.join(missing)}", name=name)
    twice = sorted({one for one in names if one in COLUMNS and names.count(one) > 1})
    if twice:
        raise SheetError(f"%(name)s: these columns stand there twice: {', '.join(twice)}", name=name)
    places = [(name, names.index(name)) for name in COLUMNS]
    last = max(at for _, at in places)

    def find(line: int, cells: list[str]) -> dict[str, str] | list[Fault]:
        if len(cells) <= last:
            return [Fault(line, "", "has fewer fields than the header")]
        return {name: cells[at].strip() for name, at in places}

    return find


def _refused(line: int, row: CaseRow, case: dict[str, Any] | None, batch: Lines) -> list[Fault]:
    """Why a line that is good by itself can't be taken beside the case as it is."""
    if case is None and (missing := _NEEDED - batch.given):
        return [Fault(line, name, "is not in the file, and the case is new") for name in sorted(missing)]
    if batch.offices:
        offices = {row.office} if "office" in batch.given else set()
        if case is not None:
            offices.add(case["office"])
        if not offices <= set(batch.offices):
            return [Fault(line, "office", "is not one of yours")]
    if not batch.given & TOGETHER:
        return []
    merged = {name: case[name] if case and name not in batch.given else getattr(row, name) for name in TOGETHER}
    moves = case is None or case["stage"] != merged["stage"]
    if moves and is_early(merged["stage"], merged["opened_on"], merged["stage_since"]):
        return [Fault(line, "stage", "is too early: a coordinator finalises this file at the desk and says why")]
    if batch.given >= TOGETHER:
        return []  # the reader judged it
    return contradictions(line, merged, today=batch.today)


def _changed(
    case: dict[str, Any], values: dict[str, Any], given: frozenset[str], *, has_phone: bool
) -> tuple[str, ...]:
    """The columns that differ, in words for the operator."""
    found = [
        f"stage {case['stage']} to {value}" if name == "stage" else name
        for name, value in values.items()
        if name in given and case[name] != value
    ]
    # In a dry run a phone that nobody had yet has no contact to compare with.
    other = case["contact_id"] != values["contact_id"] or (has_phone and values["contact_id"] is None)
    if "phone" in given and other:
        found.append("phone")
    return tuple(found)
