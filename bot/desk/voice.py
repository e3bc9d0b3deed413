"""The voice note of a request: what stands on its page, and who may hear it (docs/decisions/0014)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.desk import presenting_folder
from bot.desk.reading import Folder
from bot.desk.words import dates, say
from bot.referrals import access
from bot.store.models import Audit, Recording, Referral, Staff

SPOKEN = "voice_note"
REASON_HOLDS = timedelta(minutes=15)  # a reason given for a sealed request opens it so long


@dataclass(frozen=True, slots=True)
class Voice:
    """`plays`: the page has a player. `asks`: only after a reason. `words`: what there is to know, either way."""

    words: str
    plays: bool = False
    asks: bool = False


def voice(session: Session, folder: Folder, staff: Staff, now: datetime) -> Voice | None:
    """What the page shows; None where the request did not begin with a voice note."""
    referral = folder.entry.referral
    columns = select(Recording.state, Recording.delete_after).where(Recording.referral_id == referral.id)
    row = session.execute(columns).one_or_none()
    if row is None:
        return Voice(say("It could not be fetched. Ask on the call.")) if referral.source == SPOKEN else None
    if row.state == "deleted":
        return Voice(say("Deleted after 30 days."))
    if row.state == "lost":
        return Voice(say("It could not be fetched. Ask on the call."))
    if not presenting_folder.may_read(folder, (referral.opened_at, 0), staff):
        return Voice(say("Spoken for another queue."))
    if row.state == "waiting":
        return Voice(say("It is being fetched; open the page again in a minute."))
    if f"sound:{referral.id}" in folder.sealed and folder.opened is None:
        return Voice(say("Sealed: open the request to listen."))
    kept = say("Kept until %(day)s.", day=dates.day_of_month(row.delete_after))
    asks = (
        access.queue_of(referral) == "sealed"
        and folder.opened is None
        and not _gave_reason(session, referral, staff, now)
    )
    return Voice(kept, plays=not asks, asks=asks)


def _gave_reason(session: Session, referral: Referral, staff: Staff, now: datetime) -> bool:
    given = select(Audit.id).where(
        Audit.staff_id == staff.id,
        Audit.subject == f"referral:{referral.id}",
        Audit.action == "voice_opened",
        Audit.at > now - REASON_HOLDS,
    )
    return session.scalar(given.limit(1)) is not None
