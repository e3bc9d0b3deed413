"""Turns and contacts, as rows: many at once, in the order of the journal."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from bot.store.ciphers import Ciphers
from bot.store.journal import Entry
from bot.store.models import Contact, Turn, TurnSeen

TICKET_TYPED = "ticket."  # flows/ticket.yaml


def moment(milliseconds: int) -> datetime:
    """The journal's time as PostgreSQL has it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def unseen(session: Session, entries: Iterable[Entry]) -> list[Entry]:
    """Those not recorded yet, each once; they count as recorded from here on."""
    fresh = {entry.turn_hex: entry for entry in reversed(list(entries))}
    seen = set(session.scalars(select(TurnSeen.id).where(TurnSeen.id.in_(fresh))))
    kept = [entry for turn, entry in reversed(fresh.items()) if turn not in seen]
    if kept:
        session.execute(
            pg_insert(_table(TurnSeen)).on_conflict_do_nothing(),
            [{"id": entry.turn_hex, "at": _day(entry.at)} for entry in kept],
        )
    return kept


def write_contacts(
    session: Session, entries: Sequence[Entry], ciphers: Ciphers
) -> tuple[dict[str, int], list[Contact]]:
    """Bring contacts up to date. Returns digest to id, and those that the conversation store should hear of.

    The latter: PostgreSQL knew something of an address whose Redis contact had expired or was lost.
    """
    digests = {entry.digest for entry in entries if entry.digest}
    if not digests:
        return {}, []
    known = {c.digest: c for c in session.scalars(select(Contact).where(Contact.digest.in_(digests)))}
    new = [known[one] for one in dict.fromkeys(e.digest for e in entries if e.contact.get("new")) if one in known]
    forgotten = [row for row in new if row.language or row.consent or row.stopped or row.texts]
    at = moment(max(entry.at for entry in entries))
    for row in new:
        if row.human_until is not None and row.human_until > at:  # a silence that is over would end what is asked now
            row.human_copied = None  # told there again (bot/jobs/staff_turns.py)
    _add_contacts(session, [e for e in entries if e.digest and e.number and e.digest not in known], ciphers)
    missing = digests - known.keys()
    if missing:
        known |= {c.digest: c for c in session.scalars(select(Contact).where(Contact.digest.in_(missing)))}
    changes: dict[int, dict[str, Any]] = {}
    for entry in entries:
        if contact := known.get(entry.digest):
            changes.setdefault(contact.id, {"id": contact.id}).update(_changes(entry))
    _change_contacts(session, list(changes.values()))
    return {digest: contact.id for digest, contact in known.items()}, forgotten


def quiet_ones(session: Session, contacts: dict[str, int]) -> frozenset[int]:
    """Of these contacts those who went outside the office: of what they say nothing is kept (docs/sealed.md)."""
    if not contacts:
        return frozenset()
    return frozenset(session.scalars(select(Contact.id).where(Contact.id.in_(contacts.values()), Contact.quiet)))


def write_turns(
    session: Session, entries: Sequence[Entry], contacts: dict[str, int], *, quiet: frozenset[int] = frozenset()
) -> None:
    """One row a turn. Of `quiet` contacts it tells no more than that there was one."""
    if not entries:
        return
    hushed = {entry.turn_hex for entry in entries if contacts.get(entry.digest) in quiet}
    session.execute(
        insert(_table(Turn)),
        [
            {
                "id": entry.turn_hex,
                "at": moment(entry.at),
                "kind": entry.kind,
                "gateway": entry.gateway,
                "channel": entry.channel,
                "contact_id": contacts.get(entry.digest),
                "before": entry.before if entry.turn_hex not in hushed else "",
                "after": entry.after if entry.turn_hex not in hushed else "",
                "text_enc": _text(entry) if entry.turn_hex not in hushed else None,
                "replies": msgspec.to_builtins(entry.replies) if entry.turn_hex not in hushed else [],
                "effects": [type(effect).__name__ for effect in entry.effects],
                "release": entry.release,
            }
            for entry in entries
        ],
    )


def _text(entry: Entry) -> bytes | None:
    """The number of a request is not kept with whoever typed it: it may be a sealed one."""
    return None if entry.after.startswith(TICKET_TYPED) else entry.text or None


def _add_contacts(session: Session, entries: Sequence[Entry], ciphers: Ciphers) -> None:
    first = {entry.digest: entry for entry in reversed(entries)}
    if not first:
        return
    session.execute(
        pg_insert(_table(Contact)).on_conflict_do_nothing(index_elements=["digest"]),
        [
            {
                "digest": entry.digest,
                "number_enc": ciphers.encrypt(entry.number.encode(), f"contacts|{entry.digest}|number".encode()),
                "first_seen_at": moment(entry.at),
            }
            for entry in first.values()
        ],
    )


def _change_contacts(session: Session, changes: list[dict[str, Any]]) -> None:
    """One prepared statement for all whose same columns change; most change `last_seen_at` alone."""
    table = _table(Contact)
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for change in changes:
        if len(change) > 1:
            alike.setdefault(tuple(sorted(change)), []).append(change)
    for names, rows in alike.items():
        statement = update(table).where(table.c.id == bindparam("of_contact"))
        statement = statement.values({name: bindparam(name) for name in names if name != "id"})
        parameters = [{"of_contact" if name == "id" else name: row[name] for name in names} for row in rows]
        session.connection().execute(statement, parameters)


def _changes(entry: Entry) -> dict[str, Any]:
    """What one turn changes of its contact's row; names that only turns need are left out."""
    changes: dict[str, Any] = {}
    if entry.kind == "message":
        changes |= {"last_seen_at": moment(entry.at), "unreachable_at": None}  # who writes can be reached
    for name, value in entry.contact.items():
        if name == "language":
            changes["language"] = value or None
        elif name == "consent":
            changes |= {"consent": value or None, "consent_at": moment(entry.at)}
        elif name == "consent_version":
            changes["consent_version"] = value or None
        elif name == "stopped":
            changes["stopped"] = list(value)
        elif name == "texts":
            changes["texts"] = value or None
    return changes


def _day(milliseconds: int) -> datetime:
    return moment(milliseconds).replace(hour=0, minute=0, second=0, microsecond=0)


def _table(model: type[Any]) -> Table:
    # Core tables: executemany without the unit of work.
    return cast("Table", model.__table__)
