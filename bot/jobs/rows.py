"""Send what waits in PostgreSQL: claimed under a lease, `sending` committed before the call.

A lease that expires in `sending` leaves a message nobody can be sure of: `unknown`, never sent again by itself,
except an alert to staff, for twice is better than never. A WhatsApp message that can't arrive leaves its spare SMS
behind, a row of its own, which passes the gate like any other.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.errors import SendError
from bot.gate import UNKNOWN, Recipient, Withheld
from bot.jobs import outbox_sql
from bot.jobs.addressing import Row, Unaddressed, address, stopped_since
from bot.jobs.handing import MOST, Appetite, in_hands
from bot.jobs.outcomes import Outcome, fall_back, record, record_sent, settle_expired
from bot.jobs.questions import Asks, asks_of, stand
from bot.jobs.services import Services
from bot.jobs.staff_turns import staff_turns
from bot.kinds import RULES, Kind
from bot.messages import Channel, Delivery, Outbound, Sent
from bot.outreach.broadcasts_audience import person_first, protected
from bot.referrals.ladder import failed_message
from bot.store.ciphers import Ciphers
from bot.store.deliveries import advance
from bot.store.models import Message

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=30)  # longer than any gateway's time-out, so that an alert leaves again within a minute
HANDED_WITHIN = LEASE.total_seconds() / 2  # a call that begins later may end after the lease
LONGEST_RUN = 5.0  # seconds after which a job lets others in
BREATH = 0.2  # seconds between two looks while a gateway's rate is used up
UNASKED = frozenset({Kind.REMINDER, Kind.VERIFY, Kind.BROADCAST})
UNKNOWN_FOR = timedelta(minutes=1)  # a push whose recipient may have said stop waits so long


@dataclass(frozen=True, slots=True)
class Work:
    """What a run leaves to do: wake the ladder, run again at once."""

    sent: int = 0
    climb: bool = False
    more: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message in our hands, with everything its sending needs; no connection is held meanwhile."""

    id: str
    kind: Kind
    gateway: str
    outbound: Outbound
    recipient: Recipient = UNKNOWN
    asks: Asks | None = None


Bundle = list[Claimed]  # what one call carries: one message, or one text to several people


def send_due(services: Services, *, kinds: Collection[Kind] = tuple(Kind), now: datetime | None = None) -> Work:
    """Send until nothing is due or five seconds are over; raises what SQLAlchemy raises when PostgreSQL is away.

    A call that hangs holds up what was claimed with it: kinds that must not wait for others are sent apart.
    """
    appetite, started = Appetite(), time.monotonic()
    work = Work(climb=_tidy(services, now))
    while time.monotonic() - started < LONGEST_RUN:
        claimed, taken, silent = _claim(services, kinds, appetite.begin(), now)
        work = replace(work, climb=work.climb or silent)
        if taken:
            silent = _send_all(services, claimed, now)
            appetite.end(taken)
            work = replace(work, sent=work.sent + taken, climb=silent or work.climb)
        elif _tidy_spares(services, now):
            continue
        elif now is None and _has_room_soon(services):
            time.sleep(BREATH)
        else:
            return work
    return replace(work, more=True)


def _has_room_soon(services: Services) -> bool:
    """A gateway refused leave for less than the rest of this run: its rate is used up."""
    return any(wait < 1.0 for _, wait in services.gate.pace.held(now=_wall_clock()).values())


def _tidy(services: Services, now: datetime | None) -> bool:
    """What nobody sends any more and what has grown old; True if an alert was found silent on the way."""
    with services.database.transaction() as session:
        at = now or _now(session)
        while outbox_sql.expire(session, at, most=MOST) == MOST:
            log.info("messages_expired", rows=MOST)
        silent = settle_expired(session, at, most=MOST)
    _tidy_spares(services, now)
    return silent


def _tidy_spares(services: Services, now: datetime | None) -> int:
    with services.database.transaction() as session:
        return fall_back(session, services, at=now or _now(session), most=MOST)


