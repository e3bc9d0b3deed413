"""`maraba cases …`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy.orm import Session

from bot import config
from bot.cases import importing, opening
from bot.cases.importing import Report, Source
from bot.config import Settings
from bot.data import carrying_out, runs
from bot.data.mapping import ColumnMap
from bot.store.attempts import Attempts
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.stores.clients import store_client
from bot.text.cases import case_number, show_case

MOST_SHOWN = 200  # changed lines listed; faults are all listed

app = typer.Typer(name="cases", help="Case files: import, start codes, locks.", no_args_is_help=True)


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV or XLSX, see docs/cases-import.md")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would happen, write nothing")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="write nothing while one line is bad")] = False,
    mapping: Annotated[str, typer.Option(help="columns kept under this name at the desk; empty: our own")] = "",
) -> None:
    """Bring a file of cases into the service; it can be undone at the desk. Exit status 1 when a line was bad."""
    with _stores() as (settings, database, ciphers):
        now = datetime.now(UTC)
        source = Source(
            file, today=now.astimezone(ZoneInfo(settings.timezone)).date(), region=settings.default_region,
            mapping=_mapping(database, mapping),
        )  # fmt: skip
        if dry_run:
            with database.transaction() as session:
                report = importing.plan(source, session, ciphers=ciphers, progress=_show_progress)
        else:
            report = carrying_out.directly(
                database, source, mapping_name=mapping, strict=strict, ciphers=ciphers, now=now,
                progress=_show_progress,
            )  # fmt: skip
    _tell(report, dry_run=dry_run)
    if report.faults:
        raise typer.Exit(1)


@app.command("start-code")
def start_code(case: Annotated[str, typer.Argument(help="case number")]) -> None:
    """A one-time start code for a person who can't enrol by phone; lifts locks; valid 14 days."""
    number = _number(case)
    with _case_desk() as (session, attempts, ciphers):
        code = opening.give_start_code(session, number, attempts=attempts, ciphers=ciphers, now=datetime.now(UTC))
    typer.echo(f"Start code for {show_case(number)}, shown this once: {code}")
    typer.echo(f"Valid {opening.START_CODE_DAYS} days, for one use. Give it in person or on a verified call only.")


@app.command("unlock")
def unlock(case: Annotated[str, typer.Argument(help="case number")]) -> None:
    """Let a locked case be tried again; its code stays."""
    number = _number(case)
    with _case_desk() as (session, attempts, _ciphers):
        opening.unlock(session, number, attempts=attempts)
    typer.echo(f"{show_case(number)} is unlocked.")


def _mapping(database: Database, name: str) -> ColumnMap | None:
    if not name:
        return None
    with database.transaction() as session:
        found = runs.by_name(session, name)
    if found is None:
        raise typer.BadParameter("no columns are kept under this name", param_hint="--mapping")
    return ColumnMap.of(found.mapping)


@contextmanager
def _stores() -> Iterator[tuple[Settings, Database, Ciphers]]:
    settings = config.load()
    database = Database.of(settings, pool_size=1)
    try:
        yield settings, database, Ciphers.of(settings)
    finally:
        database.close()


@contextmanager
def _case_desk() -> Iterator[tuple[Session, Attempts, Ciphers]]:
    with (
        _stores() as (settings, database, ciphers),
        store_client(settings.redis_url) as client,
        database.transaction() as session,
    ):
        yield session, Attempts(client, ciphers), ciphers


def _number(written: str) -> str:
    number = case_number(written)
    if number is None:
        raise opening.NoSuchCase("this is no case number: 9 digits with a right check digit")
    return number


def _show_progress(_session: Session, report: Report) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{report.lines} lines read, {report.bad_lines} bad", err=True, nl=False)
    elif report.lines % 10_000 == 0:
        typer.echo(f"{report.lines} lines read, {report.bad_lines} bad", err=True)


def _tell(report: Report, *, dry_run: bool) -> None:
    if sys.stderr.isatty():
        typer.echo("", err=True)
    for fault in report.faults:
        place = f"line {fault.line}, {fault.column}" if fault.column else f"line {fault.line}"
        typer.echo(f"{place}: {fault.reason}", err=True)
    for change in report.changes[:MOST_SHOWN]:
        typer.echo(f"line {change.line}: {', '.join(change.columns) or 'nothing that is kept'}")
    if len(report.changes) > MOST_SHOWN:
        typer.echo(f"… and {len(report.changes) - MOST_SHOWN} more changed lines")
    counts = (
        f"{report.added} added, {len(report.changes)} changed, {report.unchanged} unchanged, {report.bad_lines} bad"
    )
    if dry_run:
        typer.echo(f"Dry run, nothing written: {counts}")
    elif not report.applied:
        typer.echo(f"Nothing written, because of --strict: {counts}")
    else:
        typer.echo(counts)
