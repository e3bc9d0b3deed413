"""What became of a message: states only move forward, and a report may come before our own bookkeeping."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import cast

from sqlalchemy import Table, all_, bindparam, case, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from bot.messages import Delivery
from bot.reasons import Why, why
from bot.store.database import Database
from bot.store.models import Contact, DeliveryReport, Message

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
    session: Session,
    gateway: str,
    external_id: str,
    *,
    state: str,
    code: str = "",
    message: str = "",
    part: int = 1,
    parts: int = 1,
    reasons: Mapping[str, Why] = MappingProxyType({}),
    at: datetime,
) -> Message | None:
    """Apply a delivery report; keeps it where the message is not known yet.

    `message` is our own id, where the gateway echoes it: so a send whose reply was lost is settled, and gets its
    external id. One part of several that arrived is no arrival yet, and only the last one proves that all were sent:
    the next may still have to be (docs/decisions/0013). `reasons` are the gateway's (`Gateway.reasons`). Returns the
    message when this report is what made it fail, so that an alert can go to the next rung.
    """
    missing = None
    if parts > 1 and state in _ARRIVED:
        missing = ((1 << parts) - 1) & ~(1 << (part - 1))
        state = Delivery.SENT if part == parts else Delivery.QUEUED
    found = _known(session, gateway, external_id) or _ours(session, gateway, external_id, state=state, own=message)
    if found is None:
        _keep(session, gateway, external_id, state=state, code=code, message=message, missing=missing, at=at)
        return None
    failed = _apply(session, found, state, code, reasons, at, missing=missing)
    if not found.external_id:  # known from now on: what came under it alone may have been kept
        found.external_id = external_id
        failed = apply_kept(session, found, reasons=reasons, at=at) or failed
    return found if failed and found.state in _FAILURES else None


def apply_kept(
    session: Session, message: Message, *, reasons: Mapping[str, Why] = MappingProxyType({}), at: datetime
) -> bool:
    """Call once `message.external_id` is set, or once it is clear that none will come: applies a report that overtook it.

    True when that made it fail.
    """
    # Core, not ORM: once for every message that leaves, and nearly always for nothing.
    if message.external_id:
        rows = session.connection().execute(_TAKE, {"of": message.gateway, "known_as": message.external_id})
    else:
        rows = session.connection().execute(_TAKE_OURS, {"of": message.gateway, "own": message.id})
    failed = False
    for kept in sorted(rows.all(), key=lambda row: RANK.get(row.state, 0), reverse=True)[:1]:
        message.external_id = message.external_id or kept.external_id
        failed = _apply(session, message, kept.state, kept.code, reasons, at, missing=kept.parts_missing)
    return failed


def mark_contact(session: Session, message: Message, cause: Why | None, *, at: datetime) -> None:
    """Note on the contact what a settled message tells: a dead number, a block, or (`cause` None) that it arrived.

    A dead number stays marked until its person writes (`bot/recorder/rows.py`) or a message arrives there.
    """
    if message.contact_id is None:
        return
    contact = update(Contact).where(Contact.id == message.contact_id).execution_options(synchronize_session=False)
    if cause is None:
        session.execute(contact.where(Contact.unreachable_at.is_not(None)).values(unreachable_at=None))
    elif cause is Why.BAD_NUMBER:
        # Reports and messages take different ways here: whoever wrote after it has a living number.
        silent = or_(Contact.last_seen_at.is_(None), Contact.last_seen_at <= at)
        session.execute(contact.where(Contact.unreachable_at.is_(None), silent).values(unreachable_at=at))
    elif cause is Why.BLOCKED:
        more = func.array_append(Contact.blocked, message.channel)
        session.execute(contact.where(literal(message.channel) != all_(Contact.blocked)).values(blocked=more))


def drop_old_reports(database: Database) -> int:
    """Reports of messages that never became ours (another system's, a test's) are not kept for ever; how many went."""
    with database.transaction() as session:
        old = delete(_KEPT).where(_KEPT.c.at < func.now() - REPORTS_KEPT)
        return session.connection().execute(old).rowcount


_KEPT = cast("Table", DeliveryReport.__table__)
_TAKE = (
    delete(_KEPT)
    .where(_KEPT.c.gateway == bindparam("of"), _KEPT.c.external_id == bindparam("known_as"))
    .returning(_KEPT.c.external_id, _KEPT.c.state, _KEPT.c.code, _KEPT.c.parts_missing)
)
_TAKE_OURS = (
    delete(_KEPT)
    .where(_KEPT.c.gateway == bindparam("of"), _KEPT.c.message == bindparam("own"))
    .returning(_KEPT.c.external_id, _KEPT.c.state, _KEPT.c.code, _KEPT.c.parts_missing)
)
_FAILURES = frozenset({Delivery.FAILED, Delivery.EXPIRED})


_ARRIVED = frozenset({Delivery.DELIVERED, Delivery.READ})


def _apply(
    session: Session,
    message: Message,
    state: str,
    code: str,
    reasons: Mapping[str, Why],
    at: datetime,
    *,
    missing: int | None = None,
) -> bool:
    """Move it forward and mark its contact; True when that made it fail. `missing`: parts that this report leaves out."""
    if missing is not None:
        still = message.parts_missing
        message.parts_missing = missing if still is None else still & missing
        if not message.parts_missing:
            state, code = Delivery.DELIVERED, ""
    if not advance(message, state, reason=code, at=at):
        return False
    if state in _ARRIVED:
        mark_contact(session, message, None, at=at)
    elif state in _FAILURES:
        mark_contact(session, message, why(reasons, code), at=at)
    return state in _FAILURES


def _known(session: Session, gateway: str, external_id: str) -> Message | None:
    return session.scalars(
        select(Message)
        .where(Message.gateway == gateway, Message.external_id == external_id)
        .order_by(Message.created_at.desc())
        .limit(1)
        .with_for_update()
    ).one_or_none()


def _ours(session: Session, gateway: str, external_id: str, *, state: str, own: str) -> Message | None:
    """The message of our own id, if it went by this gateway and the report can be about its present try.

    That an earlier try arrived is always news; that it failed is none, while another one is on its way.
    """
    found = session.get(Message, own, with_for_update=True) if own.isalnum() else None
    if found is None or found.gateway != gateway:
        return None
    another = found.state == Delivery.QUEUED or (found.external_id or external_id) != external_id
    return None if another and state not in _ARRIVED else found


def _keep(
    session: Session,
    gateway: str,
    external_id: str,
    *,
    state: str,
    code: str,
    message: str,
    missing: int | None,
    at: datetime,
) -> None:
    values = {"gateway": gateway, "external_id": external_id, "state": state, "code": code, "message": message}
    row = pg_insert(DeliveryReport).values(**values, parts_missing=missing, at=at)
    kept = DeliveryReport
    newer = case(RANK, value=row.excluded.state, else_=0) > case(RANK, value=kept.state, else_=0)
    later = {name: case((newer, row.excluded[name]), else_=getattr(kept, name)) for name in ("state", "code", "at")}
    whose = func.greatest(kept.message, row.excluded.message)  # "" is the least
    known, told = kept.parts_missing, row.excluded.parts_missing
    missed = func.coalesce(known.bitwise_and(told), known, told)  # NULL in, NULL out: then the one that says something
    session.execute(
        row.on_conflict_do_update(
            index_elements=["gateway", "external_id"], set_={**later, "message": whose, "parts_missing": missed}
        )
    )
