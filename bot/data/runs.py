"""Imports as the desk knows them: a file is brought, its columns are understood, it is checked, run, and may be undone.

The file is encrypted from its first moment in the database and deleted when the import ends, is dropped, or was left
lying for a week. How each case was before is kept for 30 days: so long can the import be undone.

    uploaded → checking → checked → running → done → undoing → undone; failed and dropped end it
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.data import mapping, sheets
from bot.data.holdings import HOLDINGS
from bot.data.mapping import ColumnMap
from bot.errors import CaseError
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.store.models import Audit, ColumnMapping, ImportChange, ImportFault, ImportPart, ImportRow, ImportRun, Staff

LARGEST = 40 * 2**20  # bytes of a file; 100,000 lines have about 17 MB
PART = 2**20  # bytes
SAMPLE = 5000  # lines looked at for words to translate
LEFT_FOR = timedelta(days=7)
UNDONE_WITHIN = timedelta(days=30)
LONGEST_NAME = 100
WORKED_ON = ("checking", "running", "undoing")
_FROM = {
    "checking": ("uploaded", "checked"),
    "running": ("checked",),
    "undoing": ("done", "failed"),
    "dropped": ("uploaded", "checked", "failed"),
}  # fmt: skip


def bring(
    session: Session,
    name: str,
    content: bytes,
    *,
    staff: Staff | None,
    ciphers: Ciphers,
    now: datetime,
    kept: str = "",
    holds: str = "cases",
) -> ImportRun:
    """Take a file in; its columns are proposed, or as the mapping named `kept` says, where it is
    one of such files (`holds`: a key of HOLDINGS). Raises SheetError, CaseError.
    """
    headings = sheets.of_bytes(content, name).headings
    found = by_name(session, kept) if kept else None
    if kept and found is None:
        raise CaseError("not_found")
    columns = HOLDINGS[holds].columns
    chosen = ColumnMap.of(found.mapping) if found is not None else ColumnMap()
    if not chosen.given or not chosen.given <= set(columns):
        chosen, kept = mapping.proposed(headings, columns), ""
    run = ImportRun(
        staff_id=staff.id if staff else None, file_name=name[:LONGEST_NAME], holds=holds, state="uploaded",
        made_at=now,        mapping=chosen.kept(), mapping_name=kept, offices=list(staff.offices) if staff else [],
    )  # fmt: skip
    session.add(run)
    session.flush()
    for part in range(-(-len(content) // PART)):
        piece = content[part * PART : (part + 1) * PART]
        session.add(ImportPart(run_id=run.id, part=part, data_enc=ciphers.encrypt(piece, _place(run.id, part))))
    note(session, "import_brought", run, staff, now)
    return run


def content(session: Session, run: ImportRun, ciphers: Ciphers) -> bytes:
    """The file. Raises CaseError `gone` where it was deleted."""
    parts = session.scalars(select(ImportPart).where(ImportPart.run_id == run.id).order_by(ImportPart.part)).all()
    if not parts:
        raise CaseError("gone")
    return b"".join(ciphers.decrypt(one.data_enc, _place(run.id, one.part)) for one in parts)


def understand(
    session: Session, run: ImportRun, chosen: ColumnMap, *, save_as: str, staff: Staff, now: datetime
) -> None:
    """How the columns of this file are to be read; kept under a name where one is given. Raises CaseError `over`."""
    if run.state not in ("uploaded", "checked"):
        raise CaseError("over")
    run.mapping, run.state, run.mapping_name = chosen.kept(), "uploaded", save_as
    if save_as:
        row = insert(ColumnMapping).values(name=save_as, mapping=chosen.kept(), staff_id=staff.id, at=now)
        taken = {name: row.excluded[name] for name in ("mapping", "staff_id", "at")}
        session.execute(row.on_conflict_do_update(index_elements=["name"], set_=taken))


def order(session: Session, run: ImportRun, state: str, *, staff: Staff | None, now: datetime) -> bool:
    """Let a worker check, run or undo it, or drop it; False where that was asked before. Raises CaseError `over`."""
    if (
        run.state == state
        or (state == "running" and run.state == "done")
        or (state, run.state) == ("undoing", "undone")
    ):
        return False
    undoable = may_undo(run, now)  # what can be undone is never dropped
    if run.state not in _FROM[state] or (state == "undoing" and not undoable) or (state == "dropped" and undoable):
        raise CaseError("over")
    run.state, run.lines, run.fault, run.tries = state, 0, "", 0
    run.due_at = now if state in WORKED_ON else None
    if state == "dropped":
        forget_file(session, run)
    if state == "undoing":
        run.undone_by = staff.id if staff else None
    note(session, f"import_{state}", run, staff, now)
    return True


def may_undo(run: ImportRun, now: datetime) -> bool:
    """Is it done, or broken off after its first lines, and how the cases were before still known?"""
    wrote = run.state == "done" or (run.state == "failed" and run.added + run.changed > 0)
    return wrote and run.ended_at is not None and now < run.ended_at + UNDONE_WITHIN


def held(session: Session, run_id: int, staff: Staff) -> ImportRun:
    """One run, locked, if it is of this person's offices. Raises CaseError `not_found`."""
    run = session.get(ImportRun, run_id, with_for_update=True)
    if run is None or not sees(staff, run):
        raise CaseError("not_found")
    return run


