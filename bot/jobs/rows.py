"""Send what waits in PostgreSQL: claimed under a lease, `sending` committed before the call.

A lease that expires in `sending` leaves a message nobody can be sure of: `unknown`, never sent again by itself,
except an alert to staff, for twice is better than never.
"""

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from redis.exceptions import RedisError
from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from bot.errors import SendError
from bot.gate import UNKNOWN, Kind, Recipient, Withheld
from bot.jobs.addressing import Unaddressed, address, stopped_since
from bot.jobs.services import SENDERS, Services
from bot.messages import Delivery, Outbound
from bot.referrals.ladder import failed_message
from bot.store.ciphers import Unreadable
from bot.store.deliveries import advance, apply_kept
from bot.store.models import Alert, Contact, Message, MessageAlert, Referral, Staff

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=30)  # longer than any gateway's time-out, so that an alert leaves again within a minute
LONGEST_RUN = 5.0  # seconds after which a job lets others in
GIVE_UP = {"alert": timedelta(hours=6)}  # others: two hours
SLOWEST = {"alert": 20.0}  # seconds between tries of one message; others: five minutes
UNKNOWN_FOR = timedelta(minutes=1)  # a push whose recipient may have said stop waits so long
UNSURE_TRIES = 3  # an alert whose fate is unknown is sent so often


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
    kind: str
    gateway: str
    outbound: Outbound
    recipient: Recipient = UNKNOWN


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call."""

    state: str
    reason: str = ""
    external_id: str = ""
    parts: int = 0
    again_at: float | None = None  # seconds from now
    until: datetime | None = None
    suppress: bool = False


def send_due(services: Services, *, now: datetime | None = None) -> Work:
    """Send until nothing is due or five seconds are over; raises what SQLAlchemy raises when PostgreSQL is away."""
    work = Work()
    started = time.monotonic()
    while time.monotonic() - started < LONGEST_RUN:
        claimed, silent = _claim(services, now)
        work = replace(work, climb=work.climb or silent)
        if not claimed:
            return work
        work = replace(work, sent=work.sent + len(claimed), climb=_send_all(services, claimed, now) or work.climb)
    return replace(work, more=True)


def _send_all(services: Services, claimed: list[Claimed], now: datetime | None) -> bool:
    """All at once, recorded as they come back; True if an alert did not leave."""
    running = {services.senders.submit(_send, services, one, now): one for one in claimed}
    pending, silent = set(running), False
    while pending:
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        with services.database.transaction() as session:
            at = now or _now(session)
            ids = sorted(running[one].id for one in done)
            rows = select(Message).where(Message.id.in_(ids)).order_by(Message.id).with_for_update()
            messages = {message.id: message for message in session.scalars(rows)}
            for one in done:
                silent = _record(session, messages[running[one].id], one.result(), now=at) or silent
    return silent


def _claim(services: Services, now: datetime | None) -> tuple[list[Claimed], bool]:
    """Due messages, marked and committed as `sending`; True if an alert was found silent on the way."""
    with services.database.transaction() as session:
        at = now or _now(session)
        silent = _settle_expired(session, at)
        claimed = []
        due = session.scalars(_due(at)).all()
        wanted, _people = _still_wanted(session, due), _recipients(session, due)
        for message in due:
            message.state, message.attempts, message.lease_until = (
                Delivery.SENDING.value,
                message.attempts + 1,
                at + LEASE,
            )
            if message.kind == "alert" and message.id not in wanted:
                advance(message, Delivery.WITHHELD, reason="answered", at=at)
                continue
            try:
                outbound, recipient = address(session, message, settings=services.settings, ciphers=services.ciphers)
            except Unaddressed as error:
                advance(message, Delivery.FAILED, reason=str(error), at=at)
                silent = bool(message.kind == "alert" and failed_message(session, message, now=at)) or silent
                continue
            claimed.append(Claimed(message.id, message.kind, message.gateway, outbound, recipient))
    return claimed, silent


def _recipients(session: Session, messages: Sequence[Message]) -> Sequence[Staff]:
    """Read once for all; while the caller keeps them the session asks no more."""
    ids = {message.staff_id for message in messages} - {None}
    return session.scalars(select(Staff).where(Staff.id.in_(ids))).all() if ids else []


def _due(at: datetime) -> Select[Message]:
    """Queued and due, oldest first; of one contact only the first that has not left, so that order holds."""
    earlier = aliased(Message)
    first = ~exists(
        select(earlier.id).where(
            earlier.contact_id == Message.contact_id,
            earlier.state.in_(("queued", "sending")),
            or_(
                earlier.created_at < Message.created_at,
                and_(earlier.created_at == Message.created_at, earlier.id < Message.id),
            ),
        )
    )
    return (
        select(Message)
        .where(Message.state == "queued", Message.due_at <= at, or_(Message.contact_id.is_(None), first))
        .order_by(Message.due_at, Message.id)
        .limit(SENDERS)
        .with_for_update(skip_locked=True)
    )


def _settle_expired(session: Session, at: datetime) -> bool:
    """Messages whose sender died between the commit and the answer; True if an alert among them counts as silence."""
    stuck = (
        select(Message)
        .where(Message.state == "sending", Message.lease_until < at)
        .limit(SENDERS)
        .with_for_update(skip_locked=True)
    )
    silent = False
    for message in session.scalars(stuck).all():
        log.warning("lease_expired", message=message.id, kind=message.kind)
        if message.kind == "alert":
            message.state, message.due_at = "queued", at
            silent = bool(failed_message(session, message, now=at)) or silent
        else:
            advance(message, Delivery.UNKNOWN, reason="lease", at=at)
    return silent


def _still_wanted(session: Session, messages: Sequence[Message]) -> set[str]:
    """The ids of alerts that still need to be told: nobody took what they are about meanwhile."""
    told = [message.id for message in messages if message.kind == "alert" and message.staff_id is not None]
    # the hotline has no alert of its own
    hotline = [message.id for message in messages if message.kind == "alert" and message.staff_id is None]
    waiting = select(MessageAlert.message_id).join(Alert, MessageAlert.alert_id == Alert.id).where(Alert.open)
    wanted = set(session.scalars(waiting.where(MessageAlert.message_id.in_(told)))) if told else set()
    if hotline:
        unheld = select(Message.id).join(Referral, Referral.id == Message.referral_id).where(Referral.state == "new")
        wanted.update(session.scalars(unheld.where(Message.id.in_(hotline))))
    return wanted


def _send(services: Services, one: Claimed, now: datetime | None) -> Outcome:
    """Runs in a thread of its own, without a connection to PostgreSQL."""
    at = now or datetime.now().astimezone()
    kind: Kind = one.kind if one.kind in ("alert", "staff", "answer") else "push"  # type: ignore[assignment]
    try:
        recipient = _as_known_now(services, one) if kind == "push" else one.recipient
        sent = services.gate.send(one.outbound, kind, gateway=one.gateway, recipient=recipient, now=at)
    except (RedisError, Unreadable) as error:
        log.warning("stop_unknown", message=one.id, error=type(error).__name__)
        return Outcome(Delivery.WITHHELD, "stop_unknown", until=at + UNKNOWN_FOR)
    except Withheld as error:
        return Outcome(Delivery.WITHHELD, error.reason, until=error.until)
    except SendError as error:
        state = Delivery.UNKNOWN if error.unknown else Delivery.FAILED
        again = (error.retry_after or 0.0) if error.retryable else None
        return Outcome(state, error.code, again_at=again, suppress=error.suppress)
    except Exception as error:
        # A fault of ours in a gateway module: nobody knows whether it left.
        log.exception("send_crashed", message=one.id)
        return Outcome(Delivery.UNKNOWN, type(error).__name__)
    return Outcome(Delivery.SENT, external_id=sent.external_id, parts=sent.parts)


def _as_known_now(services: Services, one: Claimed) -> Recipient:
    """Either side says stop: stop. A STOP of this second may not be recorded yet."""
    since = stopped_since(services.conversations, one.outbound.to, ciphers=services.ciphers)
    return replace(one.recipient, stopped=one.recipient.stopped | since)


def _record(session: Session, message: Message, outcome: Outcome, *, now: datetime) -> bool:
    """Write down what became of it; True if an alert counts as silence now."""
    if message.state not in ("sending", "queued", "unknown"):
        return False  # a report came first
    if outcome.state == Delivery.SENT:
        return _record_sent(session, message, outcome, now)
    if outcome.suppress:
        _block(session, message)
    again = _again_at(message, outcome, now)
    if again is not None:
        message.state, message.due_at, message.reason = "queued", again, outcome.reason
    else:
        message.reason = outcome.reason
        advance(message, outcome.state, reason=outcome.reason, at=now)
    # Silence at once, however short the hiccup: the next person is told while this one is tried again (safety 17).
    return message.kind == "alert" and bool(failed_message(session, message, now=now))


def _record_sent(session: Session, message: Message, outcome: Outcome, now: datetime) -> bool:
    message.external_id, message.parts, message.sent_at = outcome.external_id, outcome.parts, now
    advance(message, Delivery.SENT, at=now)
    failed = apply_kept(session, message, at=now)
    return bool(failed and message.kind == "alert" and failed_message(session, message, now=now))


def _again_at(message: Message, outcome: Outcome, now: datetime) -> datetime | None:
    """When to try again; None: never by itself."""
    if outcome.until is not None:
        return outcome.until
    unsure = outcome.state == Delivery.UNKNOWN and message.kind == "alert" and message.attempts < UNSURE_TRIES
    if outcome.again_at is None and not unsure:
        return None
    if now - message.created_at > GIVE_UP.get(message.kind, timedelta(hours=2)):
        return None
    pause = min(2.0**message.attempts, SLOWEST.get(message.kind, 300.0))
    return now + timedelta(seconds=max(pause, outcome.again_at or 0.0))


def _block(session: Session, message: Message) -> None:
    """The gateway says that this recipient must not be written to: shown to staff, and no push any more (safety 7)."""
    contact = session.get(Contact, message.contact_id, with_for_update=True) if message.contact_id else None
    if contact is not None and message.channel not in contact.blocked:
        contact.blocked = [*contact.blocked, message.channel]


def _now(session: Session) -> datetime:
    return session.scalars(select(func.now())).one()
