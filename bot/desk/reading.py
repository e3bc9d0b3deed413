"""What the desk reads. Every query carries `access.visible`: what a reader may not see is not there (safety 19)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from bot.engine.effects import MISSED_CALL
from bot.referrals import access
from bot.referrals.opening import Contents
from bot.store.models import (
    Alert,
    Audit,
    Case,
    Contact,
    Ladder,
    Message,
    MessageAlert,
    Referral,
    ReferralEvent,
    Staff,
    Ticket,
)

DONE = ("closed", "attached")
SHARED_LIST = 20
SHOWN_READINGS = (
    "referral_read",
    "text_read",
    "number_read",
    "voice_opened",
    "voice_heard",
    "request_printed",
    "sealed_opened",
)
IS_OPEN = Referral.state.not_in(DONE)
IS_CRITICAL = or_(Referral.level == "critical", Referral.private)  # a private talk, until a human lowers it (safety 3)
UNANSWERED = and_(Referral.state == "new", IS_CRITICAL)
_BY_LEVEL = case((IS_CRITICAL, 0), (Referral.level == "high", 1), else_=2)


@dataclass(frozen=True, slots=True)
class CalledAgain:
    """After a missed call the phone rang again: how often, and when last."""

    times: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list: the referral and where its ladder stands."""

    referral: Referral
    ladder: Ladder | None
    my_alert: Alert | None = None
    called_again: CalledAgain | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One person told, and what became of the message."""

    alert: Alert
    name: str
    message: Message | None


@dataclass(slots=True)
class Folder:
    """Everything that the page of one referral shows."""

    entry: Entry
    accepted_by: str = ""
    contact: Contact | None = None
    case: Case | None = None
    told: list[Told] = field(default_factory=list)
    events: list[tuple[ReferralEvent, str]] = field(default_factory=list)
    readings: list[tuple[Audit, str]] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)
    same_phone: list[Referral] = field(default_factory=list)
    sealed: frozenset[str] = frozenset()  # what of it is sealed, for whomever
    opened: Contents | None = None  # of that, what this reader has open


def open_entries(
    session: Session, staff: Staff, *which: ColumnElement[bool], start: int = 0, most: int, own_first: bool = False
) -> list[Entry]:
    """Open referrals that this person may see: critical first, then the oldest; `most` of them from `start`."""
    first = [Referral.accepted_by.is_(None)] if own_first else []
    order = (*first, _BY_LEVEL, Referral.opened_at, Referral.id)
    query = _with_ladder(IS_OPEN, access.visible(staff), *which).order_by(*order).offset(start).limit(most)
    return _entries(session, staff, query)


def open_count(session: Session, staff: Staff, *which: ColumnElement[bool]) -> int:
    """How many of them there are."""
    return session.scalar(select(func.count(Referral.id)).where(IS_OPEN, access.visible(staff), *which)) or 0


def mine(staff: Staff) -> ColumnElement[bool]:
    """What stands on this person's Today: accepted by them, or by nobody."""
    return or_(Referral.accepted_by.is_(None), Referral.accepted_by == staff.id)


def mine_count(session: Session, staff: Staff) -> int:
    """How many that are."""
    return open_count(session, staff, mine(staff))


def find(session: Session, staff: Staff, ticket: str) -> str | None:
    """The referral of a number that was shown to a person. One query, the same for a number that never was."""
    found = (
        select(Referral.id)
        .join(Ticket, Ticket.referral_id == Referral.id)
        .where(Ticket.number == ticket, access.visible(staff))
    )
    return session.scalar(found)


def seen(session: Session, staff: Staff, referral_id: str) -> Referral | None:
    """The referral, if this person may see it; None also where it doesn't exist."""
    return session.scalar(select(Referral).where(Referral.id == referral_id, access.visible(staff)))


def folder(session: Session, staff: Staff, referral_id: str) -> Folder | None:
    """All of one referral, or None."""
    entries = _entries(session, staff, _with_ladder(Referral.id == referral_id, access.visible(staff)))
    if not entries:
        return None
    entry = entries[0]
    referral = entry.referral
    found = Folder(entry, accepted_by=_name(session, referral.accepted_by))
    found.contact = session.get(Contact, referral.contact_id) if referral.contact_id else None
    found.case = session.get(Case, referral.case_id) if referral.case_id else None
    found.told = _told(session, referral.id)
    found.events = _events(session, referral.id)
    found.readings = _readings(session, referral.id)
    found.tickets = list(
        session.scalars(select(Ticket.number).where(Ticket.referral_id == referral.id).order_by(Ticket.issued_at))
    )
    found.same_phone = _same_phone(session, staff, referral)
    return found