def _claim(
    services: Services, kinds: Collection[Kind], most: int, now: datetime | None
) -> tuple[list[Claimed], int, bool]:
    """Due messages, marked and committed as `sending`; how many; True if an alert was found silent on the way."""
    held = services.gate.pace.held(now=now or _wall_clock())
    with services.database.transaction() as session:
        at = now or _now(session)
        rows = outbox_sql.claim(session, at, kinds=kinds, most=most, lease=LEASE, held=held)
        silent, claimed = False, []
        kept = _kept(session, rows, ciphers=services.ciphers)
        for row in rows:
            if not row["wanted"]:
                advance(_row_of(session, row), Delivery.WITHHELD, reason="answered", at=at)
                continue
            if row["deceased"]:
                advance(_row_of(session, row), Delivery.WITHHELD, reason="deceased", at=at)
                continue
            if row["id"] in kept:
                # told as if it had grown old: the reason would tell of a talk in private (safety 19)
                advance(_row_of(session, row), Delivery.EXPIRED, reason="too_old", at=at)
                continue
            try:
                outbound, recipient = address(row, settings=services.settings, ciphers=services.ciphers)
            except Unaddressed as error:
                message = _row_of(session, row)
                advance(message, Delivery.FAILED, reason=str(error), at=at)
                silent = bool(message.kind == Kind.ALERT and failed_message(session, message, now=at)) or silent
                continue
            claimed.append(Claimed(row["id"], Kind(row["kind"]), row["gateway"], outbound, recipient, asks_of(row, at)))
    return claimed, len(rows), silent


def _kept(session: Session, rows: Sequence[Row], *, ciphers: Ciphers) -> frozenset[str]:
    """Messages of ours that nobody asked for, to phones and of files that may not have them any more.

    Hours may lie between the writing and this moment: a night, in which somebody talked in private (safety 3, 13).
    """
    pushed = [row for row in rows if row["kind"] in UNASKED and row["contact_id"] is not None]
    if not pushed:
        return frozenset()
    phones = protected(session, {row["contact_id"] for row in pushed}, ciphers=ciphers)
    files = person_first(session, {row["case_id"] for row in pushed if row["case_id"] is not None})
    return frozenset(row["id"] for row in pushed if row["contact_id"] in phones or row["case_id"] in files)


def _row_of(session: Session, row: Row) -> Message:
    return session.get_one(Message, row["id"])


def _send_all(services: Services, claimed: list[Claimed], now: datetime | None) -> bool:
    """All at once, written down as they come back; True if an alert did not leave."""
    silent, began = False, time.monotonic()
    asked = _as_known_now(services, claimed, now or _wall_clock())

    def send(bundle: Bundle) -> list[Outcome]:
        at = now or _wall_clock()
        if time.monotonic() - began > HANDED_WITHIN:
            return [Outcome.put_off("late", at)] * len(bundle)
        return _send(services, bundle, at)

    for doubtful in asked.doubtful:
        silent = _write(services, [(doubtful, Outcome.put_off("stop_unknown", asked.again_at))], now) or silent
    ready, busy = _ask_first(services, asked.sure, now or _wall_clock())
    if busy:
        silent = _write(services, busy, now) or silent
    for done in in_hands(services.senders, send, _bundles(ready, services.gate.together)):
        pairs = [pair for bundle, outcomes in done for pair in zip(bundle, outcomes, strict=True)]
        silent = _write(services, pairs, now) or silent
    return silent


def _ask_first(
    services: Services, claimed: list[Claimed], at: datetime
) -> tuple[list[Claimed], list[tuple[Claimed, Outcome]]]:
    """Of what may leave now, each question stands in its conversation first; where another is under way it waits."""
    if not any(one.asks for one in claimed):
        return claimed, []
    ready, busy = [], []
    with staff_turns(services) as turns:
        for one in claimed:
            verdict = one.asks and services.gate.check(
                one.outbound, one.kind, gateway=one.gateway, recipient=one.recipient, now=at
            )
            again = stand(turns, one.asks, one.outbound, at) if one.asks and verdict and verdict.passes else None
            if again is None:
                ready.append(one)
            else:
                busy.append((one, Outcome.put_off(*again)))
    return ready, busy


