"""What became of a call for a row of the outbox, and what follows from it: again, never, another way, or silence."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from bot.jobs import outbox_sql
from bot.jobs.services import Services
from bot.kinds import RULES, Kind
from bot.messages import Channel, Delivery
from bot.pricing import price
from bot.reasons import Why
from bot.referrals.ladder import failed_message
from bot.store.ciphers import Unreadable
from bot.store.deliveries import advance, apply_kept, mark_contact
from bot.store.models import Message

log = structlog.get_logger(__name__)

SLOWEST = {Kind.ALERT: 20.0}  # seconds between tries of one message; others: five minutes
JITTER = 0.25  # the share of a pause that chance may take off, so that what failed together does not return together
UNSURE_TRIES = 3  # an alert whose fate is unknown is sent so often
NOT_A_TRY = frozenset({"rate", "paused", "late", "busy"})  # nothing was handed over
# not the message's fault: only its age ends it
GATEWAY_SIDE = frozenset({Why.GATEWAY_DOWN, Why.ACCOUNT, Why.CREDIT, Why.TOO_FAST})
ELSEWHERE = frozenset({Why.WINDOW, Why.NOT_ON_WHATSAPP, Why.REFUSED_TEXT, Why.NO_ROUTE, Why.GATEWAY_DOWN, Why.TOO_FAST})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message in one call. `gateway`: the one that was called."""

    state: str
    reason: str = ""
    gateway: str = ""
    external_id: str = ""
    parts: int = 0
    cost: str = ""
    again_at: float | None = None  # seconds from now; None: never
    until: datetime | None = None  # the gate said: not before
    suppress: bool = False
    parts_taken: int = 0

    @classmethod
    def put_off(cls, reason: str, until: datetime | None) -> "Outcome":
        """The gate withheld it: for ever, or until then."""
        return cls(Delivery.WITHHELD, reason, until=until)


def record_sent(
    session: Session, services: Services, left: Sequence[tuple[str, Channel, Outcome]], *, at: datetime
) -> bool:
    """Messages that their gateways took, in one statement; True if a report already says that an alert failed."""
    rows = []
    for message_id, channel, outcome in left:
        cost, currency = price(services.settings, outcome.gateway, channel, outcome.parts, outcome.cost)
        rows.append(
            {
                "id": message_id,
                "gateway": outcome.gateway,
                "external_id": outcome.external_id,
                "parts": outcome.parts,
                "cost": cost,
                "currency": currency,
            }
        )
    silent = False
    for message_id in outbox_sql.write_sent(session, rows, at):
        message = session.get_one(Message, message_id, with_for_update=True)
        reasons = services.gate.reasons(message.gateway)
        if apply_kept(session, message, reasons=reasons, at=at) and message.kind == Kind.ALERT:
            silent = bool(failed_message(session, message, now=at)) or silent
    return silent


def record(session: Session, services: Services, message: Message, outcome: Outcome, *, at: datetime) -> bool:
    """Write down what did not leave, or may not have; True if an alert counts as silence now."""
    if message.state not in ("sending", "queued", "unknown"):
        return False  # a report came first
    gateway = outcome.gateway or message.gateway
    message.parts_taken = max(message.parts_taken, outcome.parts_taken)
    cause = services.gate.meaning(gateway, outcome.reason)
    mark_contact(session, message, Why.BLOCKED if outcome.suppress else cause, at=at)
    again = _again_at(message, outcome, at, patient=cause in GATEWAY_SIDE)
    message.reason = outcome.reason
    if outcome.reason in NOT_A_TRY and message.kind != Kind.ALERT:
        message.attempts -= 1
    if again is None:
        message.gateway = gateway  # reports come from the one that may have it
        advance(message, outcome.state, reason=outcome.reason, at=at)
        apply_kept(session, message, reasons=services.gate.reasons(gateway), at=at)
    elif message.expires_at is not None and again >= message.expires_at:
        advance(message, Delivery.EXPIRED, reason="too_old", at=at)
    else:
        message.state, message.due_at = Delivery.QUEUED.value, again
        if outcome.reason == "busy":
            message.lease_until = None  # whoever waits behind a question need not wait for its conversation
    # Silence at once, however short the hiccup: the next person is told while this one is tried again (safety 17).
    silent = message.kind == Kind.ALERT and outcome.reason not in {"rate", "late"}
    return silent and bool(failed_message(session, message, now=at))


