"""To whom a row of the outbox goes, and what the gate must know of them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import msgspec
from redis import Redis

from bot.config import Settings
from bot.engine import session as engine
from bot.gate import UNKNOWN, Recipient
from bot.messages import Channel, Outbound, Template, has_phone
from bot.referrals.terms import open_terms
from bot.store import keys
from bot.store.ciphers import Ciphers, Unreadable

_contact = msgspec.msgpack.Decoder(engine.Contact).decode
_session = msgspec.msgpack.Decoder(engine.Session).decode
Row = Mapping[str, Any]  # a claimed row with what its sending needs (bot/jobs/outbox_sql.py)


class Unaddressed(Exception):  # a state of the row, not a fault of the program
    """The row cannot be sent: `no_number` or `unreadable`."""


def address(row: Row, *, settings: Settings, ciphers: Ciphers) -> tuple[Outbound, Recipient]:
    """Number and text in the clear, for this process's memory only; raises Unaddressed."""
    channel = Channel(row["channel"])
    try:
        to = _to(row, settings=settings, ciphers=ciphers)
        text = ciphers.decrypt(row["text_enc"] or b"", f"messages|{row['id']}|text".encode()).decode()
    except Unreadable:
        raise Unaddressed("unreadable") from None
    if not to or (channel is Channel.SMS and not has_phone(to)):
        raise Unaddressed("no_number")
    outbound = Outbound(
        row["id"],
        channel,
        to,
        text,
        status_url=f"{settings.base_url}/hooks/{row['gateway']}/status",
        template=_template(row["template"]),
        parts_taken=row["parts_taken"],
    )
    return outbound, UNKNOWN if row["contact_id"] is None else _recipient(row, ciphers=ciphers)


def stopped_since(
    conversations: Redis, numbers: Iterable[str], *, ciphers: Ciphers
) -> dict[str, frozenset[str] | None]:
    """What the conversation store knows to be ended by STOP, recorded or not; None where no key opens it.

    Raises RedisError: whoever asks then does not send.
    """
    wanted = {number: keys.contact(ciphers.address(number)) for number in dict.fromkeys(numbers)}
    with conversations.pipeline(transaction=False) as asked:
        for key in wanted.values():
            asked.get(key)
        values = cast(list[bytes | None], asked.execute())
    return {number: _stopped(value, key, ciphers) for (number, key), value in zip(wanted.items(), values, strict=True)}


def person_now(conversations: Redis, number: str, *, ciphers: Ciphers) -> Recipient:
    """Whether an offer to go on is wanted, as the conversation store knows it now. Raises RedisError."""
    address = ciphers.address(number)
    names = keys.contact(address), keys.session(address, Channel.USSD)
    contact, session = (
        _opened(value, name, ciphers, decode)
        for value, name, decode in zip(
            cast(list[bytes | None], conversations.mget(names)), names, (_contact, _session), strict=True
        )
    )
    return Recipient(
        stopped=frozenset(contact.stopped) if contact is not None else frozenset(),
        texts=contact.texts if contact is not None else "",
        private=session is not None and session.private,
    )


def _opened(value: bytes | None, name: str, ciphers: Ciphers, decode: Callable[[bytes], Any]) -> Any:
    """None where there is nothing, or nothing that opens: nobody agreed to anything."""
    try:
        return None if value is None else decode(ciphers.decrypt(value, name.encode()))
    except (Unreadable, msgspec.MsgspecError):
        return None


def _stopped(value: bytes | None, key: str, ciphers: Ciphers) -> frozenset[str] | None:
    if value is None:
        return frozenset()
    try:
        return frozenset(_contact(ciphers.decrypt(value, key.encode())).stopped)
    except (Unreadable, msgspec.MsgspecError):
        return None


def _to(row: Row, *, settings: Settings, ciphers: Ciphers) -> str:
    if row["contact_id"] is not None:
        return ciphers.decrypt(row["number_enc"], f"contacts|{row['digest']}|number".encode()).decode()
    if row["staff_id"] is None:
        return settings.outside_hotline
    if not row["active"]:
        return ""
    if row["channel"] == Channel.EMAIL:
        return ciphers.decrypt(row["email_enc"] or b"", f"staff|{row['login']}|email".encode()).decode()
    if row["phone_enc"] is None:
        return ""
    return ciphers.decrypt(row["phone_enc"], f"staff|{row['login']}|phone".encode()).decode()


def _template(stored: dict[str, Any] | None) -> Template | None:
    return None if stored is None else Template(stored["name"], stored["language"], tuple(stored.get("parameters", ())))


def _recipient(row: Row, *, ciphers: Ciphers) -> Recipient:
    referral = row["referral_id"]
    return Recipient(
        stopped=frozenset(row["stopped"]),
        blocked=frozenset(row["blocked"]),
        terms=open_terms(referral, row["terms_enc"], ciphers=ciphers) if referral is not None else None,
        about_referral=referral is not None,
        # nothing by machine to a phone that a child's carer may hold (safety 6)
        private=referral is not None and bool(row["private"] or row["sealed"] or row["minor"]),
        human_until=row["human_until"],
        last_inbound_at=row["wrote_at"],
        unreachable=row["unreachable_at"] is not None,
        silent=row["silent_since"] is not None,
        unspeakable=tuple(row["names"]),
    )
