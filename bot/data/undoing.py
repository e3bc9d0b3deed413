"""Taking a whole import back: each case as it was before, those that it added gone, save what has changed since.

A case has changed since when its row is not what the import left (MARK), or, where the import added it, when its
person has chosen a code or anything points to it: a message, a request, an appointment. Such a case is left as it is and named.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from bot.cases.imported_days import forget, imported
from bot.cases.writing import BESIDE, COLUMNS, MARK, follow
from bot.data import beside
from bot.store.database import Database
from bot.store.models import Base, ImportChange, ImportRow, ImportRun

BATCH = 2000

_POINTING = " or ".join(
    f"exists (select 1 from {table.name} t where t.{column.name} = c.id)"  # noqa: S608 - names of our own tables
    for table in Base.metadata.sorted_tables
    for column in table.columns
    if any(key.target_fullname == "cases.id" for key in column.foreign_keys)
)
_LEFT = text(f"""
    update import_changes i set "left" = true
    from import_changes j left join cases c on c.number = j.number
    where j.run_id = :run and j.number = any(:numbers) and i.run_id = j.run_id and i.number = j.number
      and (c.id is null or {MARK} is distinct from j.mark or (j.before is null and (c.code_hmac is not null or {_POINTING})))
""")  # noqa: S608
_TAKEN = "i.run_id = :run and i.number = any(:numbers) and not i.left"
_MOVES = text(f"""
    insert into stage_changes (case_id, by, from_stage, to_stage, was)
    select c.id, :by, c.stage, i.before->>'stage',
      jsonb_build_object('since', c.stage_since, 'resume', c.resume_stage, 'review_on', c.review_on)
    from import_changes i join cases c on c.number = i.number
    where {_TAKEN} and i.before is not null and i.before->>'stage' <> c.stage
""")  # noqa: S608
_BACK = text(f"""
    update cases c set {", ".join(f"{name} = b.{name}" for name in (*COLUMNS, *BESIDE))}
    from import_changes i, jsonb_populate_record(null::cases, i.before) b
    where c.number = i.number and i.before is not null and {_TAKEN}
""")  # noqa: S608
_GONE = text(f"""
    delete from cases c using import_changes i where c.number = i.number and i.before is null and {_TAKEN}
""")  # noqa: S608


def undo(database: Database, run: ImportRun, *, now: Callable[[], datetime], lease: timedelta) -> None:
    """Batch by batch, each in its own transaction; a batch that was undone is not met again."""
    after = ""
    while True:
        with database.transaction() as session:
            numbers = _next(session, run, after)
            if not numbers:
                _finish(session, run.id, now())
                return
            if run.holds == "cases":
                undone = _undo(session, run.id, numbers, now=now)
            else:
                undone = beside.undo(session, run.id, numbers)
            progress = update(ImportRun).where(ImportRun.id == run.id)
            session.execute(
                progress.values(
                    undone=ImportRun.undone + undone, lines=ImportRun.lines + len(numbers), due_at=now() + lease
                )
            )
        after = numbers[-1]


def _next(session: Session, run: ImportRun, after: str) -> list[str]:
    kept, most = (ImportChange, BATCH) if run.holds == "cases" else (ImportRow, beside.BATCH)
    wanted = select(kept.number).distinct().where(kept.run_id == run.id, kept.number > after, ~kept.left)
    return list(session.scalars(wanted.order_by(kept.number).limit(most)))


def _undo(session: Session, run_id: int, numbers: list[str], *, now: Callable[[], datetime]) -> int:
    batch = {"run": run_id, "numbers": numbers}
    session.execute(text("select id from cases where number = any(:numbers) order by id for update"), batch)
    forget(session, numbers)
    session.execute(_LEFT, batch)
    session.execute(_MOVES, batch | {"by": f"undo:{run_id}"})
    session.execute(_BACK, batch)
    session.execute(_GONE, batch)
    follow(session, numbers, at=now())
    imported(session, numbers, at=now(), again=True)
    # What is undone is no change any more: a second worker, or this one after a crash, does not meet it again.
    done = session.execute(text(f"delete from import_changes i where {_TAKEN} returning i.number"), batch)  # noqa: S608
    return len(done.all())


def _finish(session: Session, run_id: int, at: datetime) -> None:
    run = session.get_one(ImportRun, run_id, with_for_update=True)
    if run.state == "undoing":
        run.state, run.undone_at, run.due_at = "undone", at, None
