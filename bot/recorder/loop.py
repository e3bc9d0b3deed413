"""The recorder process: hold shards, wait for entries, record them, and outlive every store it speaks to."""

import signal
import threading
import time
from types import FrameType
from typing import cast

import redis
import structlog
from sqlalchemy import Connection, text

from bot.config import Settings
from bot.recorder.batch import BATCH, Raw, Recording, Refill, Wake, record_shard
from bot.recorder.faults import transient
from bot.recorder.shards import Shares
from bot.store import keys
from bot.store.ciphers import SHARDS, Ciphers
from bot.store.conversations import Conversations
from bot.store.database import Database
from bot.store.journal import NewerSchema
from bot.store.models import Contact
from bot.store.wire import Wire
from bot.stores.clients import store_client
from bot.waking import wake as wake_job
from handlers import registry

BLOCK = 1000  # milliseconds one read waits for entries
PAUSES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)  # seconds, growing while an error lasts

log = structlog.get_logger(__name__)


class Recorder:
    """Serves until `stop`. Several may run, on one machine or many; they share the shards evenly."""

    def __init__(self, recording: Recording, database: Database) -> None:
        self._recording = recording
        self._database = database
        self._stopping = threading.Event()
        self._failures = 0

    def stop(self) -> None:
        """Finish the batch in hand, then return from `serve`."""
        self._stopping.set()

    def serve(self) -> None:
        """Record until stopped. Errors that pass are waited out, with growing pauses; others end the process."""
        while not self._stopping.is_set():
            try:
                with self._database.engine.connect() as connection:
                    connection.detach()  # closing it gives every lock back; a pooled one would keep them
                    self._hold(connection)
            except Exception as error:
                if not transient(error) and not isinstance(error, redis.RedisError):
                    raise
                self._wait(error)

    def _hold(self, connection: Connection) -> None:
        with connection.begin():
            # A lock held by somebody else is waited out by trying again, so that other shards go on meanwhile.
            connection.execute(text("set lock_timeout = '5s'"))
        shares, balance_at = Shares(connection), 0.0
        while not self._stopping.is_set():
            if time.monotonic() >= balance_at:
                shares.balance()
                balance_at = time.monotonic() + 1
            if not shares.held:
                self._stopping.wait(0.5)
                continue
            for shard, raw in self._read(shares.held):
                self._record(connection, shares, shard, raw)

    def _read(self, held: set[int]) -> list[tuple[int, Raw]]:
        """What the held shards have, at once if there is anything: recorded entries are deleted, so 0 is the start."""
        shards = {keys.journal(shard).encode(): shard for shard in sorted(held)}
        found = self._recording.redis.xread(dict.fromkeys(shards, b"0"), count=BATCH, block=BLOCK)
        pairs = cast("list[tuple[bytes, Raw]]", list(found.items()) if isinstance(found, dict) else found or [])
        return [(shards[key], entries) for key, entries in pairs]

    def _record(self, connection: Connection, shares: Shares, shard: int, raw: Raw) -> None:
        try:
            record_shard(self._recording, connection, shard, raw=raw)
        except NewerSchema:
            log.error(  # noqa: TRY400 - no fault of ours, no trace
                "shard_needs_newer_recorder", shard=shard, remedy="upgrade this recorder; nothing is lost"
            )
            shares.refuse(shard)
        self._failures = 0

    def _wait(self, error: Exception) -> None:
        pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
        self._failures += 1
        log.warning("recorder_waits", error=type(error).__name__, seconds=pause, failures=self._failures)
        self._stopping.wait(pause)


def run(settings: Settings, *, wake: Wake | None = None, refill: Refill | None = None) -> None:
    """The recorder process, until SIGTERM or SIGINT.

    `wake(job, ids)` is told which rows became due (`climb`: referral ids, `send_messages`: message ids), by
    default through the job store;
    `refill(digest, contact)` gives the conversation store what PostgreSQL knows of an address that it forgot, by
    default through its own commit.
    """
    database = Database.of(settings, pool_size=1)
    client = store_client(settings.redis_url, timeout=BLOCK / 1000 + 4)
    recording = Recording(
        client,
        Ciphers.of(settings),
        settings,
        reasons={name: gateway.reasons for name, gateway in registry.build(settings, settings.gateways).items()},
        wake=wake or _waking(settings),
        refill=refill or _refilling(settings),
    )
    recorder = Recorder(recording, database)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        recorder.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("recorder_started")
    recorder.serve()
    client.close()
    database.close()
    log.info("recorder_stopped")


def _waking(settings: Settings) -> Wake:
    queue = store_client(settings.queue_url, timeout=1.0, connect_timeout=1.0)
    return lambda name, ids: wake_job(queue, name, *ids)


def _refilling(settings: Settings) -> Refill:
    store = Conversations(Wire(settings.redis_url, timeout=1.0), Ciphers.of(settings))

    def refill(digest: str, contact: Contact) -> None:
        store.refill(
            digest,
            language=contact.language or "",
            consent=contact.consent or "",
            stopped=tuple(contact.stopped),
            texts=contact.texts or "",
        )

    return refill


def backlog(client: redis.Redis) -> dict[int, int]:
    """Entries that PostgreSQL does not have yet, by shard."""
    pipeline = client.pipeline(transaction=False)
    for shard in range(SHARDS):
        pipeline.xlen(keys.journal(shard))
    return dict(enumerate(pipeline.execute()))