def _write(services: Services, pairs: list[tuple[Claimed, Outcome]], now: datetime | None) -> bool:
    """One transaction for all of them: those that left in one statement, the others one by one."""
    with services.database.transaction() as session:
        at, silent = now or _now(session), False
        left = [(one.id, one.outbound.channel, outcome) for one, outcome in pairs if outcome.state == Delivery.SENT]
        if left:
            silent = record_sent(session, services, left, at=at)
        others = {one.id: outcome for one, outcome in pairs if outcome.state != Delivery.SENT}
        if others:
            found = select(Message).where(Message.id.in_(sorted(others))).order_by(Message.id).with_for_update()
            for message in session.scalars(found):
                silent = record(session, services, message, others[message.id], at=at) or silent
    return silent


def _bundles(claimed: list[Claimed], together: Callable[[str], int]) -> list[Bundle]:
    """One text to many people is one call, where the gateway takes it; the most urgent first as before."""
    alike: dict[tuple[str, ...], Bundle] = defaultdict(list)
    bundles: list[Bundle] = []
    for one in claimed:
        most = together(one.gateway)
        if most == 1 or one.kind is Kind.ALERT or one.outbound.template or one.outbound.parts_taken:
            bundles.append([one])
            continue
        key = (one.gateway, one.kind, one.outbound.channel, one.outbound.text)
        if not alike[key]:
            bundles.append(alike[key])
        alike[key].append(one)
        if len(alike[key]) == most:
            del alike[key]
    return bundles


def _send(services: Services, bundle: Bundle, at: datetime) -> list[Outcome]:
    """Runs in a thread of its own, without a connection to PostgreSQL."""
    first = bundle[0]
    gateway = _way(services, first, at)
    messages = [(one.outbound, one.recipient) for one in bundle]
    try:
        results = services.gate.send_many(messages, first.kind, gateway=gateway, now=at)
    except Exception as error:
        # A fault of ours in a gateway module: nobody knows whether it left.
        log.exception("send_crashed", message=first.id, together=len(bundle))
        return [Outcome(Delivery.UNKNOWN, type(error).__name__, gateway=gateway)] * len(bundle)
    return [_outcome(result, gateway) for result in results]


def _outcome(result: Sent | SendError | Withheld, gateway: str) -> Outcome:
    if isinstance(result, Sent):
        return Outcome(
            Delivery.SENT, gateway=gateway, external_id=result.external_id, parts=result.parts, cost=result.cost
        )
    if isinstance(result, Withheld):
        return replace(Outcome.put_off(result.reason, result.until), gateway=gateway)
    again = (result.retry_after or 0.0) if result.retryable or result.account else None
    return Outcome(
        Delivery.UNKNOWN if result.unknown else Delivery.FAILED,
        result.code,
        gateway=gateway,
        again_at=again,
        suppress=result.suppress,
        parts_taken=result.parts_taken,
    )


def _way(services: Services, one: Claimed, at: datetime) -> str:
    """An alert takes the spare gateway while its own is paused (safety 17)."""
    spare, pace = services.settings.staff_gateway_spare, services.gate.pace
    by_sms = one.kind is Kind.ALERT and one.outbound.channel is Channel.SMS
    if by_sms and spare and pace.paused(one.gateway, now=at) and not pace.paused(spare, now=at):
        return spare
    return one.gateway


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whether somebody said STOP this very second: `doubtful` ones wait until that can be known."""

    sure: list[Claimed]
    doubtful: list[Claimed]
    again_at: datetime


def _as_known_now(services: Services, claimed: list[Claimed], at: datetime) -> _Asked:
    """Either side says stop: stop. A STOP of this second may not be recorded yet."""
    pushes = [one for one in claimed if RULES[one.kind].opt_out]
    known: dict[str, frozenset[str] | None] = {}
    if pushes:
        numbers = [one.outbound.to for one in pushes]
        try:
            known = stopped_since(services.conversations, numbers, ciphers=services.ciphers)
        except RedisError as error:
            log.warning("stop_unknown", messages=len(pushes), error=type(error).__name__)
    asked = _Asked([], [], at + UNKNOWN_FOR)
    for one in claimed:
        if not RULES[one.kind].opt_out:
            asked.sure.append(one)
        elif (since := known.get(one.outbound.to)) is None:
            asked.doubtful.append(one)
        else:
            asked.sure.append(
                replace(one, recipient=replace(one.recipient, stopped=one.recipient.stopped | since)) if since else one
            )
    return asked


def _wall_clock() -> datetime:
    return datetime.now().astimezone()


def _now(session: Session) -> datetime:
    return session.scalars(select(func.now())).one()
