"""What a reader with an unlocked key reads of a sealed request (docs/sealed.md)."""

from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from bot.engine.effects import Terms
from bot.referrals import reader_keys
from bot.referrals.sealing import Who
from bot.store.models import SealedBox

_terms = msgspec.msgpack.Decoder(Terms).decode
_now = msgspec.msgpack.Decoder(tuple[int, str]).decode
_who = msgspec.msgpack.Decoder(Who).decode


@dataclass(frozen=True, slots=True)
class Unlocked:
    """A reader's key, open in this process for the length of one request."""

    key_id: int
    private: bytes


@dataclass(slots=True)
class Contents:
    """One sealed request, opened. `terms`: what is sealed of them, None where nothing is; `texts` by event id, `reasons`
    of acting without a consent by consent id.
    """

    who: Who = field(default_factory=Who)
    terms: Terms | None = None
    now: tuple[int, str] = (0, "")
    texts: dict[int, str] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)

    def whole(self, kept: Terms | None) -> Terms | None:
        """The terms that are readable, with what was sealed of them; None, which is "do not call", where that is not here."""
        if kept is None or not kept.sealed:
            return kept
        if self.terms is None:
            return None
        number = self.now[1] if self.now[0] == kept.now_until else ""
        return msgspec.structs.replace(self.terms, now_until=kept.now_until, now_number=number, sealed=False)


def subjects(session: Session, referral_id: str) -> frozenset[str]:
    """What there is sealed of a request, for whomever."""
    return frozenset(session.scalars(select(SealedBox.subject).where(SealedBox.referral_id == referral_id)))


def contents(session: Session, referral_id: str, unlocked: Unlocked) -> Contents:
    """What was sealed for this reader; what was not is left out."""
    found = Contents()
    for row in session.scalars(_boxes(unlocked, referral_id).where(~SealedBox.subject.startswith("sound:"))):
        plain = reader_keys.open_box(unlocked.private, row.box)
        if plain is None:
            continue
        kind, _, rest = row.subject.partition(":")
        if kind == "event":
            found.texts[int(rest)] = plain.decode()
        elif kind == "consent":
            found.reasons[int(rest)] = plain.decode()
        elif kind == "terms":
            found.terms = _terms(plain)
        elif kind == "now":
            found.now = _now(plain)
        elif kind == "who":
            found.who = _who(plain)
    return found


def sound(session: Session, referral_id: str, unlocked: Unlocked) -> bytes | None:
    """The voice note; None where there is none for this reader."""
    row = session.scalars(
        _boxes(unlocked, referral_id).where(SealedBox.subject == f"sound:{referral_id}")
    ).one_or_none()
    return None if row is None else reader_keys.open_box(unlocked.private, row.box)


def _boxes(unlocked: Unlocked, referral_id: str) -> Select[SealedBox]:
    return select(SealedBox).where(SealedBox.referral_id == referral_id, SealedBox.key_id == unlocked.key_id)
