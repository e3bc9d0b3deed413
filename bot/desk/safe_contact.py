"""May we call, when, at which number, and what to say first: the banner that stands before everything else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from bot.desk.services import services
from bot.desk.words import codes, dates, say, steps
from bot.engine.effects import MISSED_CALL, Terms
from bot.messages import has_phone
from bot.referrals import clocks
from bot.referrals.opening import Contents
from bot.referrals.terms import read_terms
from bot.store.ciphers import Unreadable
from bot.store.models import Contact, Referral

log = structlog.get_logger(__name__)

DAY_BEGINS, DAY_ENDS = 6, 22


@dataclass(frozen=True, slots=True)
class SafeContact:
    """`tone` is no, wait or ok. `until`: the end of the window that is open now."""

    tone: str
    icon: str
    title: str
    text: str
    facts: list[tuple[str, str]]
    next_call: datetime | None = None
    until: datetime | None = None
    hours: tuple[float, float] | None = None  # the safe window, wall clock
    window: str = "any"

    @property
    def may_call_now(self) -> bool:
        """Only then does the page hold a `tel:` link."""
        return self.tone == "ok"


def number_of(referral: Referral, contact: Contact | None, now: datetime, opened: Contents | None = None) -> str:
    """The number to call, E.164: the one the terms name, else the one that was used; "" where there is none.

    `opened`: what was sealed of it, where this reader may read it now.
    """
    terms = _terms(referral, opened)
    if terms is not None:
        named = terms.now_number if clocks.asked_for_a_call(terms, now) else terms.number
        if named:
            return named
    if opened is not None and has_phone(opened.who.address):
        return opened.who.address
    return phone_of(contact)


def phone_of(contact: Contact | None) -> str:
    """The number that was used, E.164; "" where somebody writes without one."""
    address = _address(contact)
    return address if has_phone(address) else ""


def no_number(contact: Contact | None) -> str:
    """What stands where a number would: somebody may write from WhatsApp without one."""
    address = _address(contact)
    return say("no phone number: only WhatsApp") if address and not has_phone(address) else say("no number")


def safe_contact(referral: Referral, now: datetime, opened: Contents | None = None) -> SafeContact:
    """The banner of this referral at this minute."""
    terms = _terms(referral, opened)
    hours = clocks.Clocks.of(services().settings)
    allowed = clocks.next_safe_call(terms, now, clocks=hours)
    answered = _call_now_until(terms, now)
    if answered is not None:
        return _asked_for_it(referral, terms, answered, now)
    if terms is None or allowed is None:
        return _not_allowed(referral, terms, now)
    window = hours.windows[terms.window]
    span = (window[0].hour + window[0].minute / 60, window[1].hour + window[1].minute / 60)
    until = hours.moment(hours.local(max(allowed, now)).date(), window[1])
    if allowed <= now:
        return _allowed(referral, terms, now, until=until, span=span)
    return _later(referral, terms, now, allowed=allowed, span=span)


def _terms(referral: Referral, opened: Contents | None) -> Terms | None:
    terms = read_terms(referral, ciphers=services().ciphers)
    return terms if opened is None else opened.whole(terms)


def _address(contact: Contact | None) -> str:
    if contact is None:
        return ""
    try:
        return services().ciphers.decrypt(contact.number_enc, f"contacts|{contact.digest}|number".encode()).decode()
    except Unreadable:
        log.error("number_unreadable", contact=contact.id)  # noqa: TRY400 - a key is missing, no bug of ours
        return ""


def _call_now_until(terms: Terms | None, now: datetime) -> datetime | None:
    """Until when a "yes, call me now" stands; None: nobody said so, or it is over."""
    if terms is None or not clocks.asked_for_a_call(terms, now):
        return None
    return datetime.fromtimestamp(terms.now_until, UTC)


def _asked_for_it(referral: Referral, terms: Terms | None, until: datetime, now: datetime) -> SafeContact:
    return SafeContact(
        "ok", "phone", say("Call now, before %(hour)s", hour=dates.hour(until)),
        say("The person typed the number of this request and said yes."), _facts(referral, terms, now), until=until,
    )  # fmt: skip


def _not_allowed(referral: Referral, terms: Terms | None, now: datetime) -> SafeContact:
    unanswered = terms is None
    text = say("The person will dial the code again when they can talk. No message leaves.")
    if unanswered:
        text = say(
            "The person has not said yet whether calling is safe. Wait until they dial again. No message leaves."
        )
    said = say("not asked yet") if unanswered else _said(referral, terms, now)
    facts = [(say("Said by"), said)]
    if codes.caller(referral.caller):
        facts.append((say("Who calls"), codes.caller(referral.caller)))
    back = referral.call_now_answered_at
    facts.append((say("Came back"), dates.day_and_hour(back, now) if back else say("not yet")))
    title = say("Do not call.") + "\n" + say("Do not write.")
    return SafeContact("no", "no-phone", title, text, facts)


def _allowed(
    referral: Referral, terms: Terms, now: datetime, *, until: datetime, span: tuple[float, float]
) -> SafeContact:
    text = " ".join(filter(None, (_rang(referral), say("Possible now."), _never(terms.window), _writing(terms))))
    glyph = "sunrise" if terms.window == "morning" else "phone"
    title = say("Call %(window)s, from %(start)s to %(end)s", **_span(terms.window, span))
    if terms.window == "any":
        title = say("Call from %(start)s to %(end)s", start=clock_face(span[0]), end=clock_face(span[1]))
    return SafeContact("ok", glyph, title, text, _facts(referral, terms, now), now, until, span, terms.window)


def _later(
    referral: Referral, terms: Terms, now: datetime, *, allowed: datetime, span: tuple[float, float]
) -> SafeContact:
    day = dates.day_word(allowed, now) or say("today")
    title = say(
        "Not now. Call %(day)s, from %(start)s to %(end)s.", day=day, start=clock_face(span[0]), end=clock_face(span[1])
    )
    text = " ".join(filter(None, (_rang(referral), _never(terms.window), _writing(terms))))
    return SafeContact("wait", "clock", title, text, _facts(referral, terms, now), allowed, None, span, terms.window)


def _rang(referral: Referral) -> str:
    """Why one may call somebody who was never asked (safety 1)."""
    rang = referral.source == MISSED_CALL
    return say("The person let this line ring and may be called at that number.") if rang else ""


def _said(referral: Referral, terms: Terms | None, now: datetime) -> str:
    """Since when this holds: it is asked again at each talk, for safety changes."""
    if terms is None or not terms.said_at:
        return say("the person, %(when)s", when=_when(referral, now))
    when = dates.day_and_hour(datetime.fromtimestamp(terms.said_at, UTC), now)
    return say("the person, %(how)s, %(when)s", how=steps.word(steps.how(), terms.said_by), when=when)


def _facts(referral: Referral, terms: Terms | None, now: datetime) -> list[tuple[str, str]]:
    facts = []
    if codes.caller(referral.caller):
        facts.append((say("Who calls"), codes.caller(referral.caller)))
    if terms is not None and terms.sealed:
        return [*facts, (say("Who answers, what to say"), say("sealed: open the request first"))]
    facts.append(
        (say("Who answers"), terms.who_answers if terms and terms.who_answers else say("not known, ask first"))
    )
    facts.append((say("Say first"), say("“Is it a good moment?”")))
    cover = terms.cover_phrase if terms and terms.cover_phrase else say("wrong number")
    facts.append((say("If another person answers"), say("“%(phrase)s”, then hang up", phrase=cover)))
    if terms is not None and terms.said_at:
        facts.append((say("Said by"), _said(referral, terms, now)))
    return facts


def _span(window: str, span: tuple[float, float]) -> dict[str, str]:
    return {"window": codes.window(window), "start": clock_face(span[0]), "end": clock_face(span[1])}


def _never(window: str) -> str:
    never = {
        "morning": say("Never in the afternoon or in the evening."),
        "afternoon": say("Never in the morning or in the evening."),
        "evening": say("Never in the morning or in the afternoon."),
    }
    return never.get(window, "")


def _writing(terms: Terms) -> str:
    return say("Writing is allowed.") if terms.text else say("No written message.")


def _when(referral: Referral, now: datetime) -> str:
    return dates.day_and_hour(referral.opened_at, now)


def clock_face(hours: float) -> str:
    """7.5 as `7:30`."""
    return f"{int(hours)}:{round(hours % 1 * 60):02d}"
