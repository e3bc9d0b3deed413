"""What the worker runs when rq wakes it. Arguments are ids and shard numbers; rows and streams are the truth.

Every job may run twice, at once, or never: what is due stays due, and the clock wakes it again.

In a worker alerts, other rows of PostgreSQL and the answers of the conversation store have a thread and senders each:
neither a database that hangs nor a slow gateway holds up the others, many wake-ups make one run, and each thread also
looks by itself, so that messages leave without the job store.
"""

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import TypeVar

import structlog
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.config import Settings
from bot.jobs import answers, broadcasts, community, imports, missed, outreach, recordings, rows, staff_turns
from bot.jobs.handing import SENDERS
from bot.jobs.lane import Lane
from bot.jobs.services import Services
from bot.kinds import TO_STAFF, Kind
from bot.referrals import gaps, ladder
from bot.store.ciphers import SHARDS
from bot.waking import heard, wake

log = structlog.get_logger(__name__)

PAUSE = 2.0  # seconds before the worker asks again for a job store that is away
LOOK = 5.0  # seconds after which rows and answers are looked at unasked
REACH = 300.0  # seconds after which a lane looks for what we do unasked
HOUR = 3600.0
LAST_RUN = 12.0  # seconds a run may still take when the worker ends; longer than a gateway's time-out
_services: Services | None = None
_lanes: dict[str, Lane] = {}  # by what they do; none outside a worker
_woken: SimpleQueue[int] = SimpleQueue()  # shards with answers on their way
T = TypeVar("T")


def climb(*_ids: str) -> None:
    """Take every due step of every ladder, then send what that made. The ids only say why."""
    heard(_running().queue, "climb")
    if _left_to("telling"):
        return
    services = _running()
    if _climb(services):
        wake(services.queue, "send_messages")


def send_messages(*_ids: str) -> None:
    """Send every due message of the outbox; wakes the ladder where an alert did not leave."""
    heard(_running().queue, "send_messages")
    if _left_to("telling", "pushing"):
        return
    services = _running()
    _tell_conversations(services)
    work = _send(services)
    if work is not None and work.climb:
        wake(services.queue, "climb")
    if work is not None and work.more:
        wake(services.queue, "send_messages")


def fetch_recordings(*_ids: str) -> None:
    """Fetch the sound of voice notes that wait for it; a lane of its own, for a gateway may take long to give it out."""
    heard(_running().queue, "fetch_recordings")
    if _left_to("fetching"):
        return
    services = _running()
    if _fetch(services):
        wake(services.queue, "fetch_recordings")


def broadcast(*_ids: str) -> None:
    """Plan broadcasts that were let go, and give their messages their turns; a lane of its own, which waits for each."""
    if _left_to("announcing"):
        return
    services = _running()
    turns = _unless_away("broadcast", lambda: broadcasts.step(services, now=datetime.now(UTC)))
    if turns is not None and turns.released:
        wake(services.queue, "send_messages")


def work_on_imports(*_ids: str) -> None:
    """Check, run and undo the files of cases that the desk ordered; a lane of its own, for one takes a minute."""
    if _left_to("importing"):
        return
    while _import(_running()):
        pass


def reach_out(*_ids: str) -> None:
    """What we tell unasked: stage news, late files, check-ins, silent phones, new numbers, a place that came free.

    A lane of its own, for a round takes seconds where many files move.
    """
    if _left_to("reaching_out"):
        return
    _reach_out(_running())


def warn_of_gaps(*_ids: str) -> None:
    """Tell whoever plans a rota of its coming gaps; each is told once, however often this runs."""
    if _left_to("warning"):
        return
    _warn(_running())


def send_answers(shard: int) -> None:
    """Send the answers that wait in one shard of the conversation store."""
    if _lanes:
        _woken.put(int(shard))
    if _left_to("answering"):
        return
    answers.send_waiting(_running(), [int(shard)])


def run_worker(settings: Settings) -> None:
    """Work until told to stop; a job store that is away is asked again."""
    use(Services.of(settings))
    services = _running()
    with (
        ThreadPoolExecutor(SENDERS, thread_name_prefix="teller") as tellers,
        ThreadPoolExecutor(SENDERS, thread_name_prefix="pusher") as pushers,
    ):
        _work(services, replace(services, senders=tellers), replace(services, senders=pushers))
    services.close()


