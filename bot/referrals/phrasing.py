"""What an alert says of a referral: number, level, letter, code, until when. Never its kind (safety 15)."""

from datetime import datetime

from bot.config import Settings
from bot.referrals import words
from bot.referrals.clocks import Clocks, first_contact_due
from bot.referrals.letters import letter
from bot.referrals.terms import ANY_TIME
from bot.store.models import Referral


def alert_text(
    referral: Referral,
    language: str,
    *,
    code: str,
    fresh: bool,
    due_at: datetime,
    now: datetime,
    settings: Settings,
    clocks: Clocks,
) -> str:
    """`fresh`: the first to be told; `due_at`: when the next person is; `code` "": codes by SMS rest for this person."""
    name = "at_desk" if not code else "next" if not fresh else "high" if referral.level == "high" else "first"
    by = due_at
    if name == "high":
        by = first_contact_due("high", False, terms=ANY_TIME, at=_began(referral), clocks=clocks) or due_at
    return words.say(
        name,
        language,
        level=referral.level,
        ticket=words.shown(referral.ticket),
        letter=letter(settings, referral.queue),
        code=code,
        by=words.when(by, language, now=now, clocks=clocks),
        since=words.since(now - _began(referral), language),
    )


def hotline_text(referral: Referral, *, now: datetime, settings: Settings) -> str:
    """To the hotline outside the office, in French: it can't accept, it calls."""
    return words.say(
        "hotline",
        "fr",
        level=referral.level,
        ticket=words.shown(referral.ticket),
        letter=letter(settings, referral.queue),
        since=words.since(now - _began(referral), "fr"),
    )


def _began(referral: Referral) -> datetime:
    """Since when it waits: what was closed and not solved, since the person said so."""
    return referral.reopened_at or referral.opened_at
