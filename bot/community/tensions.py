"""Tensions: counted where, of which kind, now or not; nobody's name. Published as counts of five and more (domain rules).

Who reported is known to the request alone, and so are the terms on which the committee's answer may reach them.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec.structs
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.community.noting import note
from bot.config import Settings
from bot.errors import CommunityError
from bot.kinds import Kind
from bot.outbox import Draft, NotWritten, put, read
from bot.referrals.access import may_see
from bot.referrals.replying import way
from bot.referrals.rows import case_of
from bot.referrals.small_numbers import Count, protect_table
from bot.referrals.terms import read_terms, write_terms
from bot.store.ciphers import Ciphers
from bot.store.models import Community, Referral, Staff, Tension, TensionAnswer

KINDS = ("water", "market", "work", "housing", "insult", "fight")
WEEKS = 12
LONGEST_PERIOD = timedelta(days=92)


def report(session: Session, referral_id: str, community_id: int, kind: str, *, happening: bool, at: datetime) -> None:
    """Count it, once a request; said again it is the same tension, perhaps of another kind."""
    if kind not in KINDS or session.get(Community, community_id) is None or session.get(Referral, referral_id) is None:
        return
    said = {"community_id": community_id, "kind": kind, "happening": happening}
    row = insert(Tension).values(referral_id=referral_id, at=at, **said)
    session.execute(row.on_conflict_do_update(index_elements=["referral_id"], set_=said))


def allow_answer(session: Session, referral_id: str, *, ciphers: Ciphers) -> None:
    """The person wants the committee's answer in writing; only where a call is allowed, too (safety 1, 2)."""
    referral = session.get(Referral, referral_id)
    terms = read_terms(referral, ciphers=ciphers) if referral is not None else None
    if referral is not None and terms is not None and terms.may_call:
        write_terms(referral, msgspec.structs.replace(terms, text=True), ciphers=ciphers)


def mondays(now: datetime, zone: ZoneInfo) -> list[date]:
    """The last whole weeks, oldest first; a running one would tell each report as it comes."""
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    return [monday - timedelta(weeks=back) for back in range(WEEKS, 0, -1)]


def trends(session: Session, community_id: int, now: datetime, zone: ZoneInfo) -> dict[str, list[Count]]:
    """By kind, the counts of the last whole weeks as they may be published."""
    weeks = mondays(now, zone)
    week = func.date_trunc("week", func.timezone(zone.key, Tension.at))
    rows = session.execute(
        select(Tension.kind, week, func.count())
        .where(Tension.community_id == community_id, func.timezone(zone.key, Tension.at) >= weeks[0])
        .group_by(Tension.kind, week)
    )
    counts = {(kind, monday.date()): count for kind, monday, count in rows}
    table = protect_table([[counts.get((kind, monday), 0) for monday in weeks] for kind in KINDS])
    return dict(zip(KINDS, table, strict=True))


def answer(
    session: Session,
    staff: Staff,
    community: Community,
    answered: TensionAnswer,
    at: datetime,
    *,
    settings: Settings,
    ciphers: Ciphers,
) -> None:
    """Write to everybody who reported in that time and may be written to, each once; how many is told to nobody.

    `answered` holds kind, days and words by language; it is kept. Raises CommunityError `period`, and
    bot.outbox.NotWritten for words that could never leave.
    """
    if not timedelta(0) <= answered.last_day - answered.first_day <= LONGEST_PERIOD:
        raise CommunityError("period")
    for words in answered.words.values():
        read(session, Draft(Kind.BROADCAST, sms=words), ciphers=ciphers)
    session.add(answered)
    session.flush()
    for tension, referral in _reported(session, community, answered, ZoneInfo(settings.timezone)):
        if may_see(staff, referral, case=case_of(session, referral)):
            draft = _draft(session, referral, answered, at, ciphers=ciphers)
            if draft is not None and _put(session, draft, at, settings=settings, ciphers=ciphers):
                tension.answer_id = answered.id
    note(session, staff, "tensions_answered", f"community:{community.id}", at, kind=answered.kind)


def answers_of(session: Session, community_id: int) -> list[TensionAnswer]:
    """What the committee answered so far, the newest first."""
    rows = select(TensionAnswer).where(TensionAnswer.community_id == community_id)
    return list(session.scalars(rows.order_by(TensionAnswer.id.desc())))


def _reported(
    session: Session, community: Community, answered: TensionAnswer, zone: ZoneInfo
) -> list[tuple[Tension, Referral]]:
    day = func.date(func.timezone(zone.key, Tension.at))
    rows = select(Tension, Referral).join(Referral, Referral.id == Tension.referral_id)
    rows = rows.where(
        Tension.community_id == community.id,
        Tension.answer_id.is_(None),
        day.between(answered.first_day, answered.last_day),
    )
    if answered.kind:
        rows = rows.where(Tension.kind == answered.kind)
    return [(row[0], row[1]) for row in session.execute(rows.with_for_update(of=Tension).order_by(Tension.at))]


def _draft(
    session: Session, referral: Referral, answered: TensionAnswer, at: datetime, *, ciphers: Ciphers
) -> Draft | None:
    """None: this person may not be written to. The gate asks again before it leaves."""
    there = way(session, referral, Kind.BROADCAST, at, ciphers=ciphers)
    if there.why or there.contact is None:
        return None
    words = answered.words.get(there.contact.language or "") or answered.words["fr"]
    return Draft(
        Kind.BROADCAST,
        there.channel,
        contact=there.contact,
        sms=words,
        whatsapp=words,
        referral_id=referral.id,
        id=ciphers.derived_id(referral.id.encode(), "tension|answer"),
    )


def _put(session: Session, draft: Draft, at: datetime, *, settings: Settings, ciphers: Ciphers) -> bool:
    try:
        put(session, draft, at=at, settings=settings, ciphers=ciphers)
    except NotWritten:
        return False  # the words hold this person's own name, or there is no number: nobody else is kept waiting
    return True
