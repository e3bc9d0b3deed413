"""Whom a broadcast reaches, on which channel, and who is left out and why.

Two kinds of reasons. Those that any page of a file or phone shows are told before it is sent. Those that would tell of
a request or a flag (a talk in private, a seal, a child, terms that allow nothing) are found when the plan is made and
again when a message has its turn, and are told to nobody (safety 19; docs/decisions/0035-broadcasts.md).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    any_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from bot.gate import WHATSAPP_WINDOW
from bot.kinds import Kind
from bot.messages import Channel
from bot.referrals import access
from bot.referrals.rows import OVER
from bot.referrals.terms import open_terms
from bot.store.ciphers import Ciphers
from bot.store.models import Case, Contact, OptOut, Referral, Turn

SILENT_FOR = timedelta(days=180)  # after so long somebody else may have the number (domain rules)
KNOWN_ON_WHATSAPP = timedelta(days=30)  # whoever wrote there within that reads there; turns are kept so long
# a person says it first (safety 13): nothing by machine before
PERSON_FIRST = ("LOST_CONTACT", "CANCELLED")
ADULT = 18
# in this order: the first that holds is told
REASONS = ("no_phone", "deceased", "person_first", "unreachable", "silent", "stopped", "blocked")


@dataclass(frozen=True, slots=True)
class Reach:
    """What a broadcast says of ways: by WhatsApp at all, and may a template go where its 24 hours are over?"""

    whatsapp: bool
    template: bool


@dataclass(frozen=True, slots=True)
class Part:
    """So many phones of one reason ("" for those who get it), language and channel."""

    reason: str
    language: str
    channel: str
    phones: int
    files: int


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who gets it: one phone, with one of its files in the group."""

    contact_id: int
    case_id: int
    language: str
    channel: str


def count(session: Session, condition: ColumnElement[bool], reach: Reach, *, now: datetime) -> list[Part]:
    """The group by reason, language and channel; files without a phone count as one phone each."""
    one = _audience(condition, reach, now).subquery()
    query = select(one.c.reason, one.c.language, one.c.channel, func.count(), func.sum(one.c.files))
    rows = session.execute(query.group_by(one.c.reason, one.c.language, one.c.channel))
    found = [Part(row[0], row[1], row[2], row[3], int(row[4])) for row in rows]
    without = session.scalar(select(func.count()).select_from(Case).where(condition, Case.contact_id.is_(None))) or 0
    return [*found, Part("no_phone", "", "", without, without)] if without else found


def people(
    session: Session,
    condition: ColumnElement[bool],
    reach: Reach,
    *,
    now: datetime,
    ciphers: Ciphers,
    after: int = 0,
    most: int | None = None,
) -> tuple[list[Person], int]:
    """Those who may be written to, by contact id from `after` on, and up to which id was looked; 0: no one is left."""
    one = _audience(and_(condition, Case.contact_id > after), reach, now).order_by("contact_id").limit(most)
    rows = session.execute(one).all()
    if not rows:
        return [], 0
    told = [
        Person(row.contact_id, row.case_id, row.language, row.channel)
        for row in rows
        if not row.reason and not row.by_staff
    ]
    kept = protected(session, [person.contact_id for person in told], ciphers=ciphers)
    return [person for person in told if person.contact_id not in kept], rows[-1].contact_id


def protected(session: Session, contacts: Collection[int], *, ciphers: Ciphers) -> frozenset[int]:
    """Whose phone gets nothing by machine: talks in private, seals, children, and terms that allow no call there."""
    wanted = Contact.id == any_(cast(list(contacts), ARRAY(BigInteger)))  # one parameter, however many there are
    quiet = session.scalars(select(Contact.id).where(wanted, Contact.quiet))
    found = set(quiet)
    marks = or_(Referral.private, Referral.minor, access.queue_rows().in_(("sealed", "gbv", "child")))
    query = (
        select(Contact.id, Referral.id, Referral.terms_enc, Referral.state, marks.label("marked"))
        .join(Referral, Referral.contact_id == Contact.id)
        .where(wanted)
        .order_by(Referral.opened_at.desc(), Referral.id)
    )
    met: set[int] = set()
    for contact_id, referral_id, terms_enc, state, marked in session.execute(query):
        counts = state not in OVER or (contact_id not in met and state != "attached")
        met.update({contact_id} if state != "attached" else ())
        if marked or (counts and not _allows(referral_id, terms_enc, ciphers)):
            found.add(contact_id)
    return frozenset(found)


