"""What is sealed of a sealed request, and what stays readable for ladder and clocks (docs/sealed.md).

`seal` takes what the service could still read of a request and leaves a box for each reader; a second time changes
nothing. It runs in the transaction that wrote: nothing is committed readable once a reader has a key.

Subjects of the boxes, and what is inside:
    event:<id>            a note, or the person's words; UTF-8
    terms:<referral id>   all of how the person may be reached; MessagePack of Terms
    now:<referral id>     where "call me now" is to be called; MessagePack [until, number]
    who:<referral id>     address, file and office; MessagePack of Who
    sound:<referral id>   the voice note
    consent:<id>          why somebody wished to pass on without a consent; UTF-8
"""

from datetime import timedelta

import msgspec
import structlog
from sqlalchemy import and_, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from bot.engine.effects import MISSED_CALL, Terms
from bot.kinds import TO_STAFF, Kind
from bot.referrals import reader_keys
from bot.referrals.access import queue_of
from bot.referrals.terms import read_terms, write_terms
from bot.store.ciphers import Ciphers, Unreadable
from bot.store.database import Database
from bot.store.models import (
    Case,
    Consent,
    Contact,
    Message,
    ReaderKey,
    Recording,
    Referral,
    ReferralEvent,
    SealedBox,
    Turn,
)
from bot.store.recordings import sound

log = structlog.get_logger(__name__)

BEFORE = timedelta(hours=1)  # answers of the bot in the talk that led to the request
_IS_SEALED = or_(Referral.sealed, Referral.queue == "sealed")


