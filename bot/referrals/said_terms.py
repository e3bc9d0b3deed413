"""How a person may be reached, as they said it to a colleague: asked anew at each talk, for safety changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from bot.config import Settings
from bot.engine.effects import Terms
from bot.errors import ReferralError
from bot.referrals import rows, words
from bot.referrals.clocks import STANDARD, Clocks, lapses_at
from bot.referrals.lapsing import stand_still
from bot.referrals.opening import Contents
from bot.referrals.rows import OVER
from bot.referrals.telling import tell
from bot.referrals.terms import read_terms, write_terms
from bot.store.ciphers import Ciphers
from bot.store.models import Ladder, Referral, Staff

HOW = ("voice", "in_person")
WINDOWS = ("any", "morning", "afternoon", "evening")


@dataclass(frozen=True, slots=True)
class Said:
    """What the person answered. `number` is E.164; empty words leave what was said before as it stands."""

    may_call: bool
    window: str = "any"
    number: str = ""
    text: bool = False
    who_answers: str = ""
    cover_phrase: str = ""
    how: str = "voice"


def say_terms(
    session: Session,
    referral: Referral,
    staff: Staff,
    said: Said,
    at: datetime,
    *,
    opened: Contents | None = None,
    ciphers: Ciphers,
    settings: Settings,
) -> None:
    """Keep them, encrypted; a "no" holds at once, whatever was said before, and ends a "call me now".

    Nobody writes to who talked in private, whatever they say (safety 3). Raises ReferralError: `not_found`, `over`,
    `unknown_terms`, `locked` (what was said before is sealed, and this reader has not opened it). `opened`: what was
    sealed of it, where they have.
    """
    if said.window not in WINDOWS or said.how not in HOW:
        raise ReferralError("unknown_terms")
    referral, ladder = rows.held(session, referral, staff)
    kept = read_terms(referral, ciphers=ciphers)
    before = opened.whole(kept) if opened is not None else kept
    locked = kept is not None and kept.sealed and (before is None or before.sealed)
    if locked and said.may_call:
        raise ReferralError("locked")  # an empty number would stand for the one that was used, not for the sealed one
    terms = Terms(
        may_call=said.may_call,
        window=said.window,
        number=said.number or (before.number if before else ""),
        text=said.may_call and said.text and not (referral.private or referral.sealed),
        who_answers=said.who_answers.strip() or (before.who_answers if before else ""),
        cover_phrase=said.cover_phrase.strip() or (before.cover_phrase if before else ""),
        said_at=int(at.timestamp()),
        said_by=said.how,
        sealed=locked,  # what is in the box stays there
    )
    write_terms(referral, terms, ciphers=ciphers)
    follow(session, referral, ladder, before, terms, at=at, by=staff, ciphers=ciphers, settings=settings)
    rows.add_event(session, referral, staff, "terms_said", at, may_call=terms.may_call, how=said.how)
    rows.audit(session, staff, "say_terms", referral=referral, at=at, may_call=terms.may_call)


def follow(
    session: Session,
    referral: Referral,
    ladder: Ladder,
    before: Terms | None,
    terms: Terms,
    *,
    at: datetime,
    by: Staff | None = None,
    ciphers: Ciphers,
    settings: Settings | None,
) -> None:
    """The 45 minutes of an acceptance count from when the terms allow a call (safety 16), and whoever has it hears
    when they begin to.
    """
    if referral.accepted_by is None or referral.state in OVER:
        return
    clocks = Clocks.of(settings) if settings is not None else STANDARD
    until = lapses_at(terms, at, clocks=clocks)
    if referral.first_attempt_at is None and until is not None:
        ladder.due_at, ladder.why = until, "no_call"
    elif referral.first_attempt_at is None:
        stand_still(session, referral, ladder, at=at, clocks=clocks)
    begins = terms.may_call and not (before is not None and before.may_call)
    holder = session.get(Staff, referral.accepted_by)
    if not begins or settings is None or until is None or holder is None or (by is not None and by.id == holder.id):
        return
    text = words.say(
        "terms_open",
        holder.language,
        ticket=words.shown(referral.ticket),
        by=words.when(until, holder.language, now=at, clocks=clocks),
    )
    tell(session, holder, text=text, at=at, referral_id=referral.id, ciphers=ciphers, settings=settings)
