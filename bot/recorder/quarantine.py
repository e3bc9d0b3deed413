"""Entries that can't be recorded: kept whole for a human, and never in silence where a referral may be inside."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import redis as redis_package
import structlog
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from bot.engine.effects import AnswerCallNow, AttachReferral, OpenReferral, UpdateReferral
from bot.recorder.faults import transient
from bot.recorder.orders import Work, watch
from bot.recorder.rows import moment
from bot.referrals import writing
from bot.store import keys
from bot.store.ciphers import SHARDS, Ciphers
from bot.store.journal import Entry
from bot.store.models import Quarantined, TurnSeen
from bot.text.damm import check_digit

QUEUES = frozenset({"protection", "gbv", "child", "sealed", "complaints", "assistance", "community"})
_TICKET_TRIES = 20
_BARE = 255  # effect number of the ticket of a bare referral; a turn has far fewer effects

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Aside:
    """One entry to be set aside. `entry` is None where it could not be read."""

    shard: int
    id: str
    body: bytes
    entry: Entry | None
    error: Exception

    @property
    def turn(self) -> bytes:
        """The turn id: it stands readable before the ciphertext; a stub of an entry gets one of its own."""
        readable = self.body[1:17]
        return readable if len(readable) == 16 else hashlib.blake2s(self.body, digest_size=16).digest()


def set_aside(session: Session, aside: Aside, *, redis: redis_package.Redis, ciphers: Ciphers) -> Work:
    """Write the quarantine row, and the bare referral where one was inside or may have been."""
    if aside.entry is not None:
        # Set aside is recorded: the same entry again changes nothing.
        day = moment(aside.entry.at).replace(hour=0, minute=0, second=0, microsecond=0)
        session.execute(pg_insert(TurnSeen).values(id=aside.entry.turn_hex, at=day).on_conflict_do_nothing())
    row = pg_insert(Quarantined).values(
        shard=aside.shard, entry_id=aside.id, body=aside.body, error=_where(aside.error)
    )
    added = session.execute(row.on_conflict_do_nothing().returning(Quarantined.id)).scalar()
    log.error("entry_quarantined", shard=aside.shard, entry=aside.id, error=_where(aside.error))
    orders = _orders(aside)
    if added is None or not orders:
        return Work()
    work = Work()
    for order in orders:
        work.add(_bare(session, aside, order, redis=redis, ciphers=ciphers))
    return work


def _orders(aside: Aside) -> list[OpenReferral]:
    """The bare referrals to open: what staff must know without a word of what is inside."""
    if aside.entry is None:
        return [_unknown()]
    opened = [effect for effect in aside.entry.effects if isinstance(effect, OpenReferral)]
    if opened:
        return [
            OpenReferral(
                id=effect.id,
                ticket=effect.ticket,
                queue=effect.queue if effect.queue in QUEUES else "protection",
                level="critical",
                source="unreadable",
                private=effect.private,
                sealed=effect.sealed,
            )
            for effect in opened
        ]
    touched = any(isinstance(e, UpdateReferral | AttachReferral | AnswerCallNow) for e in aside.entry.effects)
    return [_unknown()] if touched else []


def _unknown() -> OpenReferral:
    return OpenReferral(id="", ticket="", queue="protection", level="critical", source="unreadable")


def _bare(session: Session, aside: Aside, order: OpenReferral, *, redis: redis_package.Redis, ciphers: Ciphers) -> Work:
    """Open it behind a savepoint: should even this fail, the quarantine row stays and the journal goes on."""
    at = moment(aside.entry.at) if aside.entry else datetime.now(UTC)
    for attempt in range(_TICKET_TRIES):
        ticket = (
            order.ticket if attempt == 0 and order.ticket else _ticket(aside, attempt, redis=redis, ciphers=ciphers)
        )
        if ticket is None:
            continue
        # The entry's own id and ticket first, for the person was shown them; they too may be what is wrong.
        order_id = order.id if order.id and attempt < 2 else ciphers.derived_id(aside.turn, "unreadable|0")
        work = Work()
        try:
            with session.begin_nested():
                watch(session, work)
                writing.open_referral(
                    session,
                    _named(order, order_id, ticket),
                    at=at,
                    turn=aside.turn.hex(),
                    channel="",
                    contact_id=None,
                    case_id=None,
                    office="",
                    ciphers=ciphers,
                )
                session.flush()
        except Exception as error:
            if transient(error):
                raise
            log.warning("bare_referral_refused", shard=aside.shard, entry=aside.id, error=type(error).__name__)
        else:
            return work
    log.critical("bare_referral_failed", shard=aside.shard, entry=aside.id)
    return Work()


def _named(order: OpenReferral, order_id: str, ticket: str) -> OpenReferral:
    return OpenReferral(
        id=order_id,
        ticket=ticket,
        queue=order.queue,
        level=order.level,
        source=order.source,
        private=order.private,
        sealed=order.sealed,
    )


def _ticket(aside: Aside, attempt: int, *, redis: redis_package.Redis, ciphers: Ciphers) -> str | None:
    """A free number of this shard, reserved in the bitmap as a turn would; None where this candidate is taken."""
    slot = ciphers.ticket_slot(aside.turn, _BARE, attempt)
    if redis.setbit(keys.tickets(aside.shard), slot, 1):
        return None
    digits = f"{SHARDS * slot + aside.shard:06d}"
    return digits + check_digit(digits)


def _where(error: Exception) -> str:
    """Type and place; never the message, which may quote the data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    place = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else ""
    return " ".join(filter(None, (type(error).__name__, state, place)))
