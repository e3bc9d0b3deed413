"""Waking the workers: names and ids on the job store. What is woken, and what it does, is known in bot/jobs alone."""

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

log = structlog.get_logger(__name__)

QUEUE = "maraba"
WAKE_KEPT = 120  # seconds a wake-up waits for a worker; after that the sweep has long found the rows
JOB_TIMEOUT = 600
LOOKS_AT_ALL = frozenset({"climb", "send_messages", "fetch_recordings"})  # the ids of these only say why
WAITS = 1000  # milliseconds in which one wake-up stands for all that come before a worker hears it


def wake(queue: "Queue | Redis", name: str, *ids: object) -> None:
    """Say that there is work: `climb`, `send_messages` or `send_answers` (its shard). Never raises, never waits.

    Losing a wake-up loses nothing: the clock finds the same rows within seconds. Of what looks at all that is due, one
    wake-up waits at a time: fifty needs at once would else cost the worker the seconds in which it could tell them.
    """
    queue = queue_on(queue)
    try:
        if name in LOOKS_AT_ALL and not queue.connection.set(_mark(name), 1, nx=True, px=WAITS):
            return
        queue.enqueue_call(
            f"bot.jobs.{name}", args=list(ids), timeout=JOB_TIMEOUT, result_ttl=0, ttl=WAKE_KEPT, failure_ttl=3600
        )
    except RedisError as error:
        log.warning("wake_failed", job=name, error=type(error).__name__)


def heard(queue: Queue, name: str) -> None:
    """A worker begins: whatever is due from now on needs another wake-up. To be called before it looks."""
    try:
        queue.connection.delete(_mark(name))
    except RedisError as error:
        log.warning("job_store_away", job=name, error=type(error).__name__)


def _mark(name: str) -> str:
    return f"{QUEUE}:woken:{name}"


def queue_on(queue: "Queue | Redis") -> Queue:
    """The queue of the service on a job store; JSON, because a pickle is a program."""
    return queue if isinstance(queue, Queue) else Queue(QUEUE, connection=queue, serializer=JSONSerializer)
