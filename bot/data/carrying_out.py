"""What a worker does with an import: check it, run it, undo it. The row is the truth; a killed worker's is taken again.

Lines are counted as they are read, what was added and changed from the table of changes, so that a run that was taken
twice tells the same.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from bot.cases import importing
from bot.cases.importing import Report, Source
from bot.cases.process import Mover
from bot.config import Settings
from bot.data import beside, runs, undoing
from bot.data.holdings import HOLDINGS
from bot.data.mapping import ColumnMap
from bot.data.sheets import SheetError
from bot.errors import CaseError
from bot.store.ciphers import Ciphers, Unreadable
from bot.store.database import Database
from bot.store.models import ImportChange, ImportFault, ImportRow, ImportRun, Staff

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=3)  # longer than any batch
GONE = "%(name)s is gone; bring it again"
BROKE = "%(name)s broke off again and again; the operator finds why in the log. What it did so far can be undone"
MOST_TRIES = 5  # a worker that was killed counts as one: nothing is tried for ever
MOST_FAULTS = 10_000  # kept of one file: whoever has more made another mistake than each of them


def next_due(
    database: Database, *, settings: Settings, ciphers: Ciphers, now: Callable[[], datetime]
) -> ImportRun | None:
    """Work on the import that has waited longest, to its end; None where none is due."""
    with database.transaction() as session:
        due = select(ImportRun).where(ImportRun.state.in_(runs.WORKED_ON), ImportRun.due_at <= now())
        run = session.scalars(due.order_by(ImportRun.due_at).limit(1).with_for_update(skip_locked=True)).one_or_none()
        if run is None:
            return None
        run.due_at = now() + LEASE
        run.tries += 1
        if run.state != "undoing":
            if run.tries > MOST_TRIES:
                _fail(session, run, BROKE, now())
                return run
            run.began_at = now()
            session.execute(delete(ImportFault).where(ImportFault.run_id == run.id))
    if run.state == "undoing":
        undoing.undo(database, run, now=now, lease=LEASE)
        return run
    try:
        _carry_out(database, run, settings=settings, ciphers=ciphers, now=now)
    except (SheetError, CaseError, Unreadable) as error:
        log.warning("import_failed", run=run.id, error=type(error).__name__)
        with database.transaction() as session:
            failed = session.get_one(ImportRun, run.id, with_for_update=True)
            _fail(session, failed, error.said if isinstance(error, SheetError) else GONE, now())
    return run


def _fail(session: Session, run: ImportRun, why: str, at: datetime) -> None:
    _count_changes(session, run)
    run.state, run.ended_at, run.fault = "failed", at, why
    runs.forget_file(session, run)


def _carry_out(
    database: Database, run: ImportRun, *, settings: Settings, ciphers: Ciphers, now: Callable[[], datetime]
) -> None:
    with database.transaction() as session:
        content = runs.content(session, run, ciphers)
    source = Source(
        Path(run.file_name), today=now().astimezone(ZoneInfo(settings.timezone)).date(),
        region=settings.default_region, content=content, mapping=ColumnMap.of(run.mapping), offices=tuple(run.offices),
    )  # fmt: skip
    tell = partial(_tell, run.id, _Told(), now)
    if run.holds != "cases":
        with database.transaction() as session:
            mover = Mover(session.get_one(Staff, run.staff_id), now(), source.today, ciphers)
        report = beside.bring(source, database, run, mover, tell)
    elif run.state == "checking":
        with database.transaction() as session:
            report = importing.plan(
                source, session, ciphers=ciphers, progress=lambda _, seen: _in_between(database, tell, seen)
            )
    else:
        report = importing.apply(source, database, ciphers=ciphers, progress=tell, run=run.id)
    with database.transaction() as session:
        _finish(session, run.id, report, now())


def directly(
    database: Database,
    source: Source,
    *,
    mapping_name: str,
    strict: bool,
    ciphers: Ciphers,
    now: datetime,
    progress: importing.Progress,
) -> Report:
    """Run an import from the command line, listed and undone as those of the desk. Raises SheetError.

    It counts as done from its first batch: one that is broken off can be undone as far as it came.
    """
    with database.transaction() as session:
        run = ImportRun(
            file_name=source.file.name[: runs.LONGEST_NAME], state="done", mapping_name=mapping_name, made_at=now,
            began_at=now, ended_at=now,
        )  # fmt: skip
        session.add(run)
        session.flush()
        runs.note(session, "import_running", run, None, now)

    def tell(session: Session, report: Report) -> None:
        _count(session, run.id, report)
        progress(session, report)

    try:
        report = importing.apply(source, database, ciphers=ciphers, strict=strict, progress=tell, run=run.id)
    except SheetError as error:
        with database.transaction() as session:
            failed = session.get_one(ImportRun, run.id)
            failed.state, failed.fault = "failed", error.said
        raise
    if not report.applied:
        with database.transaction() as session:
            session.get_one(ImportRun, run.id).state = "dropped"
    return report


class _Told:
    """How many faults of a report are in the table already."""

    faults = 0


def _tell(run_id: int, told: _Told, now: Callable[[], datetime], session: Session, report: Report) -> None:
    """How far it is, with the batch itself; the lease begins anew."""
    run = session.get_one(ImportRun, run_id)
    run.lines, run.bad, run.due_at = report.lines, report.bad_lines, now() + LEASE
    new = report.faults[told.faults : MOST_FAULTS]
    if new:
        rows = [
            {"run_id": run_id, "line": one.line, "column": one.column, "said": one.said, "detail": one.detail}
            for one in new
        ]
        session.execute(insert(ImportFault), rows)
    told.faults = len(report.faults)


def _in_between(database: Database, tell: Callable[[Session, Report], None], report: Report) -> None:
    """A dry run holds one transaction open to its end: what it tells meanwhile goes by another."""
    with database.transaction() as session:
        tell(session, report)


def _finish(session: Session, run_id: int, report: Report, at: datetime) -> None:
    run = session.get_one(ImportRun, run_id, with_for_update=True)
    run.ended_at = at
    if run.state == "checking":
        run.lines = run.total = report.lines
        run.bad, run.added, run.changed, run.state = report.bad_lines, report.added, len(report.changes), "checked"
        return
    _count(session, run_id, report)
    run.state = "done"
    runs.forget_file(session, run)


def _count(session: Session, run_id: int, report: Report) -> None:
    """What it has done so far; what was added and changed is read from the changes that undoing would need."""
    run = session.get_one(ImportRun, run_id)
    _count_changes(session, run)
    run.lines = run.total = report.lines
    run.bad = report.bad_lines


def _count_changes(session: Session, run: ImportRun) -> None:
    if run.holds == "cases":
        counted = select(func.count(), func.count(ImportChange.before)).where(ImportChange.run_id == run.id)
    else:
        of_lines = ImportRow.table == HOLDINGS[run.holds].table
        counted = select(func.count(), func.count(ImportRow.before)).where(ImportRow.run_id == run.id, of_lines)
    all_of_them, run.changed = session.execute(counted).one()
    run.added = all_of_them - run.changed
