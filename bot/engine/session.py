"""Where an address stands, and what we know of it: small, versioned by their nonce, packed by position.

Fields are positional in the store: add at the end, with a default, and never reorder.
"""

import msgspec


class Session(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True):
    """One address on one channel. About 40 to 120 bytes packed."""

    state: str  # flow.state
    question: int = 0  # fingerprint of what was asked; 0: nothing is asked
    asked_at: int = 0  # milliseconds since the epoch
    values: dict[str, str] = {}  # what the flow keeps: case, referral, ticket …
    back: tuple[str, ...] = ()  # what `00` returns to, latest last: a state, and `returns` as they were there
    returns: tuple[str, ...] = ()  # where handed-over flows come back to, latest last
    dialled: bytes = b""  # digest of the gateway's session id on USSD; b"" elsewhere
    transcript: int = 0  # how far into the USSD session: `Inbound.reached` of what was handled
    verified: bool = False  # code shown in this very session (safety 11)
    page: int = 0  # page of a long screen
    open: bool = True  # False: ended, nothing to resume
    private: bool = False  # the last thing was private: a redial shows the plain first screen (safety 3)
    quiet: bool = False  # on USSD lately something private, a need or a file: a dropped line is offered nowhere else
    lists: dict[str, tuple[tuple[str, str], ...]] = {}  # lists as shown, by state (bot/engine/picking.py)


class Contact(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True):
    """The part of a contact that turns need. PostgreSQL has the rest."""

    language: str = ""
    consent: str = ""  # "", "yes", "no"
    stopped: tuple[str, ...] = ()  # channels whose pushes ended by STOP
    recent: tuple[tuple[str, str, int], ...] = ()  # (code, referral id, opened at ms): repeats within 24 h (safety 4)
    known: bool = False  # the journal has carried this number: entries need not carry it again
    texts: str = ""  # "yes": may be texted to go on after a dropped USSD line; "no": asked, and refused
    human_until: int = 0  # ms: staff and person write to each other, the bot is silent until then
    human_on: str = ""  # on this channel
