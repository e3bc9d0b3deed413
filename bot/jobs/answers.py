"""Send the answers that wait in the conversation store; PostgreSQL is not needed for it.

An answer is sent under its claim, which is kept a day: nobody sends it twice. Its end is one script: what became of
it goes to the journal, the entry leaves the stream. Answers that must wait (another try, a paused gateway) are put on
this process's shelf, so that they hold back those of their own address only.
"""

import time
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec
import structlog
from redis.exceptions import RedisError

from bot.engine.effects import AnswerSent
from bot.errors import SendError
from bot.gate import UNKNOWN, Recipient, Withheld
from bot.jobs.addressing import person_now
from bot.jobs.claims import Again, Claims, Held, Taken, Waiting
from bot.jobs.handing import Appetite, in_hands
from bot.jobs.outcomes import pause
from bot.jobs.services import Services
from bot.kinds import RULES, Kind
from bot.messages import Button, Channel, Delivery, Outbound
from bot.store import keys
from bot.store.ciphers import Unreadable
from bot.store.journal import Answer, Entry, NewerSchema, pack_entry, unpack_answer

log = structlog.get_logger(__name__)

LONGEST_RUN = 5.0  # seconds after which a job lets others in
HANDED_WITHIN = 20.0  # seconds after its claim in which an answer must be handed over; else others may claim it
SLOWEST = 60.0  # seconds between two tries


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of an answer, for good."""

    held: Held
    state: Delivery
    reason: str = ""
    external_id: str = ""
    parts: int = 0
    cost: str = ""
    blocked: bool = False


def send_waiting(services: Services, shards: Collection[int], *, now: float | None = None) -> int:
    """Send what waits; answers of one address in order, of different ones at once. Returns how many are settled.

    `now` is seconds since the epoch. The conversation store being away is logged: the clock comes back.
    """
    appetite, started, settled = Appetite(), time.monotonic(), 0
    try:
        with services.shelves.lock:
            while time.monotonic() - started < LONGEST_RUN:
                taken = _take(services, shards, appetite.begin(), _ms(now))
                if not taken.rows:
                    break
                settled += _send_all(services, taken, now)
                appetite.end(sum(map(len, taken.rows)))
    except RedisError as error:
        log.warning("conversation_store_away", job="send_answers", error=type(error).__name__)
    return settled


def _ms(now: float | None) -> int:
    return round((time.time() if now is None else now) * 1000)


def _take(services: Services, shards: Collection[int], most: int, ms: int) -> Taken:
    """Hold up to about `most` answers of these shards; what can't be had goes on the shelf."""
    looks = {shard: services.shelves[shard].look(ms) for shard in shards}
    with services.conversations.pipeline(transaction=False) as asked:
        for shard, (due, read_on, _) in looks.items():
            for entry_id in due[:most]:
                asked.xrange(keys.answers(shard), entry_id, entry_id)
            asked.xrange(keys.answers(shard), read_on, count=most)
        found = iter(cast(list[list[tuple[bytes, dict[bytes, bytes]]]], asked.execute()))
    wanted: dict[int, list[list[Waiting]]] = {}
    room = most
    for shard, (due, _, held) in looks.items():
        shelf = services.shelves[shard]
        entries = []
        for entry_id in due[:most]:
            entry = next(found)
            entries += entry
            if not entry:
                shelf.drop([entry_id])
        fresh = next(found)
        rows = _rows(services, shard, entries + fresh, held, room=room, ms=ms)
        room -= sum(map(len, rows))
        if rows:
            wanted[shard] = rows
    taken = Claims(services.conversations).take(wanted, ms) if wanted else Taken([], {})
    _shelve(services, wanted, taken.later)
    return taken