class Who(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who it came from: E.164 or `channel:id`, the number of the file, its office; "" where there is none."""

    address: str = ""
    case: str = ""
    office: str = ""


def seal(session: Session, referral: Referral, *, ciphers: Ciphers, contact_id: int | None = None) -> None:
    """Seal what is readable of this request, if it is a sealed one and a reader has a key. The caller holds its row.

    `contact_id`: whose turn this is, where the request does not name it any more.
    """
    keys = _keys(session, referral)
    if not keys:
        return
    session.flush()
    _seal_texts(session, referral, keys, ciphers)
    _seal_reasons(session, referral, keys, ciphers)
    _seal_terms(session, referral, keys, ciphers)
    _seal_sound(session, referral, keys, ciphers)
    for contact in {contact_id, referral.contact_id} - {None}:
        _hide_talk(session, referral, session.get_one(Contact, contact))
    _seal_who(session, referral, keys, ciphers)
    _cut_messages(session, referral)


def seal_left(database: Database, ciphers: Ciphers) -> int:
    """Seal every request that is still readable: the first key came, or a step forgot; how many there are."""
    with database.transaction() as session:
        return seal_all(session, ciphers)


def seal_all(session: Session, ciphers: Ciphers) -> int:
    """As `seal_left`, in the caller's transaction."""
    if not reader_keys.of_readers(session):
        return 0
    text = exists().where(ReferralEvent.referral_id == Referral.id, ReferralEvent.text_enc.is_not(None))
    spoken = exists().where(Recording.referral_id == Referral.id, Recording.audio_enc.is_not(None))
    named = and_(or_(Referral.contact_id.is_not(None), Referral.case_id.is_not(None)), Referral.source != MISSED_CALL)
    told = and_(Referral.terms_enc.is_not(None), ~exists().where(SealedBox.referral_id == Referral.id))
    argued = exists().where(Consent.referral_id == Referral.id, Consent.reason_enc.is_not(None))
    readable = select(Referral).where(_IS_SEALED, or_(text, spoken, named, told, argued)).order_by(Referral.id)
    found = session.scalars(readable.with_for_update(key_share=True)).all()
    for referral in found:
        seal(session, referral, ciphers=ciphers)
    return len(found)


def add_text(session: Session, referral: Referral, event: ReferralEvent, text: str, *, ciphers: Ciphers) -> None:
    """Add an event with words to the timeline: sealed where the request is, else encrypted."""
    keys = _keys(session, referral)
    if not keys:
        event.text_enc = ciphers.encrypt(text.encode(), _text_place(referral.id))
    session.add(event)
    session.flush()  # gives the event its id
    reader_keys.put(session, referral.id, f"event:{event.id}", text.encode(), keys)


def _keys(session: Session, referral: Referral) -> list[ReaderKey]:
    """For whom its contents are sealed; none where it is no sealed request, or nobody could read them."""
    if queue_of(referral) != "sealed":
        return []
    readers = reader_keys.of_readers(session)
    return [*readers, *reader_keys.of_recovery(session)[:1]] if readers else []


def _seal_texts(session: Session, referral: Referral, keys: list[ReaderKey], ciphers: Ciphers) -> None:
    readable = select(ReferralEvent).where(
        ReferralEvent.referral_id == referral.id, ReferralEvent.text_enc.is_not(None)
    )
    for event in session.scalars(readable).all():
        try:
            plain = ciphers.decrypt(event.text_enc or b"", _text_place(referral.id))
        except Unreadable:  # lost with its key: nobody reads it, and nothing is to be hidden
            continue
        reader_keys.put(session, referral.id, f"event:{event.id}", plain, keys)
        event.text_enc = None


def _seal_reasons(session: Session, referral: Referral, keys: list[ReaderKey], ciphers: Ciphers) -> None:
    """Why somebody wished to act without a consent: often the person's own words."""
    readable = select(Consent).where(Consent.referral_id == referral.id, Consent.reason_enc.is_not(None))
    for consent in session.scalars(readable).all():
        try:
            plain = ciphers.decrypt(consent.reason_enc or b"", f"consents|{referral.id}|reason".encode())
        except Unreadable:
            continue
        reader_keys.put(session, referral.id, f"consent:{consent.id}", plain, keys)
        consent.reason_enc = None


def _seal_terms(session: Session, referral: Referral, keys: list[ReaderKey], ciphers: Ciphers) -> None:
    """All of them into a box; for ladder and clocks stays whether, in which hours, and until when "now" holds."""
    terms = read_terms(referral, ciphers=ciphers)
    if terms is None:
        _drop(session, f"terms:{referral.id}")  # nobody may call any more: the old number is of no use
        return
    if not terms.sealed:  # they are new, and replace the old ones whole (safety 1)
        _drop(session, f"terms:{referral.id}")
        reader_keys.put(session, referral.id, f"terms:{referral.id}", msgspec.msgpack.encode(terms), keys)
    if terms.now_number:
        reader_keys.put(
            session,
            referral.id,
            f"now:{referral.id}",
            msgspec.msgpack.encode([terms.now_until, terms.now_number]),
            keys,
        )
    kept = Terms(may_call=terms.may_call, window=terms.window, now_until=terms.now_until, sealed=True)
    if terms != kept:
        write_terms(referral, kept, ciphers=ciphers)


def _seal_who(session: Session, referral: Referral, keys: list[ReaderKey], ciphers: Ciphers) -> None:
    """Number, file and office. A missed call keeps its phone, or each ringing would be another request."""
    if referral.source == MISSED_CALL or (referral.contact_id is None and referral.case_id is None):
        return
    contact = session.get(Contact, referral.contact_id) if referral.contact_id is not None else None
    case = session.get(Case, referral.case_id) if referral.case_id is not None else None
    who = Who(_address(contact, ciphers), case.number if case is not None else "", referral.office)
    reader_keys.put(session, referral.id, f"who:{referral.id}", msgspec.msgpack.encode(who), keys)
    referral.contact_id, referral.case_id, referral.office = None, None, ""


def _seal_sound(session: Session, referral: Referral, keys: list[ReaderKey], ciphers: Ciphers) -> None:
    recording = session.get(Recording, referral.id)
    found = sound(session, referral.id, ciphers=ciphers) if recording is not None else None
    if recording is not None and found is not None:
        reader_keys.put(session, referral.id, f"sound:{referral.id}", found[0], keys)
        recording.audio_enc = None


def _hide_talk(session: Session, referral: Referral, contact: Contact) -> None:
    """The turns that made the request say no more whose they were nor what was said; the answers sent lose their text.

    The phone is marked: what it says from now on is not kept either, and nobody inside is asked to call it back.
    """
    contact.quiet = True
    told = select(ReferralEvent.at).where(ReferralEvent.referral_id == referral.id, ReferralEvent.staff_id.is_(None))
    session.execute(
        update(Turn)
        .where(Turn.contact_id == contact.id, Turn.at.in_(told))
        .values(contact_id=None, before="", after="", text_enc=None, replies=[])
    )
    session.execute(
        update(Message)
        .where(
            Message.contact_id == contact.id,
            Message.kind == Kind.ANSWER.value,
            Message.created_at >= referral.opened_at - BEFORE,
            Message.text_enc.is_not(None),
        )
        .values(text_enc=None)
    )


def _cut_messages(session: Session, referral: Referral) -> None:
    """What was written to the person while it was not sealed: the words go, and the thread between phone and request."""
    to_person = Message.referral_id == referral.id, Message.kind.not_in([kind.value for kind in TO_STAFF])
    session.execute(
        update(Message).where(*to_person, Message.state == "queued").values(state="withheld", reason="private")
    )
    session.execute(
        update(Message)
        .where(*to_person, Message.state != "sending")
        .values(referral_id=None, text_enc=None, spare_enc=None, template=None)
    )


def _drop(session: Session, subject: str) -> None:
    session.execute(delete(SealedBox).where(SealedBox.subject == subject))


def _address(contact: Contact | None, ciphers: Ciphers) -> str:
    if contact is None:
        return ""
    try:
        return ciphers.decrypt(contact.number_enc, f"contacts|{contact.digest}|number".encode()).decode()
    except Unreadable:
        log.warning("number_unreadable", contact=contact.id)
        return ""


def _text_place(referral_id: str) -> bytes:
    return f"referrals|{referral_id}|text".encode()
