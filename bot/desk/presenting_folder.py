"""The page of one referral in words: head, day line, ladder, what we know, history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.orm import Session

from bot.desk import presenting
from bot.desk.presenting import Due
from bot.desk.reading import Entry, Folder, Told
from bot.desk.safe_contact import DAY_BEGINS, DAY_ENDS, SafeContact
from bot.desk.services import services
from bot.desk.words import codes, dates, events, say
from bot.engine.effects import MISSED_CALL
from bot.referrals import access, chains
from bot.referrals.words import shown
from bot.store.ciphers import Unreadable
from bot.store.models import Case, ReferralEvent, Staff

log = structlog.get_logger(__name__)

MOST_NEXT = 2
USUAL_MARKS = (7.0, 12.0, 17.0, 21.0)
APART = 1.5  # hours; nearer words would touch
FAILED = ("failed", "unknown", "expired", "withheld")


@dataclass(frozen=True, slots=True)
class Knot:
    """A step of the ladder. `kind` is answered, told, failed, call or next."""

    kind: str
    who: str
    hour: str = ""
    result: str = ""
    due: Due | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the history. `sealed_text`: the event whose text opens only with a reason; `note`: a colleague's note."""

    when: str
    at: datetime
    text: str
    by: str
    note: str = ""
    sealed_text: int | None = None


@dataclass(frozen=True, slots=True)
class DayLine:
    """Percent of the strip from 6 to 22 h: the safe window, and now (None outside the strip)."""

    start: float
    width: float
    now: float | None
    marks: list[tuple[float, str]]


def head(folder: Folder, staff: Staff, now: datetime) -> str:
    """`acceptée par vous à 09:01 · USSD · haoussa · traitée comme critique`."""
    referral = folder.entry.referral
    parts = [say("queue %(letter)s", letter=presenting.letter(referral)), _held(folder, staff, now)]
    parts += [codes.channel(referral.channel), codes.spoken(referral.call_language or referral.language)]
    if presenting.badge(referral).kind == "private":
        parts.append(say("treated as critical"))
    return " · ".join(filter(None, parts))


def day_line(safe: SafeContact, now: datetime) -> DayLine | None:
    """The strip of the day, where there is a window to show."""
    if safe.hours is None:
        return None
    there = dates.local(now)
    at = _percent(there.hour + there.minute / 60)
    start, end = (_percent(edge) for edge in safe.hours)
    others = (hour for hour in USUAL_MARKS if all(abs(hour - edge) >= APART for edge in safe.hours))
    marks = [(_percent(hour), f"{hour:g}h") for hour in sorted({*safe.hours, *others})]
    return DayLine(start, end - start, at if 0 <= at <= 100 else None, marks)


def ladder(session: Session, folder: Folder, now: datetime) -> list[Knot]:
    """Who was told, who answered, who is next (safety 15 to 17)."""
    knots = [_told(one, now) for one in folder.told]
    entry = folder.entry
    referral, row = entry.referral, entry.ladder
    if row is None or row.due_at is None or referral.state in ("closed", "attached"):
        return knots
    following = _following(session, entry, now)
    if referral.accepted_by is not None:
        first = following[0] if following else ""
        result = say("Otherwise the alert goes to %(name)s.", name=first) if first else ""
        knots.append(Knot("call", say("First call"), result=result, due=presenting.before(row.due_at, now)))
    for place, name in enumerate(following[:MOST_NEXT]):
        hour = dates.day_and_hour(row.due_at, now) if place == 0 else ""
        knots.append(Knot("next", name, hour))
    if presenting.critical(referral) and following:
        knots.append(Knot("next", say("Then again, every 30 min")))
    return knots


def known(folder: Folder, now: datetime) -> list[tuple[str, str, bool]]:
    """What we know: label, words, and whether it is an absence. Region and file only where there is a case."""
    referral = folder.entry.referral
    urgent = {True: say("yes, now"), False: say("no"), None: say("not asked")}[referral.urgent]
    age = say("under 18") if referral.minor else ""
    need = (
        codes.need(referral.code) if referral.code else say("not asked (talk in private)") if referral.private else ""
    )
    rows = [
        (say("Urgent"), urgent, referral.urgent is None),
        (say("Age"), age, False),
        (say("Language"), codes.spoken(referral.call_language or referral.language), False),
        (say("Need"), need or say("not known yet"), not referral.code),
        (say("Began"), presenting.rang(folder.entry, now) or codes.source(referral.source), False),
    ]
    if folder.opened is not None and folder.opened.who.case:
        rows.append((say("File"), shown_case(folder.opened.who.case), False))
    if folder.case is not None:
        rows.append((say("File"), shown_case(folder.case.number), False))
        rows.append((say("Region"), folder.case.region, False))
        rows += [(say("Wrong codes"), text, False) for text in _wrong_codes(folder.case)]
    blocked = [codes.channel(channel) for channel in (folder.contact.blocked if folder.contact else ())]
    if blocked:
        rows.append(
            (say("Blocked"), say("%(channels)s: no answer reaches the person", channels=", ".join(blocked)), False)
        )
    dead = folder.contact.unreachable_at if folder.contact else None
    if dead is not None:
        since = say("since %(when)s; ask for another number", when=dates.day_and_hour(dead, now))
        rows.append((say("Number dead"), since, False))
    others = [shown(number) for number in folder.tickets if number != referral.ticket]
    if referral.source == MISSED_CALL:
        others = []  # nobody was told the numbers of missed calls
    rows.append((say("Other numbers"), ", ".join(others), False))
    return [row for row in rows if row[1]]


