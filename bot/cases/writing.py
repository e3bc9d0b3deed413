"""Many cases at once, by a few statements: what an import and the API write, and what undoing needs to know."""

from collections.abc import Collection
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from bot.cases.imported_days import imported
from bot.cases.reading import CaseRow
from bot.content.process import process
from bot.store.ciphers import Ciphers

# of the table `cases`: whatever else stands there (codes, locks) is no file's business
COLUMNS = (*(field.name for field in fields(CaseRow) if field.name != "phone"), "contact_id", "imported_hash")
_LIST = ", ".join(COLUMNS)
_LINES = "json_populate_recordset(null::cases, :lines)"
# What else a move sets (bot.cases.stages.move), and undoing gives back
BESIDE = ("review_on", "known_on", "told_by_person", "told_by", "told_at")
_BEFORE = "jsonb_build_object(" + ", ".join(f"'{name}', c.{name}" for name in (*COLUMNS, *BESIDE)) + ")"
# The row as an import left it. Whoever moves, edits or undoes it later leaves another one.
MARK = "hashtextextended(row(" + ", ".join(f"c.{name}" for name in COLUMNS) + ")::text, 0)"

_KEEP = text(f"""
    insert into import_changes (run_id, number, before)
    select :run, l.number, case when c.id is null then null else {_BEFORE} end
    from {_LINES} l left join cases c on c.number = l.number
    on conflict (run_id, number) do nothing
""")  # noqa: S608 - the names of our own columns
_MOVES = text(f"""
    insert into stage_changes (case_id, by, from_stage, to_stage, was)
    select c.id, :by, c.stage, l.stage,
      jsonb_build_object('since', c.stage_since, 'resume', c.resume_stage, 'review_on', c.review_on)
    from {_LINES} l join cases c on c.number = l.number where c.stage <> l.stage
""")  # noqa: S608
_MARK = text(f"""
    update import_changes i set mark = {MARK} from cases c
    where i.run_id = :run and c.number = i.number and i.number = any(:numbers)
""")  # noqa: S608
_REMEMBER = text(f"""
    update cases c set imported_hash = l.imported_hash from {_LINES} l where c.number = l.number
""")  # noqa: S608
_CONFIRM = text("""
    update cases set known_on = :today where number = any(:numbers) and known_on is distinct from cast(:today as date)
""")
# Not the word to the old number, the one thing that is written to it while a change is open.
_FOLLOW = text("""
    update messages m set contact_id = coalesce(c.contact_id, m.contact_id),
      due_at = case when m.due_at = m.expires_at then :at else m.due_at end,
      expires_at = case when c.contact_id is null or (c.phone_shared and m.question is not null) then :at
        else m.expires_at end
    from cases c
    where c.number = any(:numbers) and m.case_id = c.id and m.state = 'queued' and m.kind = 'reminder'
      and (m.contact_id is distinct from c.contact_id or m.due_at = m.expires_at)
      and not exists (
        select 1 from number_changes n where n.case_id = c.id and (
          n.state in ('new', 'doubted') or (n.before_id = m.contact_id
            and m.created_at > n.at and m.created_at <= coalesce(n.joined_at, n.confirmed_at))))
""")
# A move begins its own review, and what was told of the stage before says nothing of this one.
_MOVED = """
    review_on = case when cases.stage = excluded.stage then cases.review_on else excluded.review_on end,
    told_by_person = cases.told_by_person and cases.stage = excluded.stage,
    told_by = case when cases.stage = excluded.stage then cases.told_by end,
    told_at = case when cases.stage = excluded.stage then cases.told_at end
"""
# One array for thousands of numbers: an IN of as many parameters takes longer to write than to answer.
_THERE = {
    lock: text(f"select {_LIST} from cases where number = any(:numbers) order by id {'for update' if lock else ''}")  # noqa: S608
    for lock in (False, True)
}
_FIND = text("select digest, id from contacts where digest = any(:digests)")
_CONTACTS = text("""
    insert into contacts (digest, number_enc) select * from unnest(cast(:digests as text[]), cast(:numbers as bytea[]))
    on conflict do nothing
""")


