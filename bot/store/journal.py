"""The journal entry and the answer on its way: how they are packed, and how they are read years later.

Both are one encrypted field `e` of a stream entry: `{sNN}j` (journal) and `{sNN}o` (answers).
Layout of the field: schema number (1 byte), id (16 bytes), ciphertext. The first two stay readable,
so that a recorder can say what it can't open.
"""

from typing import Any

import msgspec

from bot.engine.effects import AnyEffect
from bot.store.ciphers import Ciphers

SCHEMA = 1


class NewerSchema(ValueError):
    """Written by a newer release: this recorder must not go on (recorders are upgraded first)."""


class Entry(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True):
    """One turn. Positional: add at the end, with a default."""

    turn: bytes  # 16 bytes
    kind: str  # message, staff, event, sent, erase
    at: int  # milliseconds since the epoch, UTC
    gateway: str
    channel: str
    digest: str  # Ciphers.address(...).digest; "" for events that know no address
    number: str = ""  # E.164, only while PostgreSQL may not know it
    before: str = ""  # flow.state
    after: str = ""
    text: bytes = b""  # encrypted, place `<turn hex>|text`; b"" where there was none or it was secret
    replies: tuple[tuple[str, dict[str, Any]], ...] = ()  # catalogue key, arguments
    effects: tuple[AnyEffect, ...] = ()
    contact: dict[str, Any] = {}  # changed fields of Contact, by name
    release: str = ""

    @property
    def turn_hex(self) -> str:
        """The turn id as PostgreSQL has it."""
        return self.turn.hex()


class Answer(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True):
    """A message of ours that answers an inbound one; leaves from the answers stream."""

    id: bytes  # 16 bytes, derived from the turn; the message id in PostgreSQL is its hex
    turn: bytes
    gateway: str
    channel: str
    digest: str
    number: str  # the address: E.164, or channel and opaque id
    text: str  # final: folded for SMS
    buttons: tuple[tuple[str, str], ...] = ()  # payload, title
    at: int = 0  # milliseconds
    key: str = ""  # catalogue key of the reply, for the history
    kind: str = "answer"  # bot.kinds.Kind: answer, or resume (an offer after a dropped line)
    pick: str = ""  # the word that opens the choices where they are a list


_entry = msgspec.msgpack.Decoder(Entry)
_answer = msgspec.msgpack.Decoder(Answer)
_pack = msgspec.msgpack.Encoder().encode


def pack_entry(entry: Entry, ciphers: Ciphers) -> bytes:
    """The field `e` of the journal."""
    return bytes([SCHEMA]) + entry.turn + ciphers.encrypt(_pack(entry), entry.turn + b"|entry")


def unpack_entry(field: bytes, ciphers: Ciphers) -> Entry:
    """Raises NewerSchema, Unreadable, or msgspec.MsgspecError."""
    return _entry.decode(_open(field, ciphers, b"|entry"))


def pack_answer(answer: Answer, ciphers: Ciphers) -> bytes:
    """The field `e` of the answers stream."""
    return bytes([SCHEMA]) + answer.id + ciphers.encrypt(_pack(answer), answer.id + b"|answer")


def unpack_answer(field: bytes, ciphers: Ciphers) -> Answer:
    """Raises NewerSchema, Unreadable, or msgspec.MsgspecError."""
    return _answer.decode(_open(field, ciphers, b"|answer"))


def _open(field: bytes, ciphers: Ciphers, what: bytes) -> bytes:
    if field[:1] > bytes([SCHEMA]):
        raise NewerSchema(f"schema {field[0]}, known is {SCHEMA}: upgrade recorder and worker first")
    return ciphers.decrypt(field[17:], field[1:17] + what)