def settle_expired(session: Session, at: datetime, *, most: int) -> bool:
    """Messages whose sender died between the commit and the answer; True if an alert among them counts as silence."""
    stuck = (
        select(Message)
        .where(Message.state == "sending", Message.lease_until < at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    silent, found = False, session.scalars(stuck).all()
    if found:
        log.warning("leases_expired", messages=len(found), first=found[0].id)
    for message in found:
        if message.kind == Kind.ALERT:
            message.state, message.due_at = Delivery.QUEUED.value, at
            silent = bool(failed_message(session, message, now=at)) or silent
        else:
            advance(message, Delivery.UNKNOWN, reason="lease", at=at)
            apply_kept(session, message, at=at)
    return silent


def fall_back(session: Session, services: Services, *, at: datetime, most: int) -> int:
    """WhatsApp messages that ended without arriving hand over to their spare SMS; returns how many were looked at.

    The SMS is a row of its own (its id derives from the first one's, so twice is once), and asks the gate anew.
    """
    ended = (
        select(Message)
        .where(Message.spare_enc.is_not(None), Message.state.in_(("failed", "withheld")))
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    found = session.scalars(ended).all()
    for message in found:
        old = message.expires_at is not None and message.expires_at <= at
        if not old and services.gate.meaning(message.gateway, message.reason) in ELSEWHERE:
            _queue_spare(session, services, message, at)
        message.spare_enc = None
    return len(found)


def _queue_spare(session: Session, services: Services, message: Message, at: datetime) -> None:
    ciphers, spare_id = services.ciphers, services.ciphers.derived_id(bytes.fromhex(message.id), "spare")
    try:
        words = ciphers.decrypt(message.spare_enc or b"", f"messages|{message.id}|spare".encode())
    except Unreadable:
        log.warning("spare_unreadable", message=message.id)
        return
    values = {
        "id": spare_id,
        "kind": message.kind,
        "channel": Channel.SMS.value,
        "gateway": services.settings.sms_gateway,
        "contact_id": message.contact_id,
        "referral_id": message.referral_id,
        "case_id": message.case_id,
        "broadcast_id": message.broadcast_id,
        "text_enc": ciphers.encrypt(words, f"messages|{spare_id}|text".encode()),
        "question": message.question,
        "created_at": at,
        "due_at": at,
        "expires_at": message.expires_at,
        "fell_from": message.channel,
    }
    session.execute(pg_insert(Message).values(**values).on_conflict_do_nothing(index_elements=["id"]))


def _again_at(message: Message, outcome: Outcome, now: datetime, *, patient: bool) -> datetime | None:
    """When to try again; None: never by itself. `patient`: however long it takes."""
    kind = Kind(message.kind)
    if outcome.until is not None and not (kind is Kind.ALERT and outcome.reason == "paused"):
        return outcome.until
    paused = outcome.reason == "paused"
    unsure = outcome.state == Delivery.UNKNOWN and kind is Kind.ALERT and message.attempts < UNSURE_TRIES
    if (outcome.again_at is None or outcome.state == Delivery.UNKNOWN) and not (unsure or paused):
        return None
    if not patient and now - message.created_at > RULES[kind].gives_up:
        return None
    return now + timedelta(seconds=max(pause(message.attempts, SLOWEST.get(kind, 300.0)), outcome.again_at or 0.0))


def pause(tries: int, slowest: float) -> float:
    """Seconds before the next try: doubling, with a chance of less."""
    return float(min(2.0 ** min(tries, 12), slowest) * (1 - JITTER * random.random()))