def names(session: Session, ids: set[int]) -> dict[int, str]:
    """Names of staff."""
    return {row[0]: row[1] for row in session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(ids or {0})))}


def _with_ladder(*conditions: ColumnElement[bool]) -> Select[Referral, Ladder]:
    return select(Referral, Ladder).outerjoin(Ladder, Ladder.referral_id == Referral.id).where(*conditions)


def _entries(session: Session, staff: Staff, query: Select[Referral, Ladder]) -> list[Entry]:
    """The rows of `query`, each with this person's own open alert."""
    pairs: list[tuple[Referral, Ladder | None]] = [(row[0], row[1]) for row in session.execute(query)]
    alerts = select(Alert).where(
        Alert.staff_id == staff.id, Alert.open, Alert.referral_id.in_([referral.id for referral, _ in pairs])
    )
    mine = {alert.referral_id: alert for alert in session.scalars(alerts.order_by(Alert.told_at))}
    again = _called_again(session, [one.id for one, _ in pairs if one.source == MISSED_CALL])
    return [Entry(referral, ladder, mine.get(referral.id), again.get(referral.id)) for referral, ladder in pairs]


def _called_again(session: Session, ids: list[str]) -> dict[str, CalledAgain]:
    if not ids:
        return {}
    rows = session.execute(
        select(ReferralEvent.referral_id, func.count(), func.max(ReferralEvent.at))
        .where(ReferralEvent.referral_id.in_(ids), ReferralEvent.kind == "called_again")
        .group_by(ReferralEvent.referral_id)
    )
    return {referral_id: CalledAgain(times, last) for referral_id, times, last in rows}


def _told(session: Session, referral_id: str) -> list[Told]:
    rows = session.execute(
        select(Alert, Staff.name, Message)
        .join(Staff, Staff.id == Alert.staff_id)
        .outerjoin(MessageAlert, MessageAlert.alert_id == Alert.id)
        .outerjoin(Message, Message.id == MessageAlert.message_id)
        .where(Alert.referral_id == referral_id)
        .order_by(Alert.told_at, Alert.id)
    )
    # Of several messages about one alert (a repeat, "taken") the first is the alert itself.
    found: dict[int, Told] = {}
    for row in rows:
        alert, name = row[0], row[1]
        message: Message | None = row[2]
        if alert.id not in found or (message is not None and message.kind == "alert"):
            found[alert.id] = Told(alert, name, message)
    return list(found.values())


def _events(session: Session, referral_id: str) -> list[tuple[ReferralEvent, str]]:
    rows = session.execute(
        select(ReferralEvent, func.coalesce(Staff.name, ""))
        .outerjoin(Staff, Staff.id == ReferralEvent.staff_id)
        .where(ReferralEvent.referral_id == referral_id)
        .order_by(ReferralEvent.at.desc(), ReferralEvent.id.desc())
    )
    return [(event, name) for event, name in rows]


def _readings(session: Session, referral_id: str) -> list[tuple[Audit, str]]:
    """Who opened the page first when, and every reading that needed a reason."""
    rows = session.execute(
        select(Audit, func.coalesce(Staff.name, ""))
        .outerjoin(Staff, Staff.id == Audit.staff_id)
        .where(Audit.subject == f"referral:{referral_id}", Audit.action.in_(SHOWN_READINGS))
        .order_by(Audit.at)
    )
    opened: set[int | None] = set()
    found = []
    for audit, name in rows:
        if audit.action != "referral_read" or audit.staff_id not in opened:
            found.append((audit, name))
        opened.add(audit.staff_id)
    return found


def _same_phone(session: Session, staff: Staff, referral: Referral) -> list[Referral]:
    if referral.contact_id is None:
        return []
    others = select(Referral).where(
        Referral.contact_id == referral.contact_id,
        Referral.id != referral.id,
        Referral.state != "attached",
        access.visible(staff),
    )
    return list(session.scalars(others.order_by(Referral.opened_at.desc()).limit(SHARED_LIST)))


def _name(session: Session, staff_id: int | None) -> str:
    return session.scalar(select(Staff.name).where(Staff.id == staff_id)) or "" if staff_id else ""
