"""One batch of one shard: read, write in one transaction, wake, delete. Nothing is deleted before it is committed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
import redis
import structlog
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.recorder import quarantine
from bot.recorder.faults import transient
from bot.recorder.orders import Reasons, Work, carry_out, watch
from bot.recorder.rows import quiet_ones, unseen, write_contacts, write_turns
from bot.referrals import missed_calls
from bot.store import keys
from bot.store.ciphers import Ciphers, Unreadable
from bot.store.journal import Entry, NewerSchema, unpack_entry
from bot.store.models import Contact, ShardPosition

BATCH = 200
TRIES = 3

Raw = list[tuple[bytes, dict[bytes, bytes]]]

log = structlog.get_logger(__name__)


Wake = Callable[[str, Sequence[str]], object]
Refill = Callable[[str, Contact], object]


def nothing(*_: Any) -> None:
    """No jobs to wake, nobody to tell: the sweep finds what is due."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What recording needs. `reasons`: what the codes of each gateway mean.

    `wake(job, ids)` and `refill(digest, contact)` are called after the commit only.
    """

    redis: redis.Redis
    ciphers: Ciphers
    settings: Settings
    reasons: Reasons
    wake: Wake = nothing
    refill: Refill = nothing


@dataclass(slots=True)
class _Item:
    """One stream entry; `entry` is None where it can't be read, and `error` says why."""

    id: str
    field: bytes
    entry: Entry | None = None
    error: Exception | None = None


@dataclass(slots=True)
class _Read:
    items: list[_Item] = field(default_factory=list)
    newer: bool = False


def record_shard(recording: Recording, connection: Connection, shard: int, *, raw: Raw | None = None) -> int:
    """Record what a shard's journal holds, up to 200 entries; returns how many are now recorded and deleted.

    The caller holds the shard. Raises NewerSchema once the entries before the newer one are recorded, and
    whatever `faults.transient` tells: then nothing of this batch was written and the same batch comes again.
    """
    journal = keys.journal(shard)
    if raw is None:
        raw = cast("Raw", recording.redis.xrange(journal, count=BATCH))
    read = _read(raw, recording.ciphers)
    if read.items:
        work = _write(recording, connection, shard, read.items)
        _wake(recording, work)
        recording.redis.xdel(journal, *(item.id for item in read.items))
    if read.newer:
        raise NewerSchema(f"shard {shard}: the journal was written by a newer release; upgrade this recorder")
    return len(read.items)


def _read(raw: Raw, ciphers: Ciphers) -> _Read:
    read = _Read()
    for stream_id, fields in raw:
        item = _Item(stream_id.decode(), fields.get(b"e", b""))
        try:
            item.entry = unpack_entry(item.field, ciphers)
        except NewerSchema:
            read.newer = True
            return read
        except (Unreadable, msgspec.MsgspecError) as error:
            item.error = error
        read.items.append(item)
    return read


def _write(recording: Recording, connection: Connection, shard: int, items: list[_Item]) -> Work:
    if all(item.entry for item in items):
        try:
            return _transaction(recording, connection, shard, items, together=True)
        except Exception as error:
            if transient(error):
                raise
            log.warning("batch_not_recorded", shard=shard, error=type(error).__name__, entries=len(items))
    return _transaction(recording, connection, shard, items, together=False)


def _transaction(
    recording: Recording, connection: Connection, shard: int, items: list[_Item], *, together: bool
) -> Work:
    with Session(connection, expire_on_commit=False) as session, session.begin():
        work = Work()
        if together:
            work = _entries(session, recording, [item.entry for item in items if item.entry])
        else:
            for item in items:
                _one(session, recording, shard, item, work)
        position = pg_insert(ShardPosition).values(shard=shard, last_id=items[-1].id)
        session.execute(
            position.on_conflict_do_update(
                index_elements=["shard"], set_={"last_id": position.excluded.last_id, "at": position.excluded.at}
            )
        )
    return work


def _entries(session: Session, recording: Recording, entries: list[Entry]) -> Work:
    work = Work()
    watch(session, work)
    fresh = unseen(session, entries)
    contacts, work.forgotten = write_contacts(session, fresh, recording.ciphers)
    write_turns(session, fresh, contacts, quiet=quiet_ones(session, contacts))
    rang = missed_calls.rang(session, set(contacts.values()))
    for entry in fresh:
        carry_out(
            session,
            entry,
            contact_id=contacts.get(entry.digest),
            ciphers=recording.ciphers,
            settings=recording.settings,
            reasons=recording.reasons,
            rang=rang,
        )
    return work


def _one(session: Session, recording: Recording, shard: int, item: _Item, work: Work) -> None:
    """One entry behind a savepoint of its own; after the third failure it is set aside, whole."""
    error = item.error
    if item.entry:
        for _ in range(TRIES):
            try:
                with session.begin_nested():
                    done = _entries(session, recording, [item.entry])
            except Exception as caught:
                if transient(caught):
                    raise
                error = caught
            else:
                work.add(done)
                return
    if error:
        aside = quarantine.Aside(shard, item.id, item.field, item.entry, error)
        work.add(quarantine.set_aside(session, aside, redis=recording.redis, ciphers=recording.ciphers))


def _wake(recording: Recording, work: Work) -> None:
    """Never fails: what is not woken is found by the sweep, what is not refilled is asked again."""
    try:
        if work.referrals:
            recording.wake("climb", list(dict.fromkeys(work.referrals)))
        if work.messages:
            recording.wake("send_messages", list(dict.fromkeys(work.messages)))
        if work.recordings:
            recording.wake("fetch_recordings", list(dict.fromkeys(work.recordings)))
        for contact in work.forgotten:
            recording.refill(contact.digest, contact)
    except Exception as error:  # noqa: BLE001 - the rows are committed: nothing here may hold up the journal
        log.warning("wake_failed", error=type(error).__name__)
