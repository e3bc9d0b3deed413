"""Fetch the sound of voice notes: claimed under a lease, the call made without a transaction, kept in a second one.

A gateway may tell of a note before it can give it out, and a network fails for hours: fetching is tried again with
growing pauses. What is still not there after a week (Meta keeps a note no longer), or is refused five times for a
reason that time does not heal, is lost, and staff see it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.errors import SendError
from bot.gateway import Plays
from bot.jobs.services import Services
from bot.referrals import sealing
from bot.store import recordings
from bot.store.ciphers import Unreadable
from bot.store.models import Recording, Referral

log = structlog.get_logger(__name__)

AT_ONCE = 4
LEASE = timedelta(minutes=2)  # longer than any fetch
PAUSE = timedelta(seconds=5)  # doubled by each attempt
LONGEST_PAUSE = timedelta(hours=6)
GIVEN_UP = timedelta(days=7)
REFUSALS = 5


@dataclass(frozen=True, slots=True)
class Claimed:
    """A note in our hands."""

    referral_id: str
    gateway: str
    reference: str


def fetch_due(services: Services, *, now: datetime | None = None) -> bool:
    """Fetch what is due, a few notes; True where more may wait. Raises what SQLAlchemy raises when PostgreSQL is away."""
    claimed = _claim(services, now)
    fetched = services.senders.map(lambda one: _fetch(services, one), claimed)
    for one, found in zip(claimed, fetched, strict=True):
        with services.database.transaction() as session:
            _record(services, session, one, found, at=now or _now(session))
    return len(claimed) == AT_ONCE


def _claim(services: Services, now: datetime | None) -> list[Claimed]:
    claimed = []
    with services.database.transaction() as session:
        at = now or _now(session)
        due = (
            select(Recording)
            .where(Recording.state == "waiting", Recording.due_at <= at)
            .order_by(Recording.due_at)
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        for row in session.scalars(due):
            row.attempts, row.due_at = row.attempts + 1, at + LEASE
            try:
                reference = recordings.reference(row, services.ciphers)
            except Unreadable:
                _lose(row, "unreadable")
                continue
            claimed.append(Claimed(row.referral_id, row.gateway, reference))
    return claimed


def _fetch(services: Services, one: Claimed) -> tuple[bytes, str] | SendError:
    """Runs in a thread of its own, without a connection to PostgreSQL."""
    gateway: object = services.gateways.get(one.gateway)
    if not isinstance(gateway, Plays):
        return SendError("no_gateway", account=True)
    try:
        return gateway.fetch(one.reference)
    except SendError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a fault of ours in a gateway module: told, and tried again
        log.error("fetch_crashed", referral=one.referral_id, error=type(error).__name__)  # noqa: TRY400 - a trace may name the note
        return SendError(type(error).__name__)


def _record(
    services: Services, session: Session, one: Claimed, found: tuple[bytes, str] | SendError, *, at: datetime
) -> None:
    row = session.get(Recording, one.referral_id, with_for_update=True)
    if row is None or row.state != "waiting":
        return  # somebody else was first, or its time is over
    if not isinstance(found, SendError):
        recordings.keep(row, *found, ciphers=services.ciphers)
        sealing.seal(session, session.get_one(Referral, row.referral_id), ciphers=services.ciphers)
        return
    healing = found.retryable or found.account or found.unknown
    if at - row.received_at >= GIVEN_UP or (not healing and row.attempts >= REFUSALS):
        _lose(row, found.code)
        return
    pause = min(PAUSE * 2 ** min(row.attempts, 20), LONGEST_PAUSE)
    row.due_at = at + max(pause, timedelta(seconds=found.retry_after or 0.0))
    log.info("recording_put_off", referral=one.referral_id, reason=found.code, attempts=row.attempts)


def _lose(row: Recording, code: str) -> None:
    row.state, row.reference_enc = "lost", None
    log.warning("recording_lost", referral=row.referral_id, reason=code, attempts=row.attempts)


def _now(session: Session) -> datetime:
    return session.scalars(select(func.now())).one()
