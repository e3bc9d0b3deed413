"""What staff and a person wrote to each other about one referral, and whether more may be written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.desk import presenting_folder
from bot.desk.forms import ReplyForm
from bot.desk.presenting_messages import TONES
from bot.desk.reading import Folder
from bot.desk.services import services
from bot.desk.words import codes, dates, messages, say, writing
from bot.desk.words import language as reader_language
from bot.kinds import Kind
from bot.referrals import closing, replying
from bot.store.ciphers import Unreadable
from bot.store.models import Contact, Message, Referral, ReferralEvent, Staff

OURS = ("replied", "asked")


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message. `mine`: ours, at the right. `lang` is "" where nobody knows it."""

    at: datetime
    mine: bool
    text: str
    foot: str
    tone: str = ""
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """The conversation and what may be written next. `why_not` and `untold` are sentences, "" where it may."""

    bubbles: list[Bubble]
    why_not: str
    channel: str
    language: str
    silent: str
    untold: str
    told: str


def part(session: Session, folder: Folder, staff: Staff, at: datetime) -> dict[str, object]:
    """What the templates `_reply.html` and `_closing.html` show."""
    referral, ciphers = folder.entry.referral, services().ciphers
    there = replying.way(session, referral, Kind.REPLY, at, ciphers=ciphers)
    why_untold = closing.why_untold(session, referral, at, ciphers=ciphers)
    talk = Talk(
        bubbles=_bubbles(session, folder, staff, at),
        why_not=writing.why_not(there.why) if there.why else "",
        channel=codes.channel(there.channel),
        language=codes.spoken(language_of(referral, folder.contact)),
        silent=_silent(folder.contact, at),
        untold=writing.why_not(why_untold) if why_untold else "",
        told=writing.told(referral.closing) if referral.closing else "",
    )
    return {"talk": talk}


def reply_form() -> ReplyForm:
    """The sentences as the reader understands them; the person gets them in their own language."""
    content = services().content
    return ReplyForm([(name, content.sentence(name, reader_language())) for name in content.sentences()])


def language_of(referral: Referral, contact: Contact | None) -> str:
    """The person's language; the line's own where nobody knows it."""
    content = services().content
    known = (contact.language if contact is not None else None) or referral.language or ""
    return known if known in content.flows.languages else content.flows.default_language


def _silent(contact: Contact | None, at: datetime) -> str:
    until = contact.human_until if contact is not None else None
    if until is None or until <= at:
        return ""
    return say("The line itself stays silent until %(hour)s.", hour=dates.hour(until))


def _bubbles(session: Session, folder: Folder, staff: Staff, at: datetime) -> list[Bubble]:
    """Oldest first; only what was told to a queue of the reader (safety 5, 18)."""
    referral = folder.entry.referral
    kinds = (Kind.REPLY.value, Kind.CLOSING.value)
    query = select(Message).where(Message.referral_id == referral.id, Message.kind.in_(kinds))
    sent = {message.id: message for message in session.scalars(query)}
    found = []
    for event, name in folder.events:
        if event.kind not in (*OURS, "wrote_back"):
            continue
        message = sent.get(str(event.detail.get("message", "")))
        if not presenting_folder.may_read(folder, (event.at, event.id), staff):
            found.append(Bubble(event.at, event.kind in OURS, say("Written for another queue."), _when(event, at)))
        elif event.kind == "wrote_back":
            sealed = f"event:{event.id}" in folder.sealed
            found.append(_theirs(event, at, say("Kept under the seal.") if sealed else ""))
        elif message is not None:
            found.append(_ours(event, message, name, at))
    return sorted(found, key=lambda bubble: bubble.at)


def _theirs(event: ReferralEvent, at: datetime, instead: str) -> Bubble:
    text = presenting_folder.text_of(event) if event.text_enc else instead or say("Not kept: it may be a code.")
    return Bubble(event.at, False, text, _when(event, at))


def _ours(event: ReferralEvent, message: Message, name: str, at: datetime) -> Bubble:
    try:
        text = services().ciphers.decrypt(message.text_enc or b"", f"messages|{message.id}|text".encode()).decode()
    except Unreadable:
        text = say("This text cannot be opened.")
    way = f"{codes.channel(message.channel)}, {messages.state(message.state)}"
    foot = " · ".join(filter(None, (_when(event, at), name or say("automatic"), way)))
    return Bubble(event.at, True, text, foot, TONES.get(message.state, ""))


def _when(event: ReferralEvent, at: datetime) -> str:
    return dates.day_and_hour(event.at, at)
