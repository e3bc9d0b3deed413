"""Send the answers that wait in a shard of the conversation store; PostgreSQL is not needed for it.

An answer is sent under its claim, which is kept a day: nobody sends it twice. Its end is one transaction: what
became of it goes to the journal, the entry leaves the stream. The value of a claim is `s<ms>` while somebody sends,
`r<ms>:<tries>` while it waits for another try not before that moment.
"""

import time
from collections import defaultdict
from concurrent.futures import wait
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import msgspec
import structlog
from redis.exceptions import RedisError

from bot.engine.effects import AnswerSent
from bot.errors import SendError
from bot.gate import Withheld
from bot.jobs.services import Services
from bot.messages import Button, Channel, Delivery, Outbound
from bot.store import keys
from bot.store.ciphers import Unreadable
from bot.store.journal import Answer, Entry, NewerSchema, pack_entry, unpack_answer

log = structlog.get_logger(__name__)

MOST = 200  # entries of one run
CLAIM_KEPT = 86_400  # seconds
SENDING_FOR = 60_000  # milliseconds after which whoever claimed an answer is taken for dead
TOO_OLD = 2 * 3600 * 1000  # milliseconds: an answer to a question of this morning confuses
SLOWEST = 60.0  # seconds between two tries
# take a claim over only from the value that was read, so that two workers never both do
_TAKE = (
    "if redis.call('GET',KEYS[1])==ARGV[1] then redis.call('SET',KEYS[1],ARGV[2],'EX',ARGV[3]) return 1 end return 0"
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One entry of the answers stream."""

    shard: int
    entry_id: bytes
    answer: Answer


@dataclass(frozen=True, slots=True)
class Claim:
    """What holding an answer means: `tries` made before; `lost`: whoever held it died in the middle."""

    tries: int = 0
    lost: bool = False


def send_waiting(services: Services, shard: int, *, now: float | None = None) -> int:
    """Send what waits; answers of one address in order, of different ones at once. Returns how many are settled.

    `now` is seconds since the epoch. The conversation store being away is logged: the clock comes back.
    """
    try:
        found = services.conversations.xrange(keys.answers(shard), count=MOST)
    except RedisError as error:
        log.warning("conversation_store_away", job="send_answers", error=type(error).__name__)
        return 0
    rows: dict[str, list[Waiting]] = defaultdict(list)
    for entry_id, fields in cast(list[tuple[bytes, dict[bytes, bytes]]], found):
        answer = _read(services, shard, entry_id, fields)
        if answer is not None:
            rows[answer.digest].append(Waiting(shard, entry_id, answer))
    running = [services.senders.submit(_send_in_order, services, row, now) for row in rows.values()]
    wait(running)
    return sum(done.result() for done in running)


def _read(services: Services, shard: int, entry_id: bytes, fields: dict[bytes, bytes]) -> Answer | None:
    try:
        return unpack_answer(fields[b"e"], services.ciphers)
    except NewerSchema:
        log.warning("answer_of_newer_release", shard=shard)
        return None
    except (Unreadable, KeyError, msgspec.MsgspecError):
        # Nothing tells whom it was for; kept back it would be read again for ever.
        log.error("answer_unreadable", shard=shard, entry=entry_id.decode())  # noqa: TRY400
        services.conversations.xdel(keys.answers(shard), entry_id)
        return None


def _send_in_order(services: Services, row: list[Waiting], now: float | None) -> int:
    """All answers of one address; stops at the first that must wait, for the next one must not overtake it."""
    settled = 0
    try:
        for waiting in row:
            if not _send_one(services, waiting, at=time.time() if now is None else now):
                break
            settled += 1
    except RedisError as error:
        log.warning("conversation_store_away", job="send_answers", error=type(error).__name__)
    return settled


def _send_one(services: Services, waiting: Waiting, *, at: float) -> bool:
    """True once it is settled, one way or another."""
    answer, ms = waiting.answer, round(at * 1000)
    claim = _claim(services, waiting, ms)
    if claim is None:
        return False
    if claim.lost:
        _settle(services, waiting, Delivery.UNKNOWN, reason="lost", ms=ms)
        return True
    if ms - answer.at > TOO_OLD:
        _settle(services, waiting, Delivery.EXPIRED, reason="too_old", ms=ms)
        return True
    try:
        sent = services.gate.send(
            _outbound(services, answer), "answer", gateway=answer.gateway, now=datetime.fromtimestamp(at, UTC)
        )
    except Withheld as error:
        _settle(services, waiting, Delivery.WITHHELD, reason=error.reason, ms=ms)
    except SendError as error:
        if error.retryable:
            _put_off(services, waiting, claim, error, ms)
            return False
        state = Delivery.UNKNOWN if error.unknown else Delivery.FAILED
        _settle(services, waiting, state, reason=error.code, blocked=error.suppress, ms=ms)
    except Exception as error:
        # A fault of ours in a gateway module: nobody knows whether it left, so it is not repeated.
        log.exception("send_crashed", message=answer.id.hex())
        _settle(services, waiting, Delivery.UNKNOWN, reason=type(error).__name__, ms=ms)
    else:
        _settle(services, waiting, Delivery.SENT, external_id=sent.external_id, parts=sent.parts, ms=ms)
    return True


def _claim(services: Services, waiting: Waiting, ms: int) -> Claim | None:
    """Hold this answer, or None: somebody else does, or it waits for its next try."""
    key, client = keys.claim(waiting.shard, waiting.answer.id), services.conversations
    if client.set(key, f"s{ms}", nx=True, ex=CLAIM_KEPT):
        # The claim may be new and the entry old: whoever settled it a moment ago took both away in one go.
        return Claim() if client.xrange(keys.answers(waiting.shard), waiting.entry_id, waiting.entry_id) else None
    held = cast(bytes | None, client.get(key))
    if held is None:
        return None
    since, _, tries = held[1:].partition(b":")
    sending = held[:1] == b"s"
    if ms < int(since) + (SENDING_FOR if sending else 0):
        return None
    if not client.eval(_TAKE, 1, key, held, f"s{ms}", CLAIM_KEPT):
        return None
    if not client.xrange(keys.answers(waiting.shard), waiting.entry_id, waiting.entry_id):
        return None
    return Claim(lost=True) if sending else Claim(tries=int(tries))


def _put_off(services: Services, waiting: Waiting, claim: Claim, error: SendError, ms: int) -> None:
    """The gateway did not take it and sending again can't send twice: later, with growing pauses."""
    pause = max(min(2.0 ** (claim.tries + 1), SLOWEST), error.retry_after or 0.0)
    value = f"r{ms + round(pause * 1000)}:{claim.tries + 1}"
    services.conversations.set(keys.claim(waiting.shard, waiting.answer.id), value, ex=CLAIM_KEPT)
    log.info("answer_put_off", message=waiting.answer.id.hex(), reason=error.code, tries=claim.tries + 1)


def _settle(
    services: Services,
    waiting: Waiting,
    state: Delivery,
    *,
    reason: str = "",
    external_id: str = "",
    parts: int = 0,
    blocked: bool = False,
    ms: int,
) -> None:
    """Journal and stream in one transaction: the history never lacks what left, the stream never keeps it."""
    answer, ciphers = waiting.answer, services.ciphers
    message_id = answer.id.hex()
    sent = AnswerSent(
        message=message_id,
        channel=answer.channel,
        gateway=answer.gateway,
        state=state.value,
        reason=reason,
        external_id=external_id,
        parts=parts,
        text=ciphers.encrypt(answer.text.encode(), f"messages|{message_id}|text".encode()),
        blocked=blocked,
    )
    # The answer's own id: an entry written twice is recorded once.
    entry = Entry(
        turn=answer.id,
        kind="sent",
        at=ms,
        gateway=answer.gateway,
        channel=answer.channel,
        digest=answer.digest,
        effects=(sent,),
    )
    with services.conversations.pipeline(transaction=True) as together:
        together.xadd(keys.journal(waiting.shard), {"e": pack_entry(entry, ciphers)})
        together.xdel(keys.answers(waiting.shard), waiting.entry_id)
        together.execute()


def _outbound(services: Services, answer: Answer) -> Outbound:
    buttons = tuple(Button(payload, title) for payload, title in answer.buttons)
    report_to = f"{services.settings.base_url}/hooks/{answer.gateway}/status"
    return Outbound(answer.id.hex(), Channel(answer.channel), answer.number, answer.text, buttons, report_to)
