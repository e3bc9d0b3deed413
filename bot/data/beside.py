"""Files of what became of cases: who was at a training, kits, visits. Each line goes through the rules that the desk uses.

A line that changes nothing leaves no trace. What it changes, proposals of a stage too, is kept as rows before and after, so
that the whole import can be undone case by case; a case of which something has changed since is left and named.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import islice
from typing import Any

from sqlalchemy import TextClause, bindparam, null, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from bot.cases import kits, process, trainings, visits
from bot.cases.importing import Change, Progress, Report, Source
from bot.cases.process import Mover
from bot.cases.reading import Cells, Fault
from bot.data import sheets
from bot.data.holdings import CHOICES, DAYS, HOLDINGS
from bot.data.sheets import SheetError
from bot.errors import CaseError
from bot.referrals import access
from bot.store.database import Database
from bot.store.models import Case, ImportRow, ImportRun, Staff

BATCH = 200  # lines; a check rolls each batch back, so it counts the places of a training within a batch alone
_LOCK = 0x70726F67  # two imports take turns, batch by batch
_OF_CASE = {
    "stage_proposals": "t.case_id = :case",
    "training_days": "t.enrolment_id in (select id from enrolments where case_id = :case)",
    "enrolments": "t.case_id = :case",
    "kits": "t.case_id = :case",
    "visits": "t.case_id = :case",
}  # in the order in which rows may go
_KEYS = {"training_days": ("enrolment_id", "day")}
_SNAPSHOT = text(
    " union all ".join(f"select '{name}', to_jsonb(t) from {name} t where {which}" for name, which in _OF_CASE.items())  # noqa: S608
    + " union all select 'cases', jsonb_build_object('id', t.id, 'known_on', t.known_on) from cases t where t.id = :case"
)
_SAID = {
    "no_file": ("case_number", "is not one of yours"),
    "not_found": ("training_type", "no training of this type begins there that day"),
    "two": ("training_type", "two trainings of this type begin there that day"),
    "full": ("training_type", "no place is free in this training"),
    "wrong_day": ("", "a day is to come, or out of order"),
    "not_arrived": ("collected_on", "has no day of arrival before it"),
    "not_allowed": ("", "is not yours to write"),
}
_ONE = {  # what two lines of one file may not have in common
    "attendance": ("case_number", "training_type", "place", "starts_on", "day"),
    "kits": ("case_number", "kit_type", "ordered_on"),
    "visits": ("case_number", "day"),
}
Rows = dict[tuple[str, str], dict[str, Any]]


def bring(source: Source, database: Database, run: ImportRun, mover: Mover, progress: Progress) -> Report:
    """Write every good line, or with a run that is checked, none. Raises SheetError."""
    report = Report(applied=run.state != "checking")
    for batch in _batches(source, run.holds, report):
        with database.transaction() as session:
            session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            by = replace(mover, staff=session.get_one(Staff, mover.staff.id))
            with session.begin_nested() as all_of_them:
                for line, values in batch:
                    _take(session, run, line, values, report, by)
                if not report.applied:
                    all_of_them.rollback()
            progress(session, report)
    return report


def undo(session: Session, run_id: int, numbers: list[str]) -> int:
    """Put back what the import wrote of these cases, where nothing of it has changed since; says how many lines that were."""
    table = HOLDINGS[session.get_one(ImportRun, run_id).holds].table
    undone = 0
    for case in session.scalars(
        select(Case).where(Case.number.in_(numbers)).order_by(Case.id).with_for_update(of=Case)
    ).all():
        rows = session.scalars(
            select(ImportRow).where(ImportRow.run_id == run_id, ImportRow.number == case.number)
        ).all()
        if _changed_since(rows, _snapshot(session, case.id)):
            for row in rows:
                row.left = True
            continue
        for row in sorted(rows, key=lambda one: [*_OF_CASE, "cases"].index(one.table)):
            _put_back(session, row)
            undone += row.table == table
            session.delete(row)
    return undone


def _take(session: Session, run: ImportRun, line: int, values: dict[str, Any], report: Report, mover: Mover) -> None:
    try:
        with session.begin_nested():
            rows = _write(session, run.holds, values, mover)
            if report.applied:
                _keep(session, run.id, values["case_number"], rows)
    except CaseError as error:
        column, said = _SAID[str(error)]
        report.faults.append(Fault(line, column, said))
        return
    main = [before for (table, _), (before, _) in rows.items() if table == HOLDINGS[run.holds].table]
    report.added += main == [None]
    report.unchanged += not main
    if main and main[0] is not None:
        report.changes.append(Change(line, ()))


def _write(
    session: Session, holds: str, values: dict[str, Any], mover: Mover
) -> dict[tuple[str, str], tuple[dict[str, Any] | None, dict[str, Any]]]:
    """Which rows of the case differ after the line: as they were, as they are. What it meets is locked before it looks."""
    number = values["case_number"]
    case_id = session.scalar(select(Case.id).where(Case.number == number, access.visible_files(mover.staff)))
    if case_id is None:
        raise CaseError("no_file")
    if holds == "attendance":
        training = trainings.begun(session, values["training_type"], values["place"], values["starts_on"], mover)
    else:
        process.held(session, case_id, mover.staff)
    before = _snapshot(session, case_id)
    if holds == "attendance":
        trainings.attended(session, training.id, number, values["day"], mover, present=values["present"] == "yes")
    elif holds == "kits":
        days = {name: values[name] for name in ("ordered_on", "expected_on", "arrived_on", "collected_on")}
        items = tuple(one.strip() for one in values["items"].replace(";", ",").split(",") if one.strip())
        kits.record(session, case_id, kits.Told(values["kit_type"], items=items, **days), mover)
    else:
        visits.record(session, case_id, visits.Found(values["day"], values["way"], (values["finding"],)), mover)
    session.flush()
    return {key: (before.get(key), row) for key, row in _snapshot(session, case_id).items() if before.get(key) != row}


def _keep(session: Session, run_id: int, number: str, rows: dict[tuple[str, str], tuple[Any, Any]]) -> None:
    for (table, key), (before, after) in rows.items():
        row = insert(ImportRow).values(
            run_id=run_id, number=number, table=table, key=key, after=after,
            before=null() if before is None else before,
        )  # fmt: skip
        session.execute(
            row.on_conflict_do_update(
                index_elements=["run_id", "number", "table", "key"], set_={"after": row.excluded.after}
            )
        )


def _snapshot(session: Session, case_id: int) -> Rows:
    found = session.execute(_SNAPSHOT, {"case": case_id}).all()
    return {(table, "/".join(str(row[name]) for name in _KEYS.get(table, ("id",)))): row for table, row in found}


def _changed_since(rows: Sequence[ImportRow], now: Rows) -> bool:
    ours = {(row.table, row.key) for row in rows}
    added = {row.key for row in rows if row.table == "enrolments" and row.before is None}
    others = any(t == "training_days" and key.split("/")[0] in added and (t, key) not in ours for t, key in now)
    return others or any(now.get((row.table, row.key)) != row.after for row in rows if row.table != "cases")


def _put_back(session: Session, row: ImportRow) -> None:
    if row.table == "cases":  # a later day of the last news stays
        before, left = row.before or {}, date.fromisoformat(row.after["known_on"])
        known = date.fromisoformat(before["known_on"]) if before.get("known_on") else None
        session.execute(update(Case).where(Case.id == row.after["id"], Case.known_on == left).values(known_on=known))
        return
    same = " and ".join(f"t.{name} = a.{name}" for name in _KEYS.get(row.table, ("id",)))
    if row.before is None:
        gone = f"delete from {row.table} t using jsonb_populate_record(null::{row.table}, :after) a where {same}"  # noqa: S608
        session.execute(_with_rows(gone, "after"), {"after": row.after})
        return
    columns = ", ".join(f"{name} = a.{name}" for name in row.before if name not in _KEYS.get(row.table, ("id",)))
    back = f"update {row.table} t set {columns} from jsonb_populate_record(null::{row.table}, :before) a where {same}"  # noqa: S608
    session.execute(_with_rows(back, "before"), {"before": row.before})


def _with_rows(words: str, *names: str) -> TextClause:
    return text(words).bindparams(*(bindparam(name, type_=JSONB) for name in names))


def _batches(source: Source, holds: str, report: Report) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    """Lines that are good by themselves. No two of a file say the same thing, so each has a row of its own."""
    if source.mapping is None or "case_number" not in source.mapping.columns:
        raise SheetError("%(name)s: no column holds the case number", name=source.file.name)
    seen: dict[tuple[Any, ...], int] = {}
    with source.open() as stream:
        sheet = sheets.read(stream, source.file.name)
        if not source.mapping.fits(sheet.headings):
            raise SheetError("%(name)s has not the columns that its mapping names", name=source.file.name)
        translate = source.mapping.reader(sheet.headings)
        while part := list(islice(sheet.lines, BATCH)):
            report.lines += len(part)
            good = []
            for line, cells in part:
                read = (
                    [Fault(line, "", cells)] if isinstance(cells, str) else _read(holds, line, translate(cells), source)
                )
                if isinstance(read, dict):
                    one = tuple(read[name] for name in _ONE[holds])
                    if (first := seen.setdefault(one, line)) == line:
                        good.append((line, read))
                        continue
                    read = [Fault(line, "", "is on line %(detail)s already", str(first))]
                report.faults += read
            yield good


def _read(holds: str, line: int, sent: dict[str, str], source: Source) -> dict[str, Any] | list[Fault]:
    holding = HOLDINGS[holds]
    cells = Cells(line, dict.fromkeys(holding.columns, "") | sent, today=source.today)
    values: dict[str, Any] = {"case_number": cells.number()}
    for name in holding.columns[1:]:
        if name in CHOICES:
            values[name] = cells.one_of(name, CHOICES[name])
        elif name in DAYS:
            values[name] = cells.day(name, needed=name in holding.needed)
        else:
            values[name] = cells.words(name, needed=name in holding.needed)
    return cells.faults or values
