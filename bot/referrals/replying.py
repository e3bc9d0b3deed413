"""Writing to a person about a referral: may we, on which channel, and the message itself.

A written answer leaves only where the person said that we may write (safety 1 to 3); the gate asks again before it
goes. From the first one until an hour after the last of either side the bot is silent on that channel.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.errors import ReferralError
from bot.gate import WHATSAPP_WINDOW, Recipient, barred
from bot.kinds import Kind
from bot.messages import Channel, has_phone
from bot.outbox import Draft, put, read
from bot.pricing import price
from bot.referrals import words
from bot.referrals.access import may_see
from bot.referrals.rows import audit, held
from bot.referrals.steps import take
from bot.referrals.telling import tell
from bot.referrals.terms import read_terms
from bot.store.ciphers import Ciphers, Unreadable
from bot.store.models import Case, Contact, Message, Referral, ReferralEvent, Staff, Turn
from bot.text.gsm7 import segments

TOLD_FOR = timedelta(minutes=10)  # one text to the holder for all that comes within
SILENT_FOR = timedelta(minutes=60)  # of the bot, after the last message of staff or person


@dataclass(frozen=True, slots=True)
class Way:
    """How a person may be written to; `why`: why not at all (a key of bot.reasons, or sealed, minor, no_number)."""

    channel: Channel = Channel.SMS
    contact: Contact | None = None
    to: str = ""
    why: str = ""


def way(session: Session, referral: Referral, kind: Kind, at: datetime, *, ciphers: Ciphers) -> Way:
    """The person's own channel where it still carries our words, else SMS; nothing can be pushed by USSD."""
    if referral.sealed or referral.private or referral.minor:
        return Way(why="sealed" if referral.sealed else "private" if referral.private else "minor")
    contact = session.get(Contact, referral.contact_id) if referral.contact_id is not None else None
    to = _address(contact, ciphers=ciphers)
    if contact is None or not to:
        return Way(why="no_number")
    open_window = referral.channel == Channel.WHATSAPP and wrote_by_whatsapp(session, contact, at)
    if not open_window and not has_phone(to):
        return Way(contact=contact, why="window")
    channel = Channel.WHATSAPP if open_window else Channel.SMS
    if channel in contact.blocked:
        return Way(channel, contact, to, "blocked")
    recipient = Recipient(
        stopped=frozenset(contact.stopped),
        terms=read_terms(referral, ciphers=ciphers),
        about_referral=True,
        unreachable=contact.unreachable_at is not None,
    )
    return Way(channel, contact, to, barred(recipient, kind, channel=channel, to=to))


@dataclass(frozen=True, slots=True)
class Preview:
    """What the person will read, where, in how many parts, at what price ("" currency: nobody knows it)."""

    text: str
    channel: Channel
    parts: int
    cost: Decimal | None
    currency: str


def preview(
    session: Session, referral: Referral, text: str, at: datetime, *, ciphers: Ciphers, settings: Settings
) -> Preview:
    """The message as it would leave now; nothing is written. Raises ReferralError `may_not_write`, and NotWritten."""
    draft = _draft(referral, way(session, referral, Kind.REPLY, at, ciphers=ciphers), text)
    words_, _ = read(session, draft, ciphers=ciphers)
    sms = draft.channel is Channel.SMS
    parts = len(segments(words_).parts) if sms else 1
    gateway = settings.sms_gateway if sms else settings.whatsapp_gateway
    return Preview(words_, draft.channel, parts, *price(settings, gateway, draft.channel, parts))


def reply(
    session: Session,
    referral: Referral,
    staff: Staff,
    text: str,
    at: datetime,
    *,
    once: str,
    sentence: str = "",
    ciphers: Ciphers,
    settings: Settings,
) -> Message:
    """Write to the person; who writes first has taken the referral on. `once`: the same one twice is one message.

    `sentence`: the key of a reviewed sentence, for the record. Raises ReferralError (`may_not_write`, and those of
    every step) and bot.outbox.NotWritten.
    """
    referral, ladder = held(session, referral, staff)
    message_id = ciphers.derived_id(referral.id.encode(), f"reply|{staff.id}|{once}")
    if (written := session.get(Message, message_id)) is not None:
        return written
    there = way(session, referral, Kind.REPLY, at, ciphers=ciphers)
    draft = _draft(referral, there, text, message_id)
    message = put(session, draft, at=at, settings=settings, ciphers=ciphers)
    if referral.accepted_by is None:
        take(session, referral, ladder, staff=staff, at=at, ciphers=ciphers, settings=settings)
    if draft.contact is not None:
        be_silent(draft.contact, draft.channel, at)
    detail = {"message": message_id, "sentence": sentence} if sentence else {"message": message_id}
    session.add(ReferralEvent(referral_id=referral.id, at=at, staff_id=staff.id, kind="replied", detail=detail))
    audit(session, staff, "reply", referral=referral, at=at, sentence=sentence)
    return message