def person_first(session: Session, cases: Collection[int]) -> frozenset[int]:
    """Of which of these files a person speaks before any machine does (safety 13)."""
    wanted = Case.id == any_(cast(list(cases), ARRAY(BigInteger)))
    return frozenset(session.scalars(select(Case.id).where(wanted, _of_file() != "")))


def _allows(referral_id: str, terms_enc: bytes | None, ciphers: Ciphers) -> bool:
    """Unanswered is not allowed (safety 1); who named another number does not wish this one used."""
    terms = open_terms(referral_id, terms_enc, ciphers=ciphers)
    return terms is not None and terms.may_call and not terms.number and not terms.sealed


def _audience(
    condition: ColumnElement[bool], reach: Reach, now: datetime
) -> Select[tuple[str, int, int, str, str, int, bool]]:
    """A row a phone: reason, contact_id, case_id, language, channel, files, by_staff."""
    reason, by_whatsapp = _reason(reach, now)
    # a file that may be written about comes before one that may not: a phone can be shared
    by_staff = _by_staff(now)
    first = func.row_number().over(partition_by=Case.contact_id, order_by=[_of_file() != "", by_staff, Case.id])
    files = (
        select(
            Case.contact_id.label("contact_id"), Case.id.label("case_id"), _of_file().label("of_file"),
            Case.language.label("language"), by_staff.label("by_staff"), first.label("place"),
            func.count().over(partition_by=Case.contact_id).label("files"),
        )
        .where(condition, Case.contact_id.is_not(None))
        .subquery()
    )  # fmt: skip
    query = select(
        func.coalesce(func.nullif(files.c.of_file, ""), reason).label("reason"),
        files.c.contact_id, files.c.case_id, func.coalesce(Contact.language, files.c.language).label("language"),
        case((by_whatsapp, Channel.WHATSAPP.value), else_=Channel.SMS.value).label("channel"), files.c.files,
        files.c.by_staff,
    )  # fmt: skip
    return query.join_from(files, Contact, Contact.id == files.c.contact_id).where(files.c.place == 1)


def _of_file() -> ColumnElement[str]:
    untold = and_(Case.stage == "NOT_ELIGIBLE", Case.told_by_person.is_(False))
    return case(
        (Case.stage == "DECEASED", "deceased"), (or_(Case.stage.in_(PERSON_FIRST), untold), "person_first"), else_=""
    )


def _by_staff(now: datetime) -> ColumnElement[bool]:
    """Of a child's file and of a flagged one only people speak (safety 6, 10), as in bot/outreach/pushing.py."""
    child = func.coalesce(now.year - Case.year_of_birth < ADULT, false())
    return or_(child, Case.vulnerability == "protection")


def _reason(reach: Reach, now: datetime) -> tuple[ColumnElement[str], ColumnElement[bool]]:
    """Why a phone gets nothing, and whether it is reached by WhatsApp."""
    since = now - (KNOWN_ON_WHATSAPP if reach.template else WHATSAPP_WINDOW)
    writes = select(Turn.contact_id).where(
        Turn.channel == Channel.WHATSAPP.value, Turn.kind == "message", Turn.at > since, Turn.contact_id.is_not(None)
    )
    stopped, blocked = {}, {}
    for channel in (Channel.SMS, Channel.WHATSAPP):
        ended = cast([channel.value, f"{channel}:{Kind.BROADCAST}"], ARRAY(Text))
        untold = select(OptOut.id).where(
            OptOut.contact_id == Contact.id, OptOut.told_at.is_(None), OptOut.stopped.overlap(ended)
        )
        stopped[channel] = or_(Contact.stopped.overlap(ended), exists(untold.correlate(Contact)))
        blocked[channel] = Contact.blocked.contains(cast([channel.value], ARRAY(Text)))
    by_whatsapp = and_(
        literal(reach.whatsapp), Contact.id.in_(writes),
        ~stopped[Channel.WHATSAPP], ~blocked[Channel.WHATSAPP],
    )  # fmt: skip
    last = func.coalesce(Contact.last_seen_at, Contact.first_seen_at)
    unproved = func.coalesce(Contact.proved_at < now - SILENT_FOR, true())
    reason = case(
        (Contact.unreachable_at.is_not(None), "unreachable"),
        (or_(Contact.silent_since.is_not(None), and_(last < now - SILENT_FOR, unproved)), "silent"),
        (by_whatsapp, ""),
        (stopped[Channel.SMS], "stopped"),
        (blocked[Channel.SMS], "blocked"),
        else_="",
    )
    return reason, by_whatsapp