def _rows(
    services: Services,
    shard: int,
    entries: list[tuple[bytes, dict[bytes, bytes]]],
    held: set[str],
    *,
    room: int,
    ms: int,
) -> list[list[Waiting]]:
    """Answers that may be asked for, by address; those that must wait go on the shelf."""
    shelf, rows = services.shelves[shard], defaultdict[str, list[Waiting]](list)
    closed = services.gate.pace.held(now=_moment(ms))
    for entry_id, fields in entries:
        if room <= 0:
            break
        fresh = entry_id not in shelf.waiting
        if fresh:
            shelf.read_through = entry_id
        answer = _read(services, shard, entry_id, fields)
        if answer is None:
            shelf.drop([entry_id])
            continue
        until = _closed_until(answer, closed, ms)
        if answer.digest in held or until > ms:
            shelf.put(entry_id, max(until, ms + 1000), answer.digest)
            held.add(answer.digest)
            continue
        rows[answer.digest].append(Waiting(shard, entry_id, answer))
        room -= 1
    return list(rows.values())


def _closed_until(answer: Answer, closed: dict[str, tuple[int, float]], ms: int) -> int:
    """The gateway has no room for this kind now; `ms` where it has, or where the answer has grown old meanwhile."""
    priority, wait = closed.get(answer.gateway, (99, 0.0))
    if RULES[Kind(answer.kind)].priority < priority:
        return ms
    return max(ms, min(ms + round(wait * 1000), _expires(answer)))


def _shelve(services: Services, wanted: dict[int, list[list[Waiting]]], later: dict[bytes, int]) -> None:
    """What others hold, or what waits for its next try; the rest is in our hands or gone."""
    for shard, rows in wanted.items():
        shelf = services.shelves[shard]
        for waiting in (one for row in rows for one in row):
            if waiting.entry_id in later:
                shelf.put(waiting.entry_id, later[waiting.entry_id], waiting.answer.digest)
            else:
                shelf.drop([waiting.entry_id])


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


def _send_all(services: Services, taken: Taken, now: float | None) -> int:
    """All addresses at once; what has ended, and what waits, is written down as it comes."""
    claimed = time.monotonic()

    def send(row: list[Held]) -> list[Ended | Again]:
        return _send_in_order(services, row, _moment(_ms(now)), claimed=claimed)

    settled = 0
    for done in in_hands(services.senders, send, taken.rows):
        results = [result for _, row in done for result in row]
        ended: dict[int, list[tuple[bytes, Held]]] = defaultdict(list)
        again: dict[int, list[Again]] = defaultdict(list)
        for result in results:
            waiting = result.held.waiting
            if isinstance(result, Ended):
                ended[waiting.shard].append((_entry(services, result, _ms(now)), result.held))
            else:
                again[waiting.shard].append(result)
        Claims(services.conversations).settle(ended, again)
        for one in (one for many in again.values() for one in many):
            waiting = one.held.waiting
            services.shelves[waiting.shard].put(waiting.entry_id, one.ms, waiting.answer.digest)
        settled += sum(map(len, ended.values()))
    return settled


def _send_in_order(services: Services, row: list[Held], at: datetime, *, claimed: float) -> list[Ended | Again]:
    """All answers of one address; stops at the first that must wait, for the next one must not overtake it."""
    results: list[Ended | Again] = []
    until = 0
    for held in row:
        if not until and time.monotonic() - claimed > HANDED_WITHIN:
            until = round(at.timestamp() * 1000)
        result = Again(held, until, held.tries, held.parts) if until else _send_one(services, held, at)
        until = result.ms if isinstance(result, Again) else 0
        results.append(result)
    return results


