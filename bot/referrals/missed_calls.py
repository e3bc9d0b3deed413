"""A missed call is "call me back", free for the caller: one request, however often the phone rings until it is closed.

It may be called back unless that contact said "not safe" or talked in private, before the call or after it (safety 1).
Then it goes where nobody learns from it what they must not know (safety 19): docs/decisions/0010.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from bot.engine.effects import MISSED_CALL, OpenReferral
from bot.referrals.access import queue_of
from bot.referrals.clocks import STANDARD, Clocks
from bot.referrals.lapsing import stand_still
from bot.referrals.rows import OVER, close_alerts, lock, once, release_unseeing, restart
from bot.referrals.writing import open_referral
from bot.store.ciphers import Ciphers
from bot.store.models import Case, Contact, Ladder, Referral, ReferralEvent, Ticket

EVERYDAY = frozenset({"assistance", "community"})  # their people must not learn of a talk in private
ADULT = 18


@dataclass(frozen=True, slots=True)
class _Files:
    """What the files of a phone say of whoever rings: which office, "" where several; are they all of minors?"""

    office: str
    minors: bool


def open_missed_call(
    session: Session,
    effect: OpenReferral,
    *,
    at: datetime,
    turn: str,
    contact_id: int | None,
    ciphers: Ciphers,
    clocks: Clocks = STANDARD,
) -> None:
    """Save the call as a need; while an earlier one of this contact is open, only note there that it rang again.

    A second time changes nothing: the number of a turn is given once.
    """
    if session.get(Ticket, effect.ticket) is not None:
        return
    standing = _standing(session, contact_id)
    if standing is not None:
        once(session, standing[0].id, kind="called_again", at=at, turn=turn, detail={})
        session.add(Ticket(number=effect.ticket, referral_id=standing[0].id, issued_at=at))
        return
    quiet = _quiet_queue(session, contact_id)
    files = _files(session, contact_id, year=clocks.local(at).year)
    if quiet:
        effect = msgspec.structs.replace(effect, queue=quiet, terms=None)
    open_referral(
        session,
        msgspec.structs.replace(effect, minor=files.minors),
        at=at,
        turn=turn,
        channel="voice",
        contact_id=contact_id,
        case_id=None,  # somebody rang from a phone; whose file it is about, nobody said
        office=files.office,
        ciphers=ciphers,
        clocks=clocks,
    )


def rang(session: Session, contacts: Collection[int]) -> set[int]:
    """Of these contacts, those with a missed call that is still open: what they say may take back that wish."""
    still = select(Referral.contact_id).where(
        Referral.contact_id.in_(contacts), Referral.source == MISSED_CALL, Referral.state.not_in(OVER)
    )
    return {one for one in session.scalars(still) if one is not None} if contacts else set()


def reconsider(session: Session, contact_id: int | None, *, at: datetime, turn: str, clocks: Clocks = STANDARD) -> None:
    """After whatever a contact said: if it was "not safe" or private, nobody may call because of an earlier call."""
    standing = _standing(session, contact_id)
    if standing is None:
        return
    referral, ladder = standing
    quiet = _quiet_queue(session, contact_id)
    if not quiet or (referral.terms_enc is None and quiet != "sealed"):
        return  # where staff moved it since then, there it stays
    referral.terms_enc = None
    if quiet == "sealed" or queue_of(referral) in EVERYDAY:
        _move(session, referral, ladder, quiet, at=at, turn=turn, clocks=clocks)
    elif referral.accepted_by is not None and referral.first_attempt_at is None:
        stand_still(session, referral, ladder, at=at, clocks=clocks)


def _move(
    session: Session, referral: Referral, ladder: Ladder, quiet: str, *, at: datetime, turn: str, clocks: Clocks
) -> None:
    before = queue_of(referral)
    if before == quiet:
        return
    referral.queue, referral.sealed = quiet, quiet == "sealed"
    referral.level = "critical" if referral.sealed else referral.level
    once(session, referral.id, kind="moved", at=at, turn=turn, detail={"from": before})
    close_alerts(session, referral, unseeing=True)
    release_unseeing(session, referral)
    if referral.accepted_by is None:
        restart(ladder, referral, at=at, clocks=clocks)
    else:
        stand_still(session, referral, ladder, at=at, clocks=clocks)


def _standing(session: Session, contact_id: int | None) -> tuple[Referral, Ladder] | None:
    """The open missed call of a contact, locked: staff may be closing it."""
    own = select(Referral.id).where(
        Referral.contact_id == contact_id, Referral.source == MISSED_CALL, Referral.state.not_in(OVER)
    )
    referral_id = session.scalar(own.limit(1)) if contact_id is not None else None
    locked = lock(session, referral_id) if referral_id is not None else None
    return locked if locked is not None and locked[0].state not in OVER else None


def _quiet_queue(session: Session, contact_id: int | None) -> str:
    """Where a call goes of a contact who ever said "not safe" or talked in private; "" where neither was said."""
    refused = exists().where(
        ReferralEvent.referral_id == Referral.id,
        ReferralEvent.kind == "updated",
        ReferralEvent.detail["may_call"].as_boolean().is_(False),
    )
    contact = session.get(Contact, contact_id) if contact_id is not None else None
    if contact is not None and contact.quiet:
        return "sealed"  # the request itself names no contact any more
    said = select(Referral).where(Referral.contact_id == contact_id, or_(Referral.private, Referral.sealed, refused))
    queues = {queue_of(one) for one in session.scalars(said)} if contact_id is not None else set()
    return "sealed" if "sealed" in queues else "protection" if queues else ""


def _files(session: Session, contact_id: int | None, *, year: int) -> _Files:
    wanted = select(Case.office, Case.year_of_birth).where(Case.contact_id == contact_id)
    rows = list(session.execute(wanted)) if contact_id is not None else []
    offices = {row.office for row in rows}
    minors = [row.year_of_birth is not None and year - row.year_of_birth < ADULT for row in rows]
    return _Files(offices.pop() if len(offices) == 1 else "", bool(minors) and all(minors))
