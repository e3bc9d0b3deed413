"""How the parts of the service do: one reading for /health, /metrics and the desk's page. Numbers and names of parts only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, cast

import redis
from redis import Redis
from rq import Worker
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.messages import Delivery
from bot.store import keys, pacing
from bot.store.ciphers import SHARDS
from bot.store.database import Database
from bot.store.models import Ladder, Message, Quarantined, Referral

CRITICAL_UNANSWERED_MINUTES = 30
CLOCK_SEEN = "clock:seen"  # in the job store: when a clock swept last, seconds since the epoch


class Stores(Protocol):
    """What is asked."""

    @property
    def database(self) -> Database:
        """PostgreSQL."""

    @property
    def redis_client(self) -> Redis:
        """The conversation store."""

    @property
    def queue_client(self) -> Redis:
        """The job store."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in the conversation store, by shard: turns for PostgreSQL, and answers on their way out."""

    journal: tuple[int, ...]
    answers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Messages of one kind whose hour has come."""

    kind: str
    count: int
    oldest_seconds: float


def conversations_answer(stores: Stores) -> bool:
    """Without the conversation store nobody is served."""
    return _answers(stores.redis_client)


def jobs_answer(stores: Stores) -> bool:
    """Without the job store everything goes on, seconds later."""
    return _answers(stores.queue_client)


def database_answers(stores: Stores) -> bool:
    """Without PostgreSQL people are served, and the journal grows."""
    try:
        with stores.database.transaction() as session:
            session.execute(text("select 1"))
    except SQLAlchemyError:
        return False
    return True


def backlog(stores: Stores) -> Backlog | None:
    """None while the conversation store is away."""
    pipeline = stores.redis_client.pipeline(transaction=False)
    for shard in range(SHARDS):
        pipeline.xlen(keys.journal(shard))
        pipeline.xlen(keys.answers(shard))
    try:
        lengths = pipeline.execute()
    except redis.RedisError:
        return None
    return Backlog(tuple(lengths[::2]), tuple(lengths[1::2]))


def gateways(stores: Stores) -> Mapping[str, pacing.Standing]:
    """How every gateway does that was ever handed a message; empty while the conversation store is away."""
    try:
        return pacing.standings(stores.redis_client)
    except redis.RedisError:
        return {}


def clock_seen(stores: Stores) -> datetime | None:
    """When a clock swept last; None: never, or the job store is away."""
    try:
        found = cast("bytes | None", stores.queue_client.get(CLOCK_SEEN))
    except redis.RedisError:
        return None
    return datetime.fromtimestamp(int(found), UTC) if found else None


def workers(stores: Stores) -> int:
    """Workers that the job store has heard of lately; 0 while it is away."""
    try:
        return len(Worker.all(connection=stores.queue_client))
    except redis.RedisError:
        return 0


def waiting(session: Session) -> list[Waiting]:
    """The outbox: what should have left by now, by kind."""
    oldest = func.extract("epoch", func.now() - func.min(Message.due_at))
    due = (Message.state == Delivery.QUEUED, Message.due_at <= func.now())
    rows = session.execute(select(Message.kind, func.count(), oldest).where(*due).group_by(Message.kind))
    return [Waiting(kind, count, float(age)) for kind, count, age in rows]


def ladders_late(session: Session) -> int:
    """Steps of the ladder overdue by a minute: no worker climbs."""
    late = Ladder.due_at < func.now() - text("interval '1 minute'")
    return session.scalar(select(func.count()).select_from(Ladder).where(late)) or 0


def quarantined(session: Session) -> int:
    """Journal entries that a human must look at."""
    return session.scalar(select(func.count()).select_from(Quarantined)) or 0


def critical_unanswered(session: Session) -> int:
    """Critical referrals that nobody took for half an hour: red (safety 17)."""
    query = select(func.count()).where(
        Referral.state == "new",
        Referral.level == "critical",
        Referral.opened_at < func.now() - text(f"interval '{CRITICAL_UNANSWERED_MINUTES} minutes'"),
    )
    return session.scalar(query) or 0


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