def sees(staff: Staff, run: ImportRun) -> bool:
    """Whoever works for some offices sees the imports into those alone."""
    return not staff.offices or (bool(run.offices) and set(run.offices) <= set(staff.offices))


def latest(session: Session, staff: Staff, *, most: int = 50) -> list[ImportRun]:
    """The runs that this person sees, newest first."""
    wanted = select(ImportRun).order_by(ImportRun.id.desc()).limit(most)
    if staff.offices:
        wanted = wanted.where(ImportRun.offices.contained_by(staff.offices), func.cardinality(ImportRun.offices) > 0)
    return list(session.scalars(wanted))


def mappings(session: Session) -> list[ColumnMapping]:
    """Those with a name, by name."""
    return list(session.scalars(select(ColumnMapping).order_by(ColumnMapping.name)))


def by_name(session: Session, name: str) -> ColumnMapping | None:
    """A kept mapping."""
    return session.scalars(select(ColumnMapping).where(ColumnMapping.name == name)).one_or_none()


def words_of(file: bytes, name: str, columns: Mapping[str, str]) -> dict[str, list[str]]:
    """The different words in some columns of a file: ours to theirs. Columns with many are left out: those are no words."""
    sheet = sheets.of_bytes(file, name)
    places = {ours: sheet.headings.index(theirs) for ours, theirs in columns.items() if theirs in sheet.headings}
    lines = [cells for _, cells in islice(sheet.lines, SAMPLE) if not isinstance(cells, str)]
    found = {ours: mapping.different(_column(lines, at)) for ours, at in places.items()}
    return {ours: words for ours, words in found.items() if len(words) < mapping.FEW}


def faults(session: Session, run: ImportRun, *, most: int | None = None) -> list[ImportFault]:
    """Lines that are not imported, in order."""
    wanted = select(ImportFault).where(ImportFault.run_id == run.id).order_by(ImportFault.line, ImportFault.id)
    return list(session.scalars(wanted.limit(most)))


def left(session: Session, run: ImportRun, *, most: int) -> list[str]:
    """The numbers of cases that were not undone, for they have changed since."""
    kept = ImportChange if run.holds == "cases" else ImportRow
    wanted = select(kept.number).distinct().where(kept.run_id == run.id, kept.left)
    return list(session.scalars(wanted.order_by(kept.number).limit(most)))


def forget_file(session: Session, run: ImportRun) -> None:
    """The file is no longer needed."""
    session.execute(delete(ImportPart).where(ImportPart.run_id == run.id))


def forget_old(database: Database, now: datetime) -> int:
    """Files left lying, and what is too old to be undone; says how many imports it met."""
    lying = ImportRun.made_at < now - LEFT_FOR
    with database.transaction() as session:
        old = select(ImportRun).where(lying, ImportRun.state.in_(_FROM["dropped"])).with_for_update(skip_locked=True)
        runs = [run for run in session.scalars(old) if not may_undo(run, now)]
        for run in runs:
            forget_file(session, run)
            run.state = "dropped"
        over = select(ImportRun.id).where(ImportRun.ended_at < now - UNDONE_WITHIN)
        session.execute(delete(ImportChange).where(ImportChange.run_id.in_(over)))
        session.execute(delete(ImportRow).where(ImportRow.run_id.in_(over)))
        gone = or_(ImportRun.ended_at < now - UNDONE_WITHIN, ImportRun.state == "dropped")
        session.execute(delete(ImportFault).where(ImportFault.run_id.in_(select(ImportRun.id).where(gone))))
        return len(runs)


def note(session: Session, action: str, run: ImportRun, staff: Staff | None, at: datetime) -> None:
    """Who did what with which import, for ever."""
    session.add(Audit(staff_id=staff.id if staff else None, at=at, action=action, subject=f"import:{run.id}"))


def _column(lines: list[list[str]], at: int) -> Iterator[str]:
    return (cells[at] for cells in lines if at < len(cells))


def _place(run_id: int, part: int) -> bytes:
    return f"import_parts|{run_id}/{part}|data".encode()
