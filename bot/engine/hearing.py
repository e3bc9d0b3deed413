"""What a person said, out of what a gateway delivered: before any flow is looked at."""

import hashlib
from datetime import datetime

import msgspec

from bot.engine.flow import State
from bot.engine.session import Session
from bot.messages import Channel, Inbound

SECOND = 1_000
RESUME_FOR = 10 * 60 * SECOND  # a place in a flow lives ten minutes (safety 11)
WHATSAPP_IDLE = 3 * 60 * SECOND  # a shown code dies after three idle minutes on WhatsApp (safety 11)


class Heard(msgspec.Struct, frozen=True, gc=False):
    """`text` is the new part alone. `dial`: a USSD session begins. `again`: nothing new, show the same screen.

    `late`: not an answer to what is asked now.
    """

    text: str
    dial: bool = False
    again: bool = False
    late: bool = False


def hear(inbound: Inbound, session: Session | None, state: State | None, *, now: datetime) -> Heard:
    """Find the new part of a message, and whether it can answer the question that stands."""
    if inbound.channel is Channel.USSD:
        return _hear_ussd(inbound, session)
    if inbound.choice:
        return _hear_tap(inbound, session, state, now)
    return Heard(inbound.text.strip(), late=_is_late(inbound, session, state))


def session_digest(gateway_session: str) -> bytes:
    """8 bytes that stand for a gateway's session id."""
    return hashlib.blake2s(gateway_session.encode(), digest_size=8).digest()


def milliseconds(at: datetime) -> int:
    """Since the epoch."""
    return int(at.timestamp() * SECOND)


def _hear_ussd(inbound: Inbound, session: Session | None) -> Heard:
    """The transcript only grows; a `*` may be typed, so it is never split. Steps only grow, too."""
    if session is None or session.dialled != session_digest(inbound.session):
        return Heard("", dial=True)
    transcript, done = inbound.text, session.transcript
    if inbound.reached <= done:
        return Heard("", again=True)
    if inbound.step:
        return Heard(transcript.strip())
    if done and transcript[done] != "*":
        return Heard("", again=True)
    return Heard(transcript[done + 1 if done else 0 :].strip())


def _hear_tap(inbound: Inbound, session: Session | None, state: State | None, now: datetime) -> Heard:
    """A tapped button carries the fingerprint of its question: an old one never answers a new question."""
    question, _, key = inbound.choice.partition(":")
    asked = session.question if session and session.open else 0
    fits = question == f"{asked:08x}" and not _is_late(inbound, session, state)
    return Heard(key or inbound.choice, late=not fits)


def _is_late(inbound: Inbound, session: Session | None, state: State | None) -> bool:
    if session is None or not session.open or state is None:
        return True
    sent = milliseconds(inbound.sent_at)
    # Gateways tell whole seconds: a message of the same second may well be the answer.
    return sent + SECOND <= session.asked_at or sent - session.asked_at > state.open_for
