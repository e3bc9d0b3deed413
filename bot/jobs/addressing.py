"""To whom a row of the outbox goes, and what the gate must know of them."""

from typing import cast

import msgspec
from redis import Redis
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.engine import session as engine
from bot.gate import UNKNOWN, Recipient
from bot.messages import Channel, Outbound
from bot.referrals.terms import read_terms
from bot.store import keys
from bot.store.ciphers import Ciphers, Unreadable
from bot.store.models import Case, Contact, Message, Referral, Staff

_contact = msgspec.msgpack.Decoder(engine.Contact).decode


class Unaddressed(Exception):  # a state of the row, not a fault of the program
    """The row cannot be sent: `no_number` or `unreadable`."""


def address(session: Session, message: Message, *, settings: Settings, ciphers: Ciphers) -> tuple[Outbound, Recipient]:
    """Number and text in the clear, for this process's memory only; raises Unaddressed."""
    try:
        number = _number(session, message, settings=settings, ciphers=ciphers)
        text = ciphers.decrypt(message.text_enc or b"", f"messages|{message.id}|text".encode()).decode()
    except Unreadable:
        raise Unaddressed("unreadable") from None
    if not number:
        raise Unaddressed("no_number")
    report_to = f"{settings.base_url}/hooks/{message.gateway}/status"
    outbound = Outbound(message.id, Channel(message.channel), number, text, status_url=report_to)
    return outbound, UNKNOWN if message.contact_id is None else _recipient(session, message, ciphers=ciphers)


def stopped_since(conversations: Redis, number: str, *, ciphers: Ciphers) -> frozenset[str]:
    """The channels that the conversation store knows to be ended by STOP, recorded or not.

    Raises RedisError, and Unreadable for what no key opens: whoever asks then does not send.
    """
    key = keys.contact(ciphers.address(number))
    value = cast(bytes | None, conversations.get(key))
    return frozenset(_contact(ciphers.decrypt(value, key.encode())).stopped) if value else frozenset()


def _number(session: Session, message: Message, *, settings: Settings, ciphers: Ciphers) -> str:
    if message.contact_id is not None:
        contact = session.get_one(Contact, message.contact_id)
        return ciphers.decrypt(contact.number_enc, f"contacts|{contact.digest}|number".encode()).decode()
    if message.staff_id is None:
        return settings.outside_hotline
    staff = session.get_one(Staff, message.staff_id)
    if not staff.active or staff.phone_enc is None:
        return ""
    return ciphers.decrypt(staff.phone_enc, f"staff|{staff.login}|phone".encode()).decode()


def _recipient(session: Session, message: Message, *, ciphers: Ciphers) -> Recipient:
    contact = session.get_one(Contact, message.contact_id)
    referral = session.get(Referral, message.referral_id) if message.referral_id is not None else None
    names = tuple(session.scalars(select(Case.name).where(Case.contact_id == contact.id)))
    return Recipient(
        stopped=frozenset(contact.stopped),
        blocked=frozenset(contact.blocked),
        terms=read_terms(referral, ciphers=ciphers) if referral is not None else None,
        about_referral=referral is not None,
        # nothing by machine to a phone that a child's carer may hold (safety 6)
        private=referral is not None and (referral.private or referral.sealed or referral.minor),
        human_until=contact.human_until,
        last_inbound_at=contact.last_seen_at,
        unspeakable=names,
    )
