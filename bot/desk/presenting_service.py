"""The parts of the service and the settings in words. `tone` is "", soon (look soon) or late (now)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from bot import condition
from bot.condition import Backlog, Waiting
from bot.config import Settings
from bot.desk import presenting_messages
from bot.desk.services import Services
from bot.desk.words import dates, messages, say, say_many
from bot.kinds import Kind

FEW = 5  # smaller counts could tell of one request (safety 19)
JOURNAL_LONG = 200  # entries; a recorder writes as many in one step
LATE, VERY_LATE = 60, 300  # seconds a message waits past its hour
CLOCK_LATE = timedelta(minutes=1)
MOST_OF = {"": 0, "soon": 1, "late": 2}
ADDRESSES = ("database_url", "redis_url", "queue_url")  # they may hold a password


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its name, how it does in words, and what to do where something is to do."""

    name: str
    tone: str
    words: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """A variable, what it is set to in words, and the sentence of docs/settings.md (English)."""

    variable: str
    value: str
    about: str


def parts(stores: Services, now: datetime) -> list[Part]:
    """Every part, in the order of a message's way; a store that did not answer is asked no more."""
    backlog = condition.backlog(stores)
    found = [_conversations(backlog)]
    if backlog is not None:
        found.append(_recorder(backlog, stores.settings.journal_limit))
    found += [*_database(stores), *_jobs(stores, now)]
    return found if backlog is None else found + _gateways(stores)


def worst(found: list[Part]) -> str:
    """The tone of the whole."""
    return max((part.tone for part in found), key=MOST_OF.__getitem__)


def settings(known: Settings) -> list[Setting]:
    """In the order of docs/settings.md."""
    return [
        Setting(
            f"MARABA_{name.upper()}", _value(name, getattr(known, name)), (field.description or "").replace("`", "")
        )
        for name, field in Settings.model_fields.items()
    ]


def few(count: int) -> str:
    """A number, or `less than 5`."""
    return say("less than %(count)s", count=FEW) if 0 < count < FEW else str(count)


def _conversations(backlog: Backlog | None) -> Part:
    name = say("Conversation store")
    if backlog is None:
        return Part(name, "late", say("does not answer: nobody is served"), say("Tell the operator now."))
    return Part(name, "", say("answers"))


def _recorder(backlog: Backlog, limit: int) -> Part:
    name, waiting, longest = say("Recorder"), sum(backlog.journal), max(backlog.journal)
    words = say("%(count)s turns not written yet, the longest part holds %(most)s", count=waiting, most=longest)
    if longest >= limit:
        return Part(name, "late", words, say("People are told to try later. Is PostgreSQL well, does a recorder run?"))
    if longest >= JOURNAL_LONG:
        return Part(name, "soon", words, say("Nothing is lost. Is PostgreSQL well, does a recorder run?"))
    return Part(name, "", say("keeps up") if not waiting else words)


def _database(stores: Services) -> list[Part]:
    name = "PostgreSQL"
    try:
        with stores.database.transaction() as session:
            due, late, held = (
                condition.waiting(session), condition.ladders_late(session), condition.quarantined(session),
            )  # fmt: skip
    except SQLAlchemyError:
        return [Part(name, "late", say("does not answer; people are still served"), say("Tell the operator now."))]
    found = [Part(name, "", say("answers"))]
    if held:
        words = say_many("%(count)s turn could not be written", "%(count)s turns could not be written", held)
        found.append(
            Part(say("Set aside"), "soon", words, say("A request in it stands on the desk. Tell the operator."))
        )
    ladder = say("Alerts that climb")
    if late:
        found.append(Part(ladder, "late", say("late by more than a minute"), say("Does a worker run?")))
    else:
        found.append(Part(ladder, "", say("on time")))
    return found + _outbox(due)


def _outbox(due: list[Waiting]) -> list[Part]:
    waiting = sorted(due, key=lambda one: list(Kind).index(Kind(one.kind)))
    name = say("Messages to send")
    return [_queue(name, one) for one in waiting] or [Part(name, "", say("none waits"))]


def _queue(name: str, one: Waiting) -> Part:
    age = one.oldest_seconds
    tone = "late" if age >= VERY_LATE else "soon" if age >= LATE else ""
    minutes = say("the oldest for %(n)s min", n=int(age // 60)) if age >= LATE else say("since a moment ago")
    words = say("%(kind)s: %(count)s, %(age)s", kind=messages.kind(one.kind), count=few(one.count), age=minutes)
    return Part(name, tone, words, say("Is a gateway paused, does a worker run?") if tone else "")


def _jobs(stores: Services, now: datetime) -> list[Part]:
    """What is known through the job store alone."""
    if not condition.jobs_answer(stores):
        return [Part(say("Job store"), "soon", say("does not answer; everything goes on, seconds later"))]
    return [_workers(stores), _clock(stores, now)]


def _workers(stores: Services) -> Part:
    name, running = say("Workers"), condition.workers(stores)
    if not running:
        return Part(name, "late", say("none was heard of"), say("Messages and alerts wait. Start a worker."))
    return Part(name, "", say_many("%(count)s runs", "%(count)s run", running))


def _clock(stores: Services, now: datetime) -> Part:
    name, seen = say("Clock"), condition.clock_seen(stores)
    if seen is None:
        return Part(name, "soon", say("not seen"), say("Does a clock run?"))
    words = say("seen %(when)s", when=dates.day_and_hour(seen, now))
    return Part(name, "soon", words, say("Does a clock run?")) if now - seen > CLOCK_LATE else Part(name, "", words)


def _gateways(stores: Services) -> list[Part]:
    held = presenting_messages.paused()
    found = []
    for name, standing in condition.gateways(stores).items():
        if standing.paused:
            found.append(Part(name, "late", held.get(name, "")))
        elif standing.failures:
            words = say_many("%(count)s failure in a row", "%(count)s failures in a row", standing.failures)
            found.append(Part(name, "soon", words))
        else:
            found.append(Part(name, "", say("takes messages")))
    return found


def _value(name: str, value: object) -> str:
    """In words; secrets and what may hold one only as set or not set."""
    if isinstance(value, SecretStr):
        return say("set") if value.get_secret_value() else say("not set")
    if name in ADDRESSES:
        return say("set") if value else say("not set")
    if isinstance(value, dict):
        return ", ".join(f"{key}={amount}" for key, amount in value.items()) or say("not set")
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value)) or say("not set")
    text = "" if value is None else str(value)
    return (_without_login(text) if "://" in text else text) or say("not set")


def _without_login(address: str) -> str:
    """An address without user and password, should somebody have put them there."""
    found = urlsplit(address)
    return address if "@" not in found.netloc else found._replace(netloc=found.netloc.rpartition("@")[2]).geturl()
