"""Outgoing messages and what they cost, as the pages show them: kind, channel, gateway, hour, reason. Never a text."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from babel.dates import format_date

from bot import condition
from bot.desk.charts import Bar, columns
from bot.desk.reading_messages import Spent, Troubled
from bot.desk.services import services
from bot.desk.words import codes, dates, language, messages, say, say_many
from bot.kinds import Kind
from bot.messages import Delivery
from bot.reasons import why
from bot.referrals.words import shown
from bot.store.models import Message

TONES = {"failed": "late", "expired": "late", "unknown": "soon", "withheld": "soon"}
CHARTED = 6  # months that fit a narrow phone


@dataclass(frozen=True, slots=True)
class Line:
    """A message in a list. `tone` as of a due time; `may_decide`: staff may send it again or leave it."""

    id: str
    kind: str
    state: str
    tone: str
    way: str
    when: str
    machine: str
    to: str
    reason: str
    remedy: str
    code: str
    cost: str
    referral_id: str
    ticket: str
    may_decide: bool = False
    may_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Cost by month in one currency."""

    currency: str
    bars: list[Bar]
    sentence: str


@dataclass(frozen=True, slots=True)
class CostRow:
    """A row of the table of costs; `unpriced` "" where every price is known."""

    month: str
    gateway: str
    messages: str
    segments: str
    cost: str
    unpriced: str


def line(found: Troubled, now: datetime) -> Line:
    """A row of the list of messages."""
    unknown = found.group == "unknown"
    return replace(
        of_message(found.message, found.colleague, now),
        ticket=shown(found.ticket) if found.ticket else "",
        may_decide=unknown,
        may_repeat=unknown and may_repeat(found.message, now),
    )


def of_message(message: Message, colleague: str, now: datetime) -> Line:
    """A message about a request, on the page of that request."""
    reason, remedy = _reason(message)
    at = message.settled_at or message.sent_at or message.created_at
    return Line(
        id=message.id,
        kind=messages.kind(message.kind),
        state=messages.state(message.state),
        tone=TONES.get(message.state, ""),
        way=_way(message),
        when=dates.day_and_hour(at, now),
        machine=dates.machine(at),
        to=_to(message, colleague),
        reason=reason,
        remedy=remedy,
        code=message.reason if reason else "",
        cost=messages.money(message.cost, message.currency) if message.cost is not None else "",
        referral_id=message.referral_id or "",
        ticket="",
    )


def may_repeat(message: Message, now: datetime) -> bool:
    """Does it still make sense? What follows a person's own step does not once a colleague reads of it.

    An answer may belong to a talk in private (safety 3), or to a question left long ago; whoever misses it writes again.
    """
    old = message.expires_at is not None and message.expires_at <= now
    return message.kind not in {Kind.ANSWER, Kind.RESUME} and not old


def paused() -> dict[str, str]:
    """The gateways that are held back since they keep failing, a sentence each; none where nobody can be asked."""
    found = {}
    for name, standing in condition.gateways(services()).items():
        if standing.paused:
            gateway = services().gateways.get(name)
            cause, remedy = messages.reason(why(gateway.reasons if gateway else {}, standing.reason))
            again = dates.hour(datetime.fromtimestamp(max(standing.paused_until, time.time()), UTC))
            told = say("%(gateway)s is paused. It is tried again at %(hour)s.", gateway=name, hour=again)
            found[name] = f"{told} {cause} {remedy}"
    return found


def charts(rows: Iterable[Spent]) -> list[Chart]:
    """One a currency, the last six months, the oldest first."""
    sums: dict[str, dict[datetime, Decimal]] = {}
    for row in rows:
        if row.currency:
            months = sums.setdefault(row.currency, {})
            months[row.month] = months.get(row.month, Decimal(0)) + row.cost
    return [_chart(currency, months) for currency, months in sorted(sums.items())]


def cost_rows(rows: Iterable[Spent]) -> list[CostRow]:
    """The table: a row a month, gateway and currency."""
    return [
        CostRow(
            month=_month(row.month, "MMMM y"),
            gateway=row.gateway,
            messages=messages.number(row.messages),
            segments=messages.number(row.segments),
            cost=messages.money(row.cost, row.currency) if row.currency else "",
            unpriced=say_many("%(count)s message", "%(count)s messages", row.unpriced) if row.unpriced else "",
        )
        for row in rows
    ]


def _chart(currency: str, months: dict[datetime, Decimal]) -> Chart:
    latest = sorted(months)[-CHARTED:]
    bars = columns(
        [(float(months[one]), messages.number(months[one], short=True), _month(one, "MMM")) for one in latest]
    )
    told = ", ".join(f"{_month(month, 'MMMM')} {messages.money(months[month], currency)}" for month in latest)
    return Chart(currency, bars, say("Cost by month: %(months)s", months=told))


def _reason(message: Message) -> tuple[str, str]:
    """Why it did not arrive; nothing for what is on its way or has arrived."""
    fine = (Delivery.SENT, Delivery.DELIVERED, Delivery.READ)
    if message.state in fine or (message.state in (Delivery.QUEUED, Delivery.SENDING) and not message.reason):
        return "", ""
    gateway = services().gateways.get(message.gateway)
    return messages.reason(why(gateway.reasons if gateway else {}, message.reason))


def _to(message: Message, colleague: str) -> str:
    if message.contact_id is not None:
        return say("to the person")
    return say("to %(name)s", name=colleague) if colleague else say("to the hotline outside the office")


def _month(month: datetime, form: str) -> str:
    text: str = format_date(month.date(), form, locale=language())
    return text


def _way(message: Message) -> str:
    """`SMS · kannel`, and what was tried first where that could not arrive."""
    instead = say("instead of %(channel)s", channel=codes.channel(message.fell_from)) if message.fell_from else ""
    return " · ".join(filter(None, (codes.channel(message.channel), message.gateway, instead)))
