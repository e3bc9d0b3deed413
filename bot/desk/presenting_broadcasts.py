"""A broadcast as staff read it: whom it would reach, at what price and pace, and how far it is.

Exact counts are told of what any file shows. Whoever must get nothing for a reason that nobody may know is counted
among those who get it, here and while it runs (docs/decisions/0035-broadcasts.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from bot.desk.reading_broadcasts import Progress
from bot.desk.services import now, services
from bot.desk.words import broadcasts as words
from bot.desk.words import codes, dates, messages, say
from bot.messages import Channel
from bot.outreach import broadcasts
from bot.outreach import broadcasts_audience as audience
from bot.outreach.broadcasts_audience import REASONS, Part
from bot.outreach.broadcasts_group import Group
from bot.outreach.calendar import Calendar
from bot.pricing import price
from bot.referrals.small_numbers import SMALLEST
from bot.store.models import Broadcast
from bot.text.gsm7 import fold, segments

TONES = {"waiting": "soon", "paused": "soon", "cancelled": "late"}
QUARTER = timedelta(minutes=15)
LONGEST = 366 * 24 * 4  # quarters of an hour that are looked ahead


@dataclass(frozen=True, slots=True)
class Line:
    """One broadcast in the list. `done` in percent."""

    id: str
    name: str
    state: str
    tone: str
    by: str
    when: str
    machine: str
    phones: str
    done: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What people of one language and channel read. `also`: languages of those whose own has no text."""

    language: str
    lang: str
    channel: str
    phones: str
    text: str
    size: str
    cost: str
    also: str


@dataclass(frozen=True, slots=True)
class Preview:
    """`phones`: at most so many; `few`: too few for a broadcast; `second`: a second person must agree."""

    files: str
    phones: str
    few: bool
    second: bool
    readings: list[Reading]
    left_out: list[tuple[str, str]]
    shared: str
    cost: str
    pace: str
    ends: str


@dataclass(frozen=True, slots=True)
class Running:
    """How far it is; `note`: why nothing leaves now."""

    done: int
    handled: str
    arrived: str
    lost: str
    answers: str
    cost: str
    pace: str
    ends: str
    note: str


def line(row: Broadcast, author: str, turns: int) -> Line:
    """A row of the list."""
    at = row.ended_at or row.starts_at or row.made_at
    return Line(
        id=row.id,
        name=row.name,
        state=_state(row),
        tone=TONES.get(row.state, ""),
        by=author,
        when=dates.day_and_hour(at, now()),
        machine=dates.machine(at),
        phones=messages.number(row.counted) if row.counted else "",
        done=_percent(turns, row),
    )


def preview(session: Session, row: Broadcast, texts: Mapping[str, str]) -> Preview:
    """Counted now."""
    settings = services().settings
    found = audience.count(session, Group.of(row.wanted).condition(), broadcasts.reach(row, settings), now=now())
    reached = [part for part in found if not part.reason]
    phones = sum(part.phones for part in reached)
    readings, costs, unpriced = _readings(row, texts, reached)
    out = {reason: sum(part.phones for part in found if part.reason == reason) for reason in REASONS}
    shared = sum(part.files - part.phones for part in found)
    rate = broadcasts.per_minute(settings, row.share)
    begins = max(row.starts_at or now(), now())
    return Preview(
        files=messages.number(sum(part.files for part in found)),
        phones=messages.number(phones),
        few=phones < SMALLEST,
        second=phones > settings.broadcast_alone,
        readings=readings,
        left_out=[(words.left_out(reason), messages.number(n)) for reason, n in out.items() if n],
        shared=messages.number(shared) if shared else "",
        cost=_money(costs, unpriced),
        pace=pace(rate),
        ends=_ends(begins, phones, rate),
    )


def running(row: Broadcast, found: Progress, ahead: str) -> Running:
    """The page of a broadcast that was let go."""
    at = now()
    handled = round(row.counted * found.turns / row.planned) if row.planned else 0
    left = max(0, row.counted - handled)
    return Running(
        done=_percent(found.turns, row),
        handled=say("%(n)s of %(all)s", n=messages.number(handled), all=messages.number(row.counted)),
        arrived=messages.number(found.arrived),
        lost=messages.number(found.lost),
        answers=_few(row.answers),
        cost=messages.money(found.price * handled, found.currency) if found.price is not None else "",
        pace=pace(row.per_minute) if row.per_minute else "",
        ends=_ends(at, left, row.per_minute) if row.state == "running" and row.planned_at else "",
        note=_note(row, at, ahead),
    )