def _send_one(services: Services, held: Held, at: datetime) -> Ended | Again:
    answer, ms = held.waiting.answer, round(at.timestamp() * 1000)
    if held.lost:
        return Ended(held, Delivery.UNKNOWN, "lost")
    if ms > _expires(answer):
        return Ended(held, Delivery.EXPIRED, "too_old")
    try:
        sent = services.gate.send(
            _outbound(services, held),
            Kind(answer.kind),
            gateway=answer.gateway,
            recipient=_recipient(services, answer),
            now=at,
        )
    except Withheld as error:
        return _withheld(held, error, ms)
    except SendError as error:
        return _refused(held, error, ms)
    except RedisError as error:
        log.warning("stop_unknown", message=answer.id.hex(), error=type(error).__name__)
        return Again(held, ms + 1000, held.tries, held.parts)
    except Exception as error:
        # A fault of ours in a gateway module: nobody knows whether it left, so it is not repeated.
        log.exception("send_crashed", message=answer.id.hex())
        return Ended(held, Delivery.UNKNOWN, type(error).__name__)
    return Ended(held, Delivery.SENT, external_id=sent.external_id, parts=sent.parts, cost=sent.cost)


def _withheld(held: Held, error: Withheld, ms: int) -> Ended | Again:
    until = round(error.until.timestamp() * 1000) if error.until is not None else 0
    if not until:
        return Ended(held, Delivery.WITHHELD, error.reason)
    if until > _expires(held.waiting.answer):
        return Ended(held, Delivery.EXPIRED, "too_old")
    return Again(held, max(until, ms + 1), held.tries, held.parts)


def _refused(held: Held, error: SendError, ms: int) -> Ended | Again:
    """Sending again can't send twice: later, with growing pauses. A refused account is no fault of the answer."""
    if error.unknown or not (error.retryable or error.account):
        state = Delivery.UNKNOWN if error.unknown else Delivery.FAILED
        return Ended(held, state, error.code, blocked=error.suppress)
    until = ms + round(max(pause(held.tries + 1, SLOWEST), error.retry_after or 0.0) * 1000)
    if until > _expires(held.waiting.answer):
        return Ended(held, Delivery.EXPIRED, "too_old")
    log.info("answer_put_off", message=held.waiting.answer.id.hex(), reason=error.code, tries=held.tries + 1)
    return Again(held, until, held.tries + 1, max(held.parts, error.parts_taken))


def _recipient(services: Services, answer: Answer) -> Recipient:
    """An answer asks nothing; an offer to go on must be wanted at this very moment."""
    if Kind(answer.kind) is Kind.ANSWER:
        return UNKNOWN
    return person_now(services.conversations, answer.number, ciphers=services.ciphers)


def _expires(answer: Answer) -> int:
    return answer.at + round((RULES[Kind(answer.kind)].lives or timedelta(hours=2)).total_seconds() * 1000)


def _entry(services: Services, ended: Ended, ms: int) -> bytes:
    """What the history keeps; under the answer's own id: an entry written twice is recorded once."""
    answer, ciphers = ended.held.waiting.answer, services.ciphers
    message_id = answer.id.hex()
    sent = AnswerSent(
        message=message_id,
        channel=answer.channel,
        gateway=answer.gateway,
        state=ended.state.value,
        reason=ended.reason,
        external_id=ended.external_id,
        parts=ended.parts,
        text=ciphers.encrypt(answer.text.encode(), f"messages|{message_id}|text".encode()),
        blocked=ended.blocked,
        cost=ended.cost,
        kind=answer.kind,
    )
    entry = Entry(
        turn=answer.id,
        kind="sent",
        at=ms,
        gateway=answer.gateway,
        channel=answer.channel,
        digest=answer.digest,
        effects=(sent,),
    )
    return pack_entry(entry, ciphers)


def _outbound(services: Services, held: Held) -> Outbound:
    answer = held.waiting.answer
    buttons = tuple(Button(payload, title) for payload, title in answer.buttons)
    report_to = f"{services.settings.base_url}/hooks/{answer.gateway}/status"
    return Outbound(
        answer.id.hex(),
        Channel(answer.channel),
        answer.number,
        answer.text,
        buttons,
        report_to,
        parts_taken=held.parts,
        pick=answer.pick,
    )


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