def _wrong_codes(case: Case) -> list[str]:
    """Somebody tried to open the file (safety 12)."""
    texts = []
    if case.locked_others:
        texts.append(say("six from another phone; the person's own phone still works"))
    if case.locked_enrolled:
        texts.append(say("six from the person's own phone: locked until you call"))
    return texts


def shown_case(number: str) -> str:
    """`482-719-368`."""
    return "-".join(number[start : start + 3] for start in (0, 3, 6))


def history(folder: Folder, staff: Staff, now: datetime) -> list[Line]:
    """Latest first: what happened and who read what."""
    lines = [_line(folder, event, name, staff, now) for event, name in folder.events]
    for audit, name in folder.readings:
        text = events.reading(audit.action)
        reason = str(audit.detail.get("reason", ""))
        by = " · ".join(filter(None, (name, say("reason: %(reason)s", reason=reason) if reason else "")))
        lines.append(Line(dates.day_and_hour(audit.at, now), audit.at, text, by))
    return sorted(lines, key=lambda line: line.at, reverse=True)


def may_read_text(folder: Folder, event: ReferralEvent, staff: Staff) -> bool:
    """As `may_read`, of a note or a message."""
    return event.text_enc is not None and may_read(folder, (event.at, event.id), staff)


def may_read(folder: Folder, told: tuple[datetime, int], staff: Staff) -> bool:
    """What was told stays with the queue that had the referral then (safety 5, 18). `told`: when, and after which event."""
    moves = [one for one, _ in folder.events if "from" in one.detail and (one.at, one.id) > told]
    last = min(moves, key=lambda one: (one.at, one.id), default=None)
    queue = str(last.detail["from"]) if last is not None else access.queue_of(folder.entry.referral)
    return queue in access.serves(staff)


def text_of(event: ReferralEvent) -> str:
    """The words of a note or of the person; a sentence of ours where no key opens them any more."""
    try:
        place = f"referrals|{event.referral_id}|text".encode()
        return services().ciphers.decrypt(event.text_enc or b"", place).decode()
    except Unreadable:
        log.error("text_unreadable", referral=event.referral_id)  # noqa: TRY400 - a key is missing, no bug of ours
        return say("This text cannot be opened.")


def _line(folder: Folder, event: ReferralEvent, name: str, staff: Staff, now: datetime) -> Line:
    note, sealed_text = "", None
    if event.kind == "wrote_back":
        note = ""  # the words stand in the conversation
    elif f"event:{event.id}" in folder.sealed:
        note = _sealed_text(folder, event, staff)
    elif may_read_text(folder, event, staff):
        if event.staff_id is not None:
            note = text_of(event)
        else:
            sealed_text = event.id
    elif event.text_enc is not None:
        note = say("Written for another queue.")
    by = events.doer(event.kind, name, folder.entry.referral.channel)
    text = events.happened(event.kind, event.detail)
    return Line(dates.day_and_hour(event.at, now), event.at, text, by, note, sealed_text)


def _sealed_text(folder: Folder, event: ReferralEvent, staff: Staff) -> str:
    """What was sealed, where the request is open to this reader; else only that there is something."""
    if not may_read(folder, (event.at, event.id), staff):
        return say("Written for another queue.")
    if folder.opened is None:
        return say("Sealed: open the request to read it.")
    return folder.opened.texts.get(event.id) or say("Sealed before you had this key.")


def _held(folder: Folder, staff: Staff, now: datetime) -> str:
    referral = folder.entry.referral
    if referral.state == "closed" and referral.closed_at:
        return say("closed %(when)s", when=dates.day_and_hour(referral.closed_at, now))
    if referral.accepted_by is None or referral.accepted_at is None:
        return say("nobody has accepted it yet")
    name = say("you") if referral.accepted_by == staff.id else folder.accepted_by
    return say("accepted by %(name)s, %(when)s", name=name, when=dates.day_and_hour(referral.accepted_at, now))


def _told(told: Told, now: datetime) -> Knot:
    alert, message = told.alert, told.message
    when = dates.day_and_hour(alert.told_at, now)
    state: Any = message.state if message is not None else ""
    channel = codes.channel(message.channel if message is not None else "sms")
    sent = (
        say("%(channel)s not delivered", channel=channel)
        if state in FAILED
        else say("%(channel)s delivered", channel=channel)
        if state == "delivered"
        else say("%(channel)s sent", channel=channel)
    )
    if alert.answer == "ok":
        answered = dates.hour(alert.answered_at) if alert.answered_at else ""
        return Knot("answered", told.name, when, f"{sent} · " + say("OK at %(hour)s", hour=answered))
    if state in FAILED:
        return Knot("failed", told.name, when, sent)
    if alert.answer == "no":
        return Knot("failed", told.name, when, f"{sent} · " + say("cannot"))
    if alert.answer == "later":
        return Knot("told", told.name, when, f"{sent} · " + say("later"))
    return Knot("told", told.name, when, f"{sent} · " + say("no answer"))


def _following(session: Session, entry: Entry, now: datetime) -> list[str]:
    rungs = chains.chain(session, entry.referral, at=now, settings=services().settings)
    waiting = chains.untold(session, rungs, entry.ladder) if entry.ladder else rungs
    left = [rung for rung in waiting if rung.key != entry.referral.accepted_by] or rungs
    return [rung.staff.name if rung.staff else say("the hotline outside the office") for rung in left]


def _percent(hour: float) -> float:
    return round(100 * (hour - DAY_BEGINS) / (DAY_ENDS - DAY_BEGINS), 2)
