"""A sealed request on its page: locked, open for who gave passphrase and reason, or without a key to open it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.desk import unlocking
from bot.desk.forms_sealed import OpenForm
from bot.desk.reading import Folder
from bot.desk.services import now, services
from bot.desk.words import say
from bot.referrals import access, opening, reader_keys
from bot.referrals.opening import Contents
from bot.store.models import Audit, Recording, Referral, Staff

REASON_HOLDS = timedelta(minutes=15)  # a reason given for a sealed request opens it so long


@dataclass(frozen=True, slots=True)
class Seal:
    """What the page says of the seal. `state`: open, locked, or no_key."""

    state: str
    words: str


def look_into(session: Session, staff: Staff, folder: Folder) -> None:
    """Note what of this request is sealed, and open it where this reader may read it now."""
    if access.queue_of(folder.entry.referral) == "sealed":
        folder.sealed = opening.subjects(session, folder.entry.referral.id)
        folder.opened = opened(session, staff, folder.entry.referral) if folder.sealed else None


def opened(session: Session, staff: Staff, referral: Referral) -> Contents | None:
    """What is sealed of it; None where this reader gave no reason in the last 15 minutes or has the key locked."""
    if access.queue_of(referral) != "sealed" or not gave_reason(session, referral.id, staff):
        return None
    key = unlocking.unlocked(session, staff)
    return opening.contents(session, referral.id, key) if key is not None else None


def gave_reason(session: Session, referral_id: str, staff: Staff) -> bool:
    """Did this person say why, in the last 15 minutes?"""
    given = select(Audit.id).where(
        Audit.staff_id == staff.id,
        Audit.subject == f"referral:{referral_id}",
        Audit.action == "sealed_opened",
        Audit.at > now() - REASON_HOLDS,
    )
    return session.scalar(given.limit(1)) is not None


def needs_key(staff: Staff | None) -> bool:
    """Is this a reader of sealed requests without a key of their own? Red on every page until they make one."""
    if staff is None or not access.reads_sealed(staff):
        return False
    with services().database.transaction() as session:
        return reader_keys.own(session, staff.id) is None


def seal(session: Session, staff: Staff, folder: Folder) -> Seal | None:
    """None where nothing of it is sealed."""
    if not folder.sealed:
        return None
    if folder.opened is not None:
        return Seal("open", _missing(folder))
    if reader_keys.own(session, staff.id) is None:
        return Seal("no_key", say("You have no key yet: make it, then a colleague shares this request with you."))
    return Seal(
        "locked", say("The number and what was said are sealed. Your passphrase and a reason open them for 15 minutes.")
    )


def part(session: Session, staff: Staff, folder: Folder) -> dict[str, object]:
    """What the templates show."""
    found = seal(session, staff, folder)
    return {"seal": found, "seal_open": found is None or found.state == "open"}


def no_number(folder: Folder) -> str:
    """What stands where a sealed number would; "" where none is sealed or the request is open."""
    return say("sealed") if folder.opened is None and any(one.startswith("who:") for one in folder.sealed) else ""


def open_form(session: Session, staff: Staff) -> OpenForm:
    """Asks for the passphrase where the key is not unlocked in this browser."""
    return OpenForm(asks_passphrase=unlocking.unlocked(session, staff) is None)


def sound(session: Session, staff: Staff, folder: Folder) -> tuple[bytes, str] | None:
    """The sealed voice note and its media type; None where it is not open to this reader now."""
    referral_id = folder.entry.referral.id
    key = unlocking.unlocked(session, staff) if folder.opened is not None else None
    found = opening.sound(session, referral_id, key) if key is not None else None
    return None if found is None else (found, session.get_one(Recording, referral_id).media_type)


def _missing(folder: Folder) -> str:
    """Some of it may have been sealed before this reader had a key."""
    opened = folder.opened
    known = {f"event:{one}" for one in opened.texts} if opened is not None else set()
    known |= {f"consent:{one}" for one in opened.reasons} if opened is not None else set()
    unread = any(subject.startswith(("event:", "consent:")) and subject not in known for subject in folder.sealed)
    number = any(subject.startswith("who:") for subject in folder.sealed) and not (opened and opened.who.address)
    if unread or number:
        return say("Some of it was sealed before you had this key. A colleague who can open it shares it with you.")
    return ""
