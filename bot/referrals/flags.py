"""Something to keep in mind about a referral until a day: a word of a short list, shown on the day it is due."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.errors import ReferralError
from bot.referrals import access, rows
from bot.store.models import Flag, Referral, Staff

WORDS = ("medical", "document", "interpreter", "safety", "call")
LONGEST = timedelta(days=366)


def put_flag(
    session: Session, referral: Referral, staff: Staff, word: str, until: date, at: datetime, *, today: date
) -> Flag:
    """Set it; the same word a second time moves its day. Raises ReferralError: `not_found`, `over`, `unknown_flag`,
    `wrong_day` (past, or more than a year away).
    """
    if word not in WORDS:
        raise ReferralError("unknown_flag")
    if not today <= until <= today + LONGEST:
        raise ReferralError("wrong_day")
    referral, _ = rows.held(session, referral, staff)
    flag = next((one for one in flags_of(session, referral.id) if one.word == word), None)
    if flag is not None and flag.until == until:
        return flag
    if flag is not None:
        flag.ended_at = at
    flag = Flag(referral_id=referral.id, word=word, until=until, staff_id=staff.id, at=at)
    session.add(flag)
    session.flush()
    rows.add_event(session, referral, staff, "flagged", at, flag=flag.id, word=word, until=until.isoformat(), was={})
    rows.audit(session, staff, "flag", referral=referral, at=at, word=word)
    return flag


def end_flag(session: Session, referral: Referral, staff: Staff, flag_id: int, at: datetime) -> None:
    """By hand: it is done. A second time changes nothing. Raises ReferralError: `not_found`."""
    referral, _ = rows.held(session, referral, staff, over=True)
    flag = session.get(Flag, flag_id)
    if flag is None or flag.referral_id != referral.id:
        raise ReferralError("not_found")
    if flag.ended_at is not None:
        return
    flag.ended_at = at
    rows.add_event(session, referral, staff, "flag_ended", at, flag=flag.id, word=flag.word, was={})
    rows.audit(session, staff, "end_flag", referral=referral, at=at, word=flag.word)


def flags_of(session: Session, referral_id: str) -> list[Flag]:
    """Those that stand, the next day first."""
    wanted = select(Flag).where(Flag.referral_id == referral_id, Flag.ended_at.is_(None))
    return list(session.scalars(wanted.order_by(Flag.until, Flag.id)))


def due(session: Session, staff: Staff, today: date, *, most: int) -> list[tuple[Flag, Referral]]:
    """Flags whose day has come, of open referrals that this person has, or that they see and nobody has."""
    wanted = (
        select(Flag, Referral)
        .join(Referral, Referral.id == Flag.referral_id)
        .where(
            Flag.ended_at.is_(None),
            Flag.until <= today,
            Referral.state.not_in(rows.OVER),
            Referral.accepted_by.is_(None) | (Referral.accepted_by == staff.id),
            access.visible(staff),
        )
        .order_by(Flag.until, Flag.id)
        .limit(most)
    )
    return [(row[0], row[1]) for row in session.execute(wanted)]
