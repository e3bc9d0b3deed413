"""What became of a message: states only move forward, and a report may come before our own bookkeeping."""

from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, bindparam, case, delete, func, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from bot.messages import Delivery
from bot.store.database import Database
from bot.store.models import DeliveryReport, Message

REPORTS_KEPT = timedelta(days=9)  # longer than any gateway repeats a report

# A network may say "failed" and deliver a minute later; nobody has un-received a message.
RANK: dict[str, int] = {
    Delivery.QUEUED: 0,
    Delivery.SENDING: 1,
    Delivery.UNKNOWN: 2,
    Delivery.SENT: 3,
    Delivery.FAILED: 4,
    Delivery.EXPIRED: 4,
    Delivery.WITHHELD: 4,
    Delivery.DELIVERED: 5,
    Delivery.READ: 6,
}
_SETTLED = frozenset({Delivery.DELIVERED, Delivery.READ, Delivery.FAILED, Delivery.EXPIRED, Delivery.WITHHELD})


def advance(message: Message, state: str, *, reason: str = "", at: datetime) -> bool:
    """Move a message forward; True if it did. A state that is not newer changes nothing."""
    if RANK[state] <= RANK[message.state]:
        return False
    message.state = str(state)
    message.reason = reason
    if state in _SETTLED:
        message.settled_at = at
    return True


def report(
    session: Session, gateway: str, external_id: str, *, state: str, code: str = "", at: datetime
) -> Message | None:
    """Apply a delivery report; keeps it where the message is not known yet.

    Returns the message when this report is what made it fail, so that an alert can go to the next rung.
    """
    message = session.scalars(
        select(Message)
        .where(Message.gateway == gateway, Message.external_id == external_id)
        .order_by(Message.created_at.desc())
        .limit(1)
        .with_for_update()
    ).one_or_none()
    if message is None:
        _keep(session, gateway, external_id, state=state, code=code, at=at)
        return None
    return message if advance(message, state, reason=code, at=at) and state in _FAILURES else None


def apply_kept(session: Session, message: Message, *, at: datetime) -> bool:
    """Call once `message.external_id` is set: applies a report that overtook it. True when that made it fail."""
    if not message.external_id:
        return False
    # Core, not ORM: once for every message that leaves, and nearly always for nothing.
    kept = session.connection().execute(_TAKE, {"of": message.gateway, "known_as": message.external_id}).one_or_none()
    return bool(kept and advance(message, kept.state, reason=kept.code, at=at) and kept.state in _FAILURES)


def drop_old_reports(database: Database) -> int:
    """Reports of messages that never became ours (another system's, a test's) are not kept for ever; how many went."""
    with database.transaction() as session:
        old = delete(_KEPT).where(_KEPT.c.at < func.now() - REPORTS_KEPT)
        return session.connection().execute(old).rowcount


_KEPT = cast("Table", DeliveryReport.__table__)
_TAKE = (
    delete(_KEPT)
    .where(_KEPT.c.gateway == bindparam("of"), _KEPT.c.external_id == bindparam("known_as"))
    .returning(_KEPT.c.state, _KEPT.c.code)
)
_FAILURES = frozenset({Delivery.FAILED, Delivery.EXPIRED})


def _keep(session: Session, gateway: str, external_id: str, *, state: str, code: str, at: datetime) -> None:
    row = pg_insert(DeliveryReport).values(gateway=gateway, external_id=external_id, state=state, code=code, at=at)
    newer = case(RANK, value=row.excluded.state, else_=0) > case(RANK, value=DeliveryReport.state, else_=0)
    session.execute(
        row.on_conflict_do_update(
            index_elements=["gateway", "external_id"],
            set_={"state": row.excluded.state, "code": row.excluded.code, "at": row.excluded.at},
            where=newer,
        )
    )
