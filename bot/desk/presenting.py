"""Rows as the lists show them: ticket, level, language, hour. Never a name, number, place, nor a need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.desk import safe_contact
from bot.desk.reading import Entry
from bot.desk.safe_contact import SafeContact
from bot.desk.services import services
from bot.desk.words import codes, dates, say, say_many
from bot.engine.effects import MISSED_CALL
from bot.referrals import letters
from bot.referrals.words import shown
from bot.store.models import Referral, Staff

SOON = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Badge:
    """`kind` is critical, high, normal or private; the word says the same."""

    kind: str
    word: str


@dataclass(frozen=True, slots=True)
class Due:
    """An absolute time in words; `tone` is "", soon, late or left."""

    text: str
    tone: str = ""
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A referral in a list. `rang`: that it is a missed call, and how often the phone rang again; else ""."""

    id: str
    ticket: str
    badge: Badge
    due: Due | None
    lines: list[str]
    call: bool
    letter: str
    language: str
    holder: str
    hours: str
    rang: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A critical alert that nobody answered. `left` is the share of time that is left, 0 to 100."""

    row: Row
    place: str
    left: int | None
    sentence: str


def critical(referral: Referral) -> bool:
    """A private talk is critical too, until a human lowers it (safety 3)."""
    return referral.level == "critical"


def badge(referral: Referral) -> Badge:
    """Private stands instead of Critical."""
    if referral.private and referral.level == "critical":
        return Badge("private", say("Private"))
    return Badge(referral.level, codes.level(referral.level))


def letter(referral: Referral) -> str:
    """The neutral letter of its queue."""
    return letters.letter(services().settings, referral.queue)


def row(entry: Entry, staff: Staff, now: datetime, *, holders: dict[int, str]) -> tuple[Row, SafeContact]:
    """The line of a list, and the safe contact that decides in which list it stands."""
    referral = entry.referral
    safe = safe_contact.safe_contact(referral, now)
    mine = referral.accepted_by == staff.id
    holder = say("you") if mine else holders.get(referral.accepted_by or 0, "")
    language = codes.spoken(referral.call_language or referral.language)
    made = Row(
        id=referral.id,
        ticket=shown(referral.ticket),
        badge=badge(referral),
        due=due(entry, safe, now),
        lines=[*filter(None, (rang(entry, now),)), *_lines(referral, safe, language, mine=mine, now=now)],
        call=safe.may_call_now and mine,
        letter=letter(referral),
        language=language,
        holder=holder,
        hours=hours(safe, now),
        rang=rang(entry, now),
    )
    return made, safe


def due(entry: Entry, safe: SafeContact, now: datetime) -> Due | None:
    """By when the next step must have been done, or what the referral waits for."""
    referral = entry.referral
    if referral.state in ("closed", "attached"):
        return (
            Due(say("closed %(day)s", day=dates.short_date(dates.local(referral.closed_at).date())))
            if referral.closed_at
            else None
        )
    if referral.first_attempt_at is not None and referral.accepted_by is not None:
        return Due(say("call %(when)s", when=dates.day_and_hour(referral.first_attempt_at, now)))
    if safe.tone == "no" and referral.accepted_by is not None:
        return Due(say("waits"))
    by = entry.ladder.due_at if entry.ladder else None
    if by is None:
        return None
    return before(by, now)


def before(by: datetime, now: datetime) -> Due:
    """`avant 09:52`, ochre under an hour; once past, `retard 12 min`."""
    stamp = dates.machine(by)
    if by < now:
        return Due(say("late by %(time)s", time=_span(now - by)), "late", stamp)
    if by - now <= SOON:
        return Due(say("before %(hour)s", hour=dates.hour(by)), "soon", stamp)
    day = dates.day_word(by, now)
    if not day:
        return Due(say("today %(hour)s", hour=dates.hour(by)), "", stamp)
    return Due(day if by - now > timedelta(hours=36) else f"{day} {dates.hour(by)}", "", stamp)


def hours(safe: SafeContact, now: datetime) -> str:
    """`le matin, jusqu'à 12:00`, `dès 17:00`: when a call is safe, for a table cell."""
    if safe.tone == "no":
        return say("do not call")
    if safe.until is not None:
        return say("now, until %(hour)s", hour=dates.hour(safe.until))
    if safe.next_call is not None:
        return say(
            "%(day)s from %(hour)s",
            day=dates.day_word(safe.next_call, now) or say("today"),
            hour=dates.hour(safe.next_call),
        )
    return ""


def rang(entry: Entry, now: datetime) -> str:
    """`appel manqué · a rappelé 3 fois, la dernière 09:40`; "" for what is no missed call."""
    if entry.referral.source != MISSED_CALL:
        return ""
    again = entry.called_again
    if again is None:
        return codes.source(MISSED_CALL)
    return say_many(
        "missed call · called again once, %(when)s",
        "missed call · called again %(count)s times, last %(when)s",
        again.times,
        when=dates.day_and_hour(again.last, now),
    )


def unanswered(entry: Entry, made: Row, now: datetime, *, following: str) -> Unanswered:
    """The card of an alert that nobody answered; `following`: who is told next, "" where nobody is."""
    referral = entry.referral
    place = " · ".join(
        filter(None, (say("queue %(letter)s", letter=made.letter), codes.channel(referral.channel), made.language))
    )
    by = entry.ladder.due_at if entry.ladder else None
    if by is None:
        return Unanswered(made, place, None, say("Nobody has answered yet."))
    begun = entry.my_alert.told_at if entry.my_alert else referral.opened_at
    whole = max((by - begun).total_seconds(), 1)
    left = round(100 * max(0.0, min(1.0, (by - now).total_seconds() / whole)))
    sentence = say("Answer before %(hour)s.", hour=dates.hour(by))
    if by <= now:
        sentence = say("The time to answer is over.")
    if following:
        sentence += " " + say("Then the alert goes to %(name)s.", name=following)
    else:
        sentence += " " + say("Nobody is on duty for this queue.")
    return Unanswered(made, place, left, sentence)


def time_left(entry: Entry, now: datetime) -> Due | None:
    """`encore 8 min`, only on unanswered alerts."""
    by = entry.ladder.due_at if entry.ladder else None
    if by is None:
        return None
    if by <= now:
        return Due(say("late by %(time)s", time=_span(now - by)), "late", dates.machine(by))
    return Due(say("%(time)s left", time=_span(by - now)), "left", dates.machine(by))


def _lines(referral: Referral, safe: SafeContact, language: str, *, mine: bool, now: datetime) -> list[str]:
    wish = codes.caller_line(referral.caller)
    if safe.tone == "ok":
        held = say("yours") if mine else ("" if referral.accepted_by else say("nobody yet"))
        return [" · ".join(filter(None, (held, language))), *filter(None, (wish,))]
    if safe.tone == "wait" and safe.next_call is not None:
        return list(filter(None, (_from(safe.next_call, safe.window, now), language)))
    since = say("since %(when)s", when=dates.day_and_hour(referral.opened_at, now))
    return list(filter(None, (since, wish or language)))


def _from(at: datetime, window: str, now: datetime) -> str:
    """`demain, le matin, dès 07:00`."""
    words = say("from %(hour)s", hour=dates.hour(at))
    return ", ".join(filter(None, (dates.day_word(at, now), codes.window(window) if window != "any" else "", words)))


def _span(length: timedelta) -> str:
    minutes = max(1, -int(-length.total_seconds() // 60))
    if minutes < 60:
        return say("%(n)s min", n=minutes)
    if minutes < 48 * 60:
        return say("%(n)s h", n=minutes // 60)
    return say("%(n)s days", n=minutes // (24 * 60))