def there(session: Session, numbers: list[str], *, lock: bool) -> dict[str, dict[str, Any]]:
    """The cases that exist, by number; locked, so that a colleague's move in this moment is not lost."""
    found = session.execute(_THERE[lock], {"numbers": numbers}).mappings()
    return {row["number"]: dict(row) for row in found}


def write(
    session: Session, rows: list[dict[str, Any]], *, given: frozenset[str], by: str, run: int | None = None
) -> None:
    """Add and change cases; `rows` have all of COLUMNS, `given` are those that a case that is there takes over.

    Every move is written with `by`; with `run`, how each case was before.
    """
    if not rows:
        return
    lines = {"lines": _json(rows)}
    if run is not None:
        session.execute(_KEEP, lines | {"run": run})
    if "stage" in given:
        session.execute(_MOVES, lines | {"by": by})
    taken = [name for name in COLUMNS if name in given or name == "imported_hash"]
    if "phone" in given:
        taken.append("contact_id")
    changes = ", ".join(f"{name} = excluded.{name}" for name in taken if name != "number")
    if "stage" in given:
        changes += f", {_MOVED}"
    session.execute(
        text(f"""
            insert into cases ({_LIST}, review_on) select {_LIST}, review_on from {_LINES}
            on conflict (number) do update set {changes}
        """),  # noqa: S608
        lines,
    )
    numbers, now = [row["number"] for row in rows], datetime.now(UTC)
    if "phone" in given:
        follow(session, numbers, at=now)
    if "next_appointment" in given:
        imported(session, numbers, at=now)
    if run is not None:
        session.execute(_MARK, {"run": run, "numbers": numbers})


def follow(session: Session, numbers: list[str], *, at: datetime) -> None:
    """What is queued about these files goes to the phones that they have now, not to those that they had.

    It ends where a file has none any more, and where it asks something on a phone of several. While it is open whose
    number it is, it stays held.
    """
    session.flush()
    session.execute(_FOLLOW, {"numbers": numbers, "at": at})


def remember(session: Session, rows: list[dict[str, Any]]) -> None:
    """Lines that changed nothing: as they stand now they are known."""
    if rows:
        session.execute(_REMEMBER, {"lines": _json(rows)})


def confirm(session: Session, numbers: list[str], today: date) -> None:
    """A source that knows of their stage has just told of these cases, whether it changed anything or not."""
    session.execute(_CONFIRM, {"numbers": numbers, "today": today})


def contacts(session: Session, phones: Collection[str], ciphers: Ciphers, *, write: bool) -> dict[str, int]:
    """E.164 to contact id; makes the contacts that are missing."""
    digests = {ciphers.address(phone).digest: phone for phone in phones}
    known = _known(session, digests)
    missing = sorted(digests.keys() - known.keys())
    if missing and write:
        numbers = [ciphers.encrypt(digests[one].encode(), f"contacts|{one}|number".encode()) for one in missing]
        session.execute(_CONTACTS, {"digests": missing, "numbers": numbers})
        known |= _known(session, missing)
    return {digests[digest]: contact for digest, contact in known.items()}


def _known(session: Session, digests: Collection[str]) -> dict[str, int]:
    if not digests:
        return {}
    found = session.execute(_FIND, {"digests": list(digests)})
    return {row.digest: row.id for row in found}


def _json(rows: list[dict[str, Any]]) -> str:
    """As PostgreSQL reads them, bytes in hexadecimal; with the day on which somebody looks at the stage again."""
    lines = [
        row
        | {"imported_hash": f"\\x{row['imported_hash'].hex()}", "review_on": _review(row["stage"], row["stage_since"])}
        for row in rows
    ]
    return msgspec.json.encode(lines).decode()


def _review(stage: str, since: date) -> date | None:
    days = process().rule(stage).review_days if stage else 0
    return since + timedelta(days=days) if days else None