def _draft(referral: Referral, there: Way, text: str, message_id: str = "") -> Draft:
    if there.why or there.contact is None:
        raise ReferralError("may_not_write")
    return Draft(
        Kind.REPLY,
        there.channel,
        contact=there.contact,
        sms=text if there.channel is Channel.SMS else "",
        whatsapp=text,
        referral_id=referral.id,
        id=message_id,
    )


def be_silent(contact: Contact, channel: str, at: datetime) -> None:
    """Staff wrote: until an hour from now the bot says nothing there. The conversation store is told by a job."""
    contact.human_until, contact.human_on = at + SILENT_FOR, channel


def speak_again(contact: Contact) -> None:
    """The talk between staff and person is over: the bot answers again."""
    contact.human_until = None


def hear_back(
    session: Session,
    contact_id: int | None,
    channel: str,
    *,
    at: datetime,
    turn: str,
    ciphers: Ciphers,
    settings: Settings,
) -> str | None:
    """The person wrote while the bot kept silent: to which referral it belongs, whose holder now hears of it.

    One text to the holder for all that comes within ten minutes; it says neither what nor about what (safety 15).
    None: nobody of the staff ever wrote.
    """
    contact = session.get(Contact, contact_id, with_for_update=True) if contact_id is not None else None
    referral_id = last_written_about(session, contact) if contact is not None else None
    referral = session.get(Referral, referral_id) if referral_id is not None else None
    if contact is None or referral is None:
        return None
    if contact.human_until is not None and contact.human_on == channel:
        contact.human_until = max(contact.human_until, at + SILENT_FOR)
    contact.human_copied = at + SILENT_FOR  # the conversation store moved it on with the turn itself
    heard = ReferralEvent.kind == "wrote_back"
    lately = select(ReferralEvent.id).where(
        ReferralEvent.referral_id == referral.id, heard, ReferralEvent.at > at - TOLD_FOR
    )
    if session.scalar(lately.limit(1)) is None:
        _tell_holder(session, referral, at, turn=turn, ciphers=ciphers, settings=settings)
    return referral.id


def _tell_holder(
    session: Session, referral: Referral, at: datetime, *, turn: str, ciphers: Ciphers, settings: Settings
) -> None:
    holder = session.get(Staff, referral.accepted_by) if referral.accepted_by is not None else None
    case = session.get(Case, referral.case_id) if referral.case_id is not None else None
    if holder is None or not holder.active or not may_see(holder, referral, case=case):
        return  # the ladder of what nobody holds goes on by itself
    text = words.say("wrote_back", holder.language, ticket=words.shown(referral.ticket))
    message_id = ciphers.derived_id(turn.encode(), "wrote_back")
    tell(
        session,
        holder,
        text=text,
        at=at,
        referral_id=referral.id,
        message_id=message_id,
        ciphers=ciphers,
        settings=settings,
    )


def last_written_about(session: Session, contact: Contact) -> str | None:
    """The referral about which staff last wrote to this contact: what the person answers belongs to it."""
    written = select(Message.referral_id).where(Message.contact_id == contact.id, Message.kind == Kind.REPLY.value)
    return session.scalar(written.order_by(Message.created_at.desc(), Message.id.desc()).limit(1))


def wrote_by_whatsapp(session: Session, contact: Contact, at: datetime) -> bool:
    """WhatsApp lets us write for a day after the person's last message."""
    last = select(func.max(Turn.at)).where(
        Turn.contact_id == contact.id,
        Turn.channel == Channel.WHATSAPP.value,
        Turn.kind == "message",
        Turn.at > at - WHATSAPP_WINDOW,
    )
    return session.scalar(last) is not None


def _address(contact: Contact | None, *, ciphers: Ciphers) -> str:
    if contact is None:
        return ""
    try:
        return ciphers.decrypt(contact.number_enc, f"contacts|{contact.digest}|number".encode()).decode()
    except Unreadable:
        return ""
