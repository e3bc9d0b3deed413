"""Small steps that the rules share: locking a referral, closing its alerts, adding to its timeline."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.errors import ReferralError
from bot.referrals import words
from bot.referrals.access import may_see
from bot.referrals.clocks import Clocks, first_alert_at
from bot.referrals.telling import tell
from bot.store.ciphers import Ciphers
from bot.store.models import Alert, Audit, Case, Ladder, Referral, ReferralEvent, Staff

OVER = ("closed", "attached")


def lock(session: Session, referral_id: str) -> tuple[Referral, Ladder] | None:
    """Both rows, held until the end of the transaction; the ladder first, as everywhere. None: no such referral."""
    ladder = session.get(Ladder, referral_id, with_for_update=True)
    referral = session.get(Referral, referral_id, with_for_update={"key_share": True})
    if referral is None or ladder is None:
        return None
    return referral, ladder


def held(session: Session, referral: Referral, staff: Staff, *, over: bool = False) -> tuple[Referral, Ladder]:
    """Both rows as they are now, locked, if this person may see them; `over`: closed ones too.

    Raises ReferralError: `not_found` (also for who must not see it, safety 19), `over`.
    """
    rows = lock(session, referral.id)
    if rows is None or not may_see(staff, rows[0], case=case_of(session, rows[0])):
        raise ReferralError("not_found")
    if rows[0].state in OVER and not over:
        raise ReferralError("over")
    return rows


def case_of(session: Session, referral: Referral) -> Case | None:
    """The referral's own case, where it has one."""
    return session.get(Case, referral.case_id) if referral.case_id is not None else None


def add_event(session: Session, referral: Referral, staff: Staff, kind: str, at: datetime, **detail: object) -> None:
    """A step of a colleague in the timeline; codes and numbers only."""
    session.add(ReferralEvent(referral_id=referral.id, at=at, staff_id=staff.id, kind=kind, detail=dict(detail)))


def once(session: Session, referral_id: str, *, kind: str, at: datetime, turn: str, detail: dict[str, Any]) -> bool:
    """Add the event of a turn to the timeline; False where this turn added it before."""
    row = insert(ReferralEvent).values(
        referral_id=referral_id, at=at, kind=kind, detail=detail, once=f"{turn}|{kind}|{referral_id}"
    )
    return session.scalar(row.on_conflict_do_nothing(index_elements=["once"]).returning(ReferralEvent.id)) is not None


def open_alerts(session: Session, referral_id: str) -> list[Alert]:
    """Alerts of a referral that may still be answered."""
    return list(session.scalars(select(Alert).where(Alert.referral_id == referral_id, Alert.open).order_by(Alert.id)))


def release(referral: Referral) -> None:
    """Nobody's again. An attempt of whoever had it does not excuse the next one from calling (safety 16)."""
    referral.state, referral.accepted_by, referral.accepted_at = "new", None, None
    referral.first_attempt_at = None


def release_unseeing(session: Session, referral: Referral) -> bool:
    """Take it from a holder who may not see it any more; True if that was so. Nobody can serve what they can't open."""
    holder = session.get(Staff, referral.accepted_by) if referral.accepted_by is not None else None
    if holder is None or may_see(holder, referral, case=case_of(session, referral)):
        return False
    release(referral)
    return True


def restart(ladder: Ladder, referral: Referral, *, at: datetime, clocks: Clocks) -> None:
    """From the first rung, as a new round: the level rose, or other people must be told now."""
    if ladder.rung:
        ladder.round += 1
    ladder.rung = 0
    ladder.why = "opened"
    ladder.begins_after = None
    ladder.due_at = first_alert_at(referral.level, at, clocks=clocks)


def name_office(session: Session, referral: Referral) -> None:
    """A complaint without a file is about the office of the phone's own file, so that its staff are left out (safety 18)."""
    if referral.queue != "complaints" or referral.office or referral.case_id is not None or referral.contact_id is None:
        return
    its_own = select(Case.office).where(Case.contact_id == referral.contact_id).order_by(Case.office).limit(1)
    referral.office = session.scalar(its_own) or ""


def close_alerts(session: Session, referral: Referral, *, unseeing: bool = False) -> None:
    """No code of this referral works any more; `unseeing`: only of people who may no longer see it."""
    case = case_of(session, referral)
    for alert in open_alerts(session, referral.id):
        staff = session.get_one(Staff, alert.staff_id)
        if not unseeing or not may_see(staff, referral, case=case):
            alert.open = False


def tell_taken(
    session: Session, referral: Referral, *, by: Staff, at: datetime, ciphers: Ciphers, settings: Settings
) -> None:
    """Everyone told before hears that somebody else was first (safety 16), unless they may no longer know of it."""
    case = case_of(session, referral)
    told = select(Alert.staff_id).where(Alert.referral_id == referral.id, Alert.staff_id != by.id).distinct()
    for staff in session.scalars(select(Staff).where(Staff.id.in_(told)).order_by(Staff.id)):
        if staff.active and may_see(staff, referral, case=case):
            text = words.say("taken", staff.language, ticket=words.shown(referral.ticket))
            tell(session, staff, text=text, at=at, referral_id=referral.id, ciphers=ciphers, settings=settings)


def audit(session: Session, staff: Staff, action: str, *, referral: Referral, at: datetime, **detail: object) -> None:
    """Who did what, for ever (the application may only add)."""
    session.add(
        Audit(
            staff_id=staff.id,
            at=at,
            action=f"referral.{action}",
            subject=f"referral:{referral.id}",
            detail=dict(detail),
        )
    )
