"""Where an address stands, and what we know of it: small, versioned by their nonce, packed by position.

Fields are positional in the store: add at the end, with a default, and never reorder.
"""

from typing import Any

import msgspec


class Session(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True):
    """One address on one channel. About 60 to 120 bytes packed."""

    flow: str
    state: str
    question: int = 0  # fingerprint of what was asked; 0: nothing is asked
    asked_at: int = 0  # milliseconds since the epoch
    values: dict[str, Any] = {}  # what the flow keeps: case, referral, ticket …
    back: tuple[str, ...] = ()  # states that `00` returns to, and where a called flow comes back to
    gateway_session: bytes = b""  # turn id of the USSD step before this one; b"" elsewhere
    transcript: int = 0  # characters of the USSD transcript already handled
    verified: bool = False  # code shown in this very session (safety 11)
    page: int = 0  # page of a long screen
    open: bool = True  # False: ended, nothing to resume


class Contact(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True):
    """The part of a contact that turns need. PostgreSQL has the rest."""

    language: str = ""
    consent: str = ""  # "", "yes", "no"
    stopped: tuple[str, ...] = ()  # channels whose pushes ended by STOP
    recent: tuple[tuple[str, str, int], ...] = ()  # (code, referral id, opened at): repeats within 24 h (safety 4)
    last_entry: str = ""  # journal id of the last entry that changed something a lookup shows
    known: bool = False  # PostgreSQL has the number: entries need not carry it again
