"""Look through a gateway's own list for messages whose hook we failed: it brings them to us no other way.

Every message found is an ordinary turn, and its turn id is that of the hook: what was handled gives nothing new, and a
crash in the middle only means that the same list is read again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import cast

import structlog
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from bot.cases.lookups import Lookups
from bot.content.screens import content_of
from bot.conversation import Conversation
from bot.errors import SendError, StoreDown
from bot.events import opt_out_id
from bot.gateway import Remembers
from bot.jobs.services import Services
from bot.messages import Inbound
from bot.store import keys
from bot.store.attempts import Attempts
from bot.store.conversations import Conversations
from bot.store.models import GatewayCheck, TurnSeen
from bot.store.wire import Wire
from bot.waking import wake

log = structlog.get_logger(__name__)

OVERLAP = timedelta(minutes=10)  # a list may lag behind, and clocks differ
FIRST = timedelta(hours=1)  # how far the very first look goes
FARTHEST = timedelta(hours=24)  # half of the time for which a handled message is marked: none is ever run again
SOONEST = 0.9  # of the time between two looks: when another worker looked later than that, it is done


def look_back(services: Services, *, now: datetime | None = None) -> int:
    """Run what no hook brought, of every gateway that remembers; how many messages it was.

    Raises what SQLAlchemy raises when PostgreSQL is away; any other store or a gateway being away is logged.
    """
    at = now or datetime.now(UTC)
    found = [cast(object, gateway) for gateway in services.gateways.values()]
    return sum(_look(services, gateway, at) for gateway in found if isinstance(gateway, Remembers))


def _look(services: Services, gateway: Remembers, now: datetime) -> int:
    """One gateway. What was looked through moves on only after everything found was run."""
    through = _looked_through(services, gateway.name)
    if through is not None and now - through < SOONEST * timedelta(seconds=services.settings.twilio_look_back):
        return 0
    since = max(through - OVERLAP, now - FARTHEST) if through is not None else now - FIRST
    try:
        unseen = _unseen(services, gateway.missed(since))
        if unseen and not _run(services, unseen):
            return 0
    except (SendError, StoreDown, RedisError) as error:
        reason = error.code if isinstance(error, SendError) else type(error).__name__
        log.warning("look_back_failed", gateway=gateway.name, reason=reason)
        return 0
    _move_on(services, gateway.name, through, now)
    return len(unseen)


def _unseen(services: Services, messages: Sequence[Inbound]) -> list[Inbound]:
    """Those that neither store knows, oldest first: an opt-out that the gateway told us of is handled as well."""
    places: list[tuple[int, bytes, bytes]] = []
    for message in messages:
        turn = services.ciphers.turn_id(message.gateway, message.external_id)
        opt_out = services.ciphers.turn_id(message.gateway, opt_out_id(message.external_id))
        places.append((services.ciphers.address(message.address).shard, turn, opt_out))
    with services.conversations.pipeline(transaction=False) as asked:
        for shard, turn, opt_out in places:
            asked.exists(keys.seen(shard, turn), keys.seen(shard, opt_out))
        marked = asked.execute() if places else []
    turns = [turn.hex() for _, turn, _ in places]
    with services.database.transaction() as session:
        recorded = set(session.scalars(select(TurnSeen.id).where(TurnSeen.id.in_(turns))))
    return [
        message
        for message, turn, mark in zip(messages, turns, marked, strict=True)
        if not mark and turn not in recorded
    ]


def _run(services: Services, unseen: Sequence[Inbound]) -> bool:
    """As if their hooks came now; False where one could not be handled, which keeps none of the others. StoreDown."""
    whole = True
    with _conversation(services) as conversation:
        for message in unseen:
            try:
                turned = conversation.turn(message, now=datetime.now(UTC))
            except StoreDown:
                raise
            except Exception:
                log.exception("missed_message_failed", gateway=message.gateway)
                whole = False
                continue
            if turned.answers:
                wake(services.queue, "send_answers", turned.shard)
    log.warning("missed_messages_run", gateway=unseen[0].gateway, count=len(unseen))
    return whole


@contextmanager
def _conversation(services: Services) -> Iterator[Conversation]:
    """Built when it is needed, which is after an outage, and given back."""
    settings = services.settings
    wire = Wire(settings.redis_url, timeout=settings.store_timeout)
    lookups = Lookups(
        services.database,
        Attempts(services.conversations, services.ciphers),
        services.ciphers,
        timeout=settings.lookup_timeout,
        threads=1,
        settings=settings,
    )
    try:
        store = Conversations(wire, services.ciphers)
        yield Conversation(content_of(settings), store, services.ciphers, lookups, journal_limit=settings.journal_limit)
    finally:
        lookups.close()
        wire.close()


def _looked_through(services: Services, gateway: str) -> datetime | None:
    with services.database.transaction() as session:
        return session.scalars(select(GatewayCheck.through).where(GatewayCheck.gateway == gateway)).one_or_none()


def _move_on(services: Services, gateway: str, before: datetime | None, now: datetime) -> None:
    """Forward, unless another worker was quicker."""
    row = insert(GatewayCheck).values(gateway=gateway, through=now)
    moved = row.on_conflict_do_update(
        index_elements=["gateway"], set_={"through": row.excluded.through}, where=GatewayCheck.through == before
    )
    with services.database.transaction() as session:
        session.execute(moved)
