"""`maraba cases import`: bring a case file into PostgreSQL. Twice changes nothing; a changed file says what it changes.

Lines go in batches, each in its own transaction: an import that was interrupted is simply repeated. Cases that
the file does not name stay as they are. Where a line has changed, the file wins over the table.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Table, bindparam, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from bot.cases.reading import CaseRow, Fault, read
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.store.models import Case, Contact, StageChange

BATCH = 1000
_LOCK = 0x63617365  # two imports take turns, batch by batch
_UNSHIFTED = timedelta(0)

Progress = Callable[["Report"], object]


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
    """A file, and how its lines are to be understood. `shift` moves every day (invented cases)."""

    file: Path
    today: date
    region: str = "NE"
    shift: timedelta = _UNSHIFTED


def plan(source: Source, session: Session, *, ciphers: Ciphers, progress: Progress | None = None) -> Report:
    """What `apply` would do; writes nothing. Raises CaseFileError."""
    report = Report(applied=False)
    for batch in _batches(source, report):
        _settle(session, batch, report, ciphers=ciphers, by=None)
        if progress:
            progress(report)
    return report


def apply(
    source: Source,
    database: Database,
    *,
    ciphers: Ciphers,
    strict: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Import every good line; with `strict`, nothing at all while one line is bad. Raises CaseFileError."""
    if strict:
        with database.transaction() as session:
            planned = plan(source, session, ciphers=ciphers)
        if planned.faults:
            return planned
    report = Report()
    for batch in _batches(source, report):
        with database.transaction() as session:
            session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            _settle(session, batch, report, ciphers=ciphers, by=f"import:{source.file.name}")
        if progress:
            progress(report)
    return report


def _batches(source: Source, report: Report) -> Iterator[list[tuple[int, CaseRow]]]:
    lines = read(source.file, today=source.today - source.shift, region=source.region)
    while part := list(islice(lines, BATCH)):
        report.lines += len(part)
        good = []
        for line, found in part:
            if isinstance(found, CaseRow):
                good.append((line, found.shifted(source.shift) if source.shift else found))
            else:
                report.faults += found
        yield good


def _settle(
    session: Session, batch: list[tuple[int, CaseRow]], report: Report, *, ciphers: Ciphers, by: str | None
) -> None:
    """Compare one batch with the table; writes where `by` says who."""
    numbers = [row.number for _, row in batch]
    known = {case.number: case for case in session.scalars(select(Case).where(Case.number.in_(numbers)))}
    moved = [
        (line, row) for line, row in batch if row.number not in known or known[row.number].imported_hash != row.digest()
    ]
    contacts = _contacts(session, [row.phone for _, row in moved if row.phone], ciphers, write=by is not None)
    new: list[dict[str, Any]] = []
    updates: list[tuple[Case, dict[str, Any]]] = []
    for line, row in moved:
        values = _values(row, contacts.get(_digest(row, ciphers)))
        case = known.get(row.number)
        if case is None:
            new.append(values)
            continue
        changed = _changed(case, values, has_phone=bool(row.phone))
        report.changes.append(Change(line, changed))
        updates.append((case, values))
    if by is not None:
        _write_changes(session, updates, by=by)
        if new:
            session.execute(insert(_table(Case)), new)
    report.added += len(new)
    report.unchanged += len(batch) - len(moved)
    session.expunge_all()


def _values(row: CaseRow, contact_id: int | None) -> dict[str, Any]:
    values = {item.name: getattr(row, item.name) for item in fields(row) if item.name != "phone"}
    return values | {"contact_id": contact_id, "imported_hash": row.digest()}


def _changed(case: Case, values: dict[str, Any], *, has_phone: bool) -> tuple[str, ...]:
    """The columns that differ, in words for the operator."""
    found = [
        f"stage {case.stage} to {value}" if name == "stage" else name
        for name, value in values.items()
        if name not in {"imported_hash", "contact_id"} and getattr(case, name) != value
    ]
    # In a dry run a phone that nobody had yet has no contact to compare with.
    if case.contact_id != values["contact_id"] or (has_phone and values["contact_id"] is None):
        found.append("phone")
    return tuple(found)


def _write_changes(session: Session, changed: list[tuple[Case, dict[str, Any]]], *, by: str) -> None:
    """Many rows by one prepared statement each: a changed file may change every line."""
    now = datetime.now(UTC)
    moves = [
        {"case_id": case.id, "at": now, "by": by, "from_stage": case.stage, "to_stage": values["stage"]}
        for case, values in changed
        if case.stage != values["stage"]
    ]
    if moves:
        session.execute(insert(_table(StageChange)), moves)
    if changed:
        table, names = _table(Case), changed[0][1]
        statement = update(table).where(table.c.id == bindparam("of_case")).values({n: bindparam(n) for n in names})
        session.connection().execute(statement, [values | {"of_case": case.id} for case, values in changed])


def _table(model: type[Any]) -> Table:
    return cast("Table", model.__table__)


def _digest(row: CaseRow, ciphers: Ciphers) -> str:
    return ciphers.address(row.phone).digest if row.phone else ""


def _contacts(session: Session, phones: list[str], ciphers: Ciphers, *, write: bool) -> dict[str, int]:
    """Digest to contact id; makes the contacts that are missing."""
    by_digest = {ciphers.address(phone).digest: phone for phone in phones}
    wanted = select(Contact.digest, Contact.id).where(Contact.digest.in_(by_digest))
    known = {row.digest: row.id for row in session.execute(wanted)}
    missing = by_digest.keys() - known.keys()
    if missing and write:
        session.execute(
            pg_insert(_table(Contact)).on_conflict_do_nothing(),
            [
                {"digest": d, "number_enc": ciphers.encrypt(by_digest[d].encode(), f"contacts|{d}|number".encode())}
                for d in sorted(missing)
            ],
        )
        known = {row.digest: row.id for row in session.execute(wanted)}
    return known