def pace(rate: float) -> str:
    """Messages a minute, or an hour where that is less than one."""
    if rate >= 1:
        return say("%(n)s a minute", n=messages.number(int(rate)))
    return say("%(n)s an hour", n=messages.number(max(1, int(rate * 60))))


def _readings(
    row: Broadcast, texts: Mapping[str, str], reached: Sequence[Part]
) -> tuple[list[Reading], dict[str, Decimal], bool]:
    """By language of the text and channel; the cost by currency; is there a price that nobody knows?"""
    groups: dict[tuple[str, str], list[Part]] = {}
    for part in reached:
        language = broadcasts.text_language(row, texts, part.language)
        groups.setdefault((language, part.channel), []).append(part)
    readings, costs, unpriced = [], dict[str, Decimal](), False
    for (language, channel), parts in sorted(groups.items()):
        phones = sum(part.phones for part in parts)
        reading, amount, currency = _reading(language, channel, phones, texts[language], parts)
        readings.append(reading)
        if amount is None:
            unpriced = True
        else:
            costs[currency] = costs.get(currency, Decimal(0)) + amount
    return readings, costs, unpriced


def _reading(
    language: str, channel: str, phones: int, text: str, parts: Sequence[Part]
) -> tuple[Reading, Decimal | None, str]:
    settings = services().settings
    sms = channel == Channel.SMS
    words_ = fold(text) if sms else text
    many = len(segments(words_).parts) if sms else 1
    one, currency = price(settings, settings.sms_gateway if sms else settings.whatsapp_gateway, channel, many)
    amount = one * phones if one is not None else None
    size = f"{many} SMS" if sms else say("1 message by WhatsApp")
    also = sorted({part.language for part in parts} - {language})
    reading = Reading(
        codes.spoken(language), language, codes.channel(channel), messages.number(phones), words_, size,
        messages.money(amount, currency) if amount is not None else "", words.languages(also),
    )  # fmt: skip
    return reading, amount, currency


def _money(costs: Mapping[str, Decimal], unpriced: bool) -> str:
    told = " + ".join(messages.money(amount, currency) for currency, amount in sorted(costs.items()))
    if not told:
        return ""
    return say("%(cost)s, and what has no price in the settings", cost=told) if unpriced else told


def _ends(begins: datetime, phones: int, rate: float) -> str:
    """About when the last one leaves, the hours left out in which nothing may."""
    if rate <= 0:
        return ""
    calendar, at, left = Calendar.of(services().settings), begins, phones / rate
    for _ in range(LONGEST):
        at = calendar.next_push(at)
        if left <= QUARTER.total_seconds() / 60:
            return dates.day_and_hour(at + timedelta(minutes=left), now())
        at, left = at + QUARTER, left - QUARTER.total_seconds() / 60
    return say("in more than a year")


def _note(row: Broadcast, at: datetime, ahead: str) -> str:
    if row.state != "running":
        return ""
    if row.starts_at is not None and row.starts_at > at:
        return say("It begins %(when)s.", when=dates.day_and_hour(row.starts_at, at))
    if ahead:
        return say("“%(name)s” is served first: both are answered by the same colleagues.", name=ahead)
    opens = Calendar.of(services().settings).next_push(at)
    if opens > at:
        return say("Nothing leaves at this hour. It goes on %(when)s.", when=dates.day_and_hour(opens, at))
    return say("The people are being counted.") if row.planned_at is None else ""


def _state(row: Broadcast) -> str:
    if row.state == "running" and row.starts_at is not None and row.starts_at > now():
        return say("begins later")
    return words.state(row.state)


def _percent(turns: int, row: Broadcast) -> int:
    if row.state == "done":
        return 100
    return 100 * turns // row.planned if row.planned else 0


def _few(count: int) -> str:
    if count == 0:
        return say("nobody yet")
    return messages.number(count) if count >= SMALLEST else say("fewer than 5")
