"""The clock: every few seconds it wakes the sweeps that find what a lost wake-up left. It decides nothing itself.

Several clocks do no harm, for a wake-up only makes a job look; due times are compared by the database's clock.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from sqlalchemy.exc import SQLAlchemyError

from bot.cases import milestones
from bot.condition import CLOCK_SEEN
from bot.config import Settings
from bot.data import runs, tokens
from bot.referrals import sealing
from bot.store import keys, partitions
from bot.store.ciphers import SHARDS, Ciphers
from bot.store.database import Database
from bot.store.deliveries import drop_old_reports
from bot.store.recordings import forget_old
from bot.store.tickets import MARKED, mark_taken
from bot.stores.clients import store_client
from bot.waking import queue_on, wake

log = structlog.get_logger(__name__)

SWEEP = 5.0  # seconds
HOURLY = 3600.0
OUTREACH = 300.0  # stage news waits for half an hour, all else for a day: nothing of it is in a hurry
SOON = 30.0
SEEN_KEPT = 7 * 86_400  # seconds
CROWDED = 500  # wake-ups already waiting: more would help nobody


def run(settings: Settings, *, stop: threading.Event | None = None) -> None:
    """Sweep until told to stop (SIGTERM, SIGINT, or `stop`); outlives every store being away."""
    stop = stop or _on_signal()
    database = Database.of(settings, pool_size=2)
    conversations = store_client(settings.redis_url, timeout=2.0)
    queue_client = store_client(settings.queue_url, timeout=2.0)
    queue = queue_on(queue_client)

    def hourly() -> Iterator[bool]:
        wake(queue, "warn_of_gaps")
        yield look_after(database, conversations, months=settings.turn_months)
        yield seal_left(database, Ciphers.of(settings))
        yield count_milestones(database, settings.timezone)

    slow = threading.Thread(
        target=_repeat,
        args=(stop, HOURLY, lambda: all(hourly())),
        name="hourly",
        daemon=True,  # a database that hangs must not keep the clock from stopping
    )
    slow.start()
    marking = threading.Thread(
        target=_repeat, args=(stop, SWEEP, lambda: mark_lost(database, conversations)), name="marking", daemon=True
    )
    marking.start()
    outreach = threading.Thread(
        target=_repeat, args=(stop, OUTREACH, lambda: reach_out(queue)), name="outreach", daemon=True
    )
    outreach.start()
    log.info("clock_started", every=SWEEP)
    _repeat(stop, SWEEP, lambda: sweep(queue, conversations))
    slow.join(timeout=2)
    marking.join(timeout=2)
    outreach.join(timeout=2)
    for client in (conversations, queue_client):
        client.close()
    database.close()


def sweep(queue: Queue, conversations: Redis) -> bool:
    """Wake the ladder, the outbox, and every shard with waiting answers; False where the job store takes no more."""
    _be_seen(queue)
    if _crowded(queue):
        return False
    wake(queue, "climb")
    wake(queue, "send_messages")
    wake(queue, "fetch_recordings")
    wake(queue, "broadcast")
    for shard in waiting_shards(conversations):
        wake(queue, "send_answers", shard)
    return True


def reach_out(queue: Queue) -> bool:
    """Wake what we do unasked (bot/jobs/outreach.py); False where the job store takes no more."""
    if _crowded(queue):
        return False
    wake(queue, "reach_out")
    return True


def _be_seen(queue: Queue) -> None:
    """The service page tells when a clock swept last."""
    try:
        queue.connection.set(CLOCK_SEEN, int(datetime.now(UTC).timestamp()), ex=SEEN_KEPT)
    except RedisError as error:
        log.warning("job_store_away", error=type(error).__name__)


def waiting_shards(conversations: Redis) -> list[int]:
    """Shards with answers on their way out; none while the conversation store is away."""
    try:
        with conversations.pipeline(transaction=False) as asked:
            for shard in range(SHARDS):
                asked.xlen(keys.answers(shard))
            return [shard for shard, length in enumerate(asked.execute()) if length]
    except RedisError as error:
        log.warning("conversation_store_away", job="clock", error=type(error).__name__)
        return []


def look_after(database: Database, conversations: Redis, *, months: int) -> bool:
    """Tomorrow's tables today, yesterday's dropped, ticket numbers marked; False while a store is away."""
    today = datetime.now(UTC).date()
    try:
        for name in partitions.ensure(database, today=today):
            log.info("partition_made", table=name)
        for name in partitions.drop_old(database, today=today, turn_months=months):
            log.info("partition_dropped", table=name)
        dropped = drop_old_reports(database)
        if dropped:
            log.info("reports_dropped", rows=dropped)
        tokens.forget_answers(database, datetime.now(UTC))
        left = runs.forget_old(database, datetime.now(UTC))
        if left:
            log.info("imports_forgotten", imports=left)
        forgotten = forget_old(database)
        if forgotten:
            log.info("recordings_deleted", rows=forgotten)
        _mark(database, conversations)
    except (SQLAlchemyError, RedisError) as error:
        log.warning("store_away", job="hourly", error=type(error).__name__)
        return False
    return True


def seal_left(database: Database, ciphers: Ciphers) -> bool:
    """What a step left readable of a sealed request is sealed; False while the database is away."""
    try:
        left = sealing.seal_left(database, ciphers)
    except SQLAlchemyError as error:
        log.warning("store_away", job="hourly", error=type(error).__name__)
        return False
    if left:
        log.info("requests_sealed", requests=left)
    return True


def count_milestones(database: Database, zone: str) -> bool:
    """How long each stage takes is counted anew; False while the database is away."""
    try:
        milestones.count_stage_times(database, zone=zone)
    except SQLAlchemyError as error:
        log.warning("store_away", job="hourly", error=type(error).__name__)
        return False
    return True


def mark_lost(database: Database, conversations: Redis) -> bool:
    """Seconds after the conversation store lost its memory every number in use is marked; False while one is away.

    Until then a number could be shown that names somebody else's referral.
    """
    try:
        if not conversations.exists(MARKED):
            _mark(database, conversations)
    except (SQLAlchemyError, RedisError) as error:
        log.warning("store_away", job="marking", error=type(error).__name__)
        return False
    return True


def _mark(database: Database, conversations: Redis) -> None:
    missing = mark_taken(database, conversations)
    if missing:
        log.warning("ticket_numbers_marked_again", numbers=missing)


def _crowded(queue: Queue) -> bool:
    try:
        return queue.count > CROWDED
    except RedisError as error:
        log.warning("job_store_away", error=type(error).__name__)
        return True


def _repeat(stop: threading.Event, seconds: float, work: Callable[[], bool]) -> None:
    """Now, then every so many seconds, sooner where it did not work. A fault is logged and the next time comes."""
    while True:
        worked = False
        try:
            worked = work()
        except Exception:
            log.exception("clock_fault")
        if stop.wait(seconds if worked else min(seconds, SOON)):
            return


def _on_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
