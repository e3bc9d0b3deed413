"""Put a message into the outbox: the one way for code that wants to write to a person or to staff.

Nothing leaves here. The row is found by the jobs, and passes the gate once more when its time has come. What could
never leave is refused at writing, so that whoever writes learns it at once.
"""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.errors import BotError
from bot.gate import NeverSend
from bot.kinds import RULES, TO_STAFF, Kind
from bot.messages import Channel, Delivery, Template, has_phone
from bot.store.ciphers import Ciphers, Unreadable
from bot.store.models import Case, Contact, Message, Staff
from bot.text.gsm7 import fold, segments

LONGEST_WHATSAPP = 1600  # characters: the shortest limit among the gateways
BUDGET = 3  # segments of a text to a person: what many phones still show as one


class NotWritten(BotError):
    """The draft could never leave as it is. `reason`: empty, too_long, no_number, or never_send:<group>.

    `size` and `limit` say by how much it is too long: segments on SMS, characters on WhatsApp.
    """

    def __init__(self, reason: str, *, size: int = 0, limit: int = 0) -> None:
        super().__init__(f"{reason}: {size} of {limit}" if limit else reason)
        self.reason = reason
        self.size = size
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Question:
    """What the message asks: an entry of flows/entries.yaml, and the values that its words and its answers need.

    The sender makes it stand in the conversation before the message leaves (bot/engine/asking.py), and waits while
    another one is under way there. Names nobody and keeps nothing secret: the values are stored as they are.
    """

    entry: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """One message to one recipient: a contact, or staff; neither: the hotline outside the office.

    `sms` is folded to plain letters here; on WhatsApp it is what may go instead, where the terms allow it. E-mail goes
    to staff alone; its words are in `whatsapp`, as those of a channel that takes any letter.
    `budget`: segments that the SMS may have; None: as many as it takes (an alert is never refused for its length).
    `case_id`: the file that a push is about; once its person is deceased nothing about it leaves (domain rules).
    `expires_at`: earlier than its kind grows old (an appointment). `id`: 32 hex digits, where writing it again must
    not make a second message.
    """

    kind: Kind
    channel: Channel = Channel.SMS
    contact: Contact | None = None
    staff: Staff | None = None
    sms: str = ""
    whatsapp: str = ""
    template: Template | None = None
    referral_id: str | None = None
    case_id: int | None = None
    broadcast_id: str | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
    budget: int | None = BUDGET
    id: str = ""
    question: Question | None = None


def put(session: Session, draft: Draft, *, at: datetime, settings: Settings, ciphers: Ciphers) -> Message:
    """Add the row; returns the one that is there where its id was written before. Raises NotWritten."""
    if draft.id and (there := session.get(Message, draft.id)) is not None:
        return there
    text, spare = read(session, draft, ciphers=ciphers)
    message_id = draft.id or secrets.token_hex(16)
    row = Message(
        id=message_id,
        kind=draft.kind.value,
        channel=draft.channel.value,
        gateway=_gateway(draft, settings),
        contact_id=draft.contact.id if draft.contact is not None else None,
        staff_id=draft.staff.id if draft.staff is not None else None,
        referral_id=draft.referral_id,
        case_id=draft.case_id,
        broadcast_id=draft.broadcast_id,
        text_enc=ciphers.encrypt(text.encode(), f"messages|{message_id}|text".encode()),
        spare_enc=ciphers.encrypt(spare.encode(), f"messages|{message_id}|spare".encode()) if spare else None,
        template=asdict(draft.template) if draft.template is not None else None,
        question=asdict(draft.question) if draft.question is not None else None,
        state=Delivery.QUEUED.value,
        priority=RULES[draft.kind].priority,
        created_at=at,
        due_at=draft.due_at or at,
        expires_at=_expiry(draft, at),
    )
    session.add(row)
    return row


def read(session: Session, draft: Draft, *, ciphers: Ciphers) -> tuple[str, str]:
    """What the recipient would read, and the SMS that may go instead of a WhatsApp message. Raises NotWritten."""
    text, spare = _texts(draft)
    _check(session, draft, text=text, spare=spare)
    if not _reachable(draft, ciphers):
        raise NotWritten("no_number")
    return text, spare


def _texts(draft: Draft) -> tuple[str, str]:
    """What goes out on the draft's channel, and the SMS that may go instead of a WhatsApp message."""
    language = (draft.contact.language if draft.contact is not None else "") or ""
    sms = fold(draft.sms, language)
    return (sms, "") if draft.channel is Channel.SMS else (draft.whatsapp, sms)


def _check(session: Session, draft: Draft, *, text: str, spare: str) -> None:
    if not text.strip():
        raise NotWritten("empty")
    sms = spare if draft.channel is Channel.WHATSAPP else text
    size = len(segments(sms).parts) if sms else 0
    if draft.budget is not None and size > draft.budget:
        raise NotWritten("too_long", size=size, limit=draft.budget)
    if draft.channel is Channel.WHATSAPP and len(text) > LONGEST_WHATSAPP:
        raise NotWritten("too_long", size=len(text), limit=LONGEST_WHATSAPP)
    if draft.kind not in TO_STAFF:
        _check_words(session, draft, text=text, spare=spare)


def _reachable(draft: Draft, ciphers: Ciphers) -> bool:
    """Is there an address on this channel? A contact may have the opaque id of another one alone."""
    if draft.staff is not None:
        return (draft.staff.email_enc if draft.channel is Channel.EMAIL else draft.staff.phone_enc) is not None
    if draft.contact is None:
        return True
    digest, number = draft.contact.digest, draft.contact.number_enc
    try:
        address = ciphers.decrypt(number, f"contacts|{digest}|number".encode()).decode()
    except Unreadable:
        return False  # one number that no key opens must not stop a sweep for everybody after it
    return has_phone(address) or address.startswith(f"{draft.channel}:")


def _check_words(session: Session, draft: Draft, *, text: str, spare: str) -> None:
    """The gate asks again before it leaves; here staff can still change the words."""
    contact_id = draft.contact.id if draft.contact is not None else None
    names = tuple(session.scalars(select(Case.name).where(Case.contact_id == contact_id))) if contact_id else ()
    said = [(text, draft.channel), (spare, Channel.SMS)]
    said += [(one, draft.channel) for one in (draft.template.parameters if draft.template is not None else ())]
    for words, channel in said:
        found = _never_send().found(words, channel, unspeakable=names)
        if found is not None:
            raise NotWritten(f"never_send:{found}")


def _gateway(draft: Draft, settings: Settings) -> str:
    if draft.channel is Channel.EMAIL:
        return Channel.EMAIL.value
    if draft.kind in TO_STAFF and draft.channel is Channel.SMS:
        return settings.staff_gateway
    return settings.whatsapp_gateway if draft.channel is Channel.WHATSAPP else settings.sms_gateway


def _expiry(draft: Draft, at: datetime) -> datetime | None:
    """What waits for its hour does not grow old before it."""
    lives = RULES[draft.kind].lives
    moments = [draft.expires_at, max(at, draft.due_at or at) + lives if lives is not None else None]
    return min((moment for moment in moments if moment is not None), default=None)


@cache
def _never_send() -> NeverSend:
    return NeverSend.read()