def _work(services: Services, of_alerts: Services, of_pushes: Services) -> None:
    """Jobs in this thread; alerts, pushes, answers, broadcasts … in one each, until told to stop."""
    _lanes.update(
        telling=Lane(lambda: _look(of_alerts), every=LOOK),
        pushing=Lane(lambda: _push(of_pushes), every=LOOK),
        answering=Lane(lambda: _answer(services), every=LOOK),
        fetching=Lane(lambda: bool(_fetch(of_pushes)), every=LOOK),
        looking_back=Lane(lambda: bool(_look_back(of_pushes)), every=services.settings.twilio_look_back),
        announcing=Lane(lambda: bool(_announce(of_pushes)), every=LOOK),
        importing=Lane(lambda: bool(_import(services)), every=LOOK),
        reaching_out=Lane(lambda: _reach_out(services), every=REACH),
        warning=Lane(lambda: _warn(services), every=HOUR),
    )
    for lane in _lanes.values():
        lane.start()
    _hear(services)
    for lane in _lanes.values():
        lane.stop(0)  # all are told before anybody is waited for; breaking off the others loses nothing
    until = time.monotonic() + LAST_RUN
    for name in ("answering", "telling", "pushing"):
        _lanes[name].stop(max(0.0, until - time.monotonic()))
    _lanes.clear()


def _hear(services: Services) -> None:
    """Take wake-ups from the job store until told to stop."""
    while True:
        try:
            worker = SimpleWorker(
                [services.queue], connection=services.queue.connection, serializer=JSONSerializer, worker_ttl=60
            )
            worker.work(logging_level="WARNING")
        except (RedisError, OSError) as error:
            log.warning("job_store_away", error=type(error).__name__)
            time.sleep(PAUSE)
        else:
            return


def _left_to(*names: str) -> bool:
    """Wake these lanes; False where this process has none, so that the caller does the work itself."""
    if not _lanes:
        return False
    for name in names:
        _lanes[name].wake()
    return True


def use(services: Services | None) -> None:
    """What the jobs of this process work with; built once, by `run_worker` or a test."""
    global _services  # noqa: PLW0603  # rq calls functions by name and hands them ids only
    _services = services


def _running() -> Services:
    if _services is None:
        raise RuntimeError("the jobs of this process have no services; start them with `maraba worker`")
    return _services


def _look(services: Services) -> bool:
    """Climb, then tell staff; True where there is more to do at once."""
    _climb(services)
    work = _send(services, TO_STAFF)
    return work is not None and (work.climb or work.more)


def _push(services: Services) -> bool:
    """Tell the conversation store what staff decided, then send to people; True where time ran out."""
    _tell_conversations(services)
    work = _send(services, frozenset(Kind) - TO_STAFF)
    return work is not None and work.more


def _answer(services: Services) -> bool:
    """Send what waits in the shards that were named, or, unasked, in all; True where time ran out."""
    shards = set()
    while True:
        try:
            shards.add(_woken.get_nowait())
        except Empty:
            break
    started = time.monotonic()
    answers.send_waiting(services, shards or range(SHARDS))
    return time.monotonic() - started > answers.LONGEST_RUN


def _climb(services: Services) -> list[str] | None:
    return _unless_away(
        "climb", lambda: ladder.climb(services.database, settings=services.settings, ciphers=services.ciphers)
    )


def _send(services: Services, kinds: Collection[Kind] = tuple(Kind)) -> rows.Work | None:
    return _unless_away("send_messages", lambda: rows.send_due(services, kinds=kinds))


def _tell_conversations(services: Services) -> int | None:
    return _unless_away("tell_conversations", lambda: staff_turns.tell_conversations(services))


def _fetch(services: Services) -> bool | None:
    return _unless_away("fetch_recordings", lambda: recordings.fetch_due(services))


def _announce(services: Services) -> bool | None:
    return _unless_away("broadcast", lambda: broadcasts.serve(services, sent=_push_now))


def _push_now() -> None:
    _left_to("pushing")


def _look_back(services: Services) -> int | None:
    return _unless_away("look_back", lambda: missed.look_back(services))


def _import(services: Services) -> bool | None:
    return _unless_away("work_on_imports", lambda: imports.work(services))


def _reach_out(services: Services) -> bool:
    found = _unless_away("reach_out", lambda: outreach.reach_out(services))
    if _unless_away("tell_places", lambda: community.tell_places(services)) or found:
        wake(services.queue, "send_messages")
    return False  # what is left comes with the next round: nothing of it is in a hurry


def _warn(services: Services) -> bool:
    settings, ciphers = services.settings, services.ciphers
    now = datetime.now(UTC)
    if _unless_away("warn_of_gaps", lambda: gaps.warn(services.database, now=now, settings=settings, ciphers=ciphers)):
        wake(services.queue, "send_messages")
    return False


def _unless_away(job: str, work: Callable[[], T]) -> T | None:
    """Run it; PostgreSQL being away is no fault of the job: the rows wait, and the clock comes back."""
    try:
        return work()
    except (OperationalError, PoolTimeout) as error:
        log.warning("database_away", job=job, error=type(error).__name__)
        return None
