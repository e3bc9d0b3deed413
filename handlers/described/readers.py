"""From the fields of a request to events: one reader a hook, made at start from what its file says."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from bot.errors import BadPayload
from bot.gateway import Event
from bot.messages import Channel, Delivery, Inbound, OptOut, SessionEnded, StatusReport
from bot.text import phones
from handlers import forms
from handlers.described.spec import Description, Hook, Marks, Moment

OUR_ID = re.compile(r"[0-9a-f]{32}")  # as `Outbound.id`
TEXT_LIMIT = 2000  # characters of an SMS or of a USSD transcript
Fields = dict[str, str]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Context:
    """What all readers of one gateway share."""

    gateway: str
    clock: Clock
    address: Callable[[Fields, str], str]  # of who writes; raises BadPayload
    caller: Callable[[Fields, str], str]  # of who rings, fixed lines too; "" where it is hidden
    code: Callable[[str], str]
    blocked: frozenset[str]  # codes that end what we push

    @classmethod
    def of(cls, description: Description, codes: Callable[[str], str], clock: Clock) -> "Context":
        """`codes` gives the one spelling of a word of the gateway."""
        return cls(
            description.name,
            clock,
            _address(description),
            _caller(description),
            codes,
            frozenset(name for name, code in description.codes.items() if code.suppress),
        )


def reader(hook: Hook, context: Context) -> Callable[[Fields], list[Event]]:
    """What makes events of this hook's fields; raises BadPayload."""
    read = _KINDS[hook.kind](hook, context)
    only, unless = _holds(hook.only), _holds(hook.unless)
    if only is None and unless is None:
        return read

    def filtered(fields: Fields) -> list[Event]:
        if (only is not None and not only(fields)) or (unless is not None and unless(fields)):
            return []
        return read(fields)

    return filtered


def value(place: str, *, limit: int = forms.FIELD_LIMIT) -> Callable[[Fields], str]:
    """Reads one place; "" where it is not described, or absent and written with `?`."""
    if not place:
        return lambda _fields: ""
    name = place.removesuffix("?")
    if name == place:
        return lambda fields: forms.text(fields, name, limit=limit)
    return lambda fields: forms.optional(fields, name, limit=limit)


def _ussd(hook: Hook, context: Context) -> Callable[[Fields], list[Event]]:
    text_of, to_of = value(hook.text, limit=TEXT_LIMIT), value(hook.to)
    session_at, address_at, address_of = _bare(hook.session), _bare(hook.address), context.address
    begins, ends = _holds(hook.begins), _holds(hook.ends)
    numbered, named, separator = _bare(hook.step), _bare(hook.step_id), hook.separator
    alone = bool(numbered or named or hook.never_repeats)

    def read(fields: Fields) -> list[Event]:
        session, address = forms.token(fields, session_at), address_of(fields, address_at)
        if ends is not None and hook.ends is not None and ends(fields):
            return [SessionEnded(context.gateway, address, session, fields[_bare(hook.ends.place)])]
        text, now, step = text_of(fields), context.clock(), 0
        if begins is not None and begins(fields):
            text = ""  # what was dialled, not what was answered
        mark = text
        if alone:
            step, mark = _step(fields, numbered, named, now)
        elif separator != "*":
            mark = text = text.replace(separator, "*")
        external_id = f"{session}\n{address}\n{mark}"
        to = to_of(fields)
        return [
            Inbound(context.gateway, external_id, Channel.USSD, address, text, now, session=session, to=to, step=step)
        ]

    return read


def _step(fields: Fields, numbered: str, named: str, now: datetime) -> tuple[int, str]:
    """The step, and what a repeat of it has in common with it. Without a number the time of receipt gives the order."""
    if numbered:
        written = forms.token(fields, numbered)
        if not (written.isdigit() and len(written) <= 9):
            raise BadPayload(f"{numbered} is no number")
        return int(written) + 1, written  # some count from 0
    moment = int(now.timestamp() * 1000)
    return moment, forms.token(fields, named) if named else uuid4().hex


def _sms(hook: Hook, context: Context) -> Callable[[Fields], list[Event]]:
    id_of, address_at = _identity(hook.id), _bare(hook.address)
    text_of, to_of, sent_at = value(hook.text, limit=TEXT_LIMIT), value(hook.to), _moment(hook.sent_at)
    opts_out = _holds(hook.opt_out_words)

    def read(fields: Fields) -> list[Event]:
        external_id, address = id_of(fields), context.address(fields, address_at)
        if opts_out is not None and opts_out(fields):
            return [OptOut(context.gateway, address, Channel.SMS, external_id, blocks=True)]
        sent = sent_at(fields, context.clock())
        text, to = text_of(fields), to_of(fields)
        return [Inbound(context.gateway, external_id, Channel.SMS, address, text, sent, to=to)]

    return read


def _delivery(hook: Hook, context: Context) -> Callable[[Fields], list[Event]]:
    """A word that the file doesn't know is kept as the code of a message that was sent: reports only move forward."""
    id_of = _identity(hook.id) if hook.id else lambda _fields: ""
    state_at, address_at = _bare(hook.state), _bare(hook.address)
    reason_of, message_of = value(hook.reason), value(hook.message)
    states = {word.casefold(): Delivery(state) for word, state in hook.words.items()}

    def read(fields: Fields) -> list[Event]:
        external_id, word = id_of(fields), forms.token(fields, state_at)
        state = states.get(word.casefold())
        code = context.code(reason_of(fields))
        if state is None or (state is Delivery.FAILED and not code):
            code = context.code(word)
        message = message_of(fields)
        if not OUR_ID.fullmatch(message):
            message = ""
        if not (external_id or message):
            raise BadPayload("a report of no message of ours")
        found: list[Event] = [StatusReport(context.gateway, external_id, state or Delivery.SENT, code, message)]
        if code in context.blocked and address_at:
            address = context.address(fields, address_at)
            found.append(
                OptOut(context.gateway, address, Channel.SMS, f"{external_id or message}\n{code}", blocks=True)
            )
        return found

    return read


def _session_end(hook: Hook, context: Context) -> Callable[[Fields], list[Event]]:
    """What the person typed is not even looked at."""
    session_at, address_at, status_of = _bare(hook.session), _bare(hook.address), value(hook.status)

    def read(fields: Fields) -> list[Event]:
        session, address = forms.token(fields, session_at), context.address(fields, address_at)
        return [SessionEnded(context.gateway, address, session, status_of(fields))]

    return read


def _opt_out(hook: Hook, context: Context) -> Callable[[Fields], list[Event]]:
    """Without an id the minute stands for it: a repeat is one event, a later opt-out a new one."""
    id_of, address_at = _identity(hook.id), _bare(hook.address)

    def read(fields: Fields) -> list[Event]:
        address = context.address(fields, address_at)
        mark = id_of(fields) if hook.id else f"{address}\n{context.clock():%Y-%m-%dT%H:%M}"
        return [OptOut(context.gateway, address, Channel.SMS, f"optout\n{mark}", blocks=True)]

    return read


def _call(hook: Hook, context: Context) -> Callable[[Fields], list[Event]]:
    """A missed call: ringing and ended name the same session, so it is one event. A hidden number makes none."""
    session_at, address_at, to_of = _bare(hook.session), _bare(hook.address), value(hook.to)

    def read(fields: Fields) -> list[Event]:
        session = forms.token(fields, session_at)
        address = context.caller(fields, address_at)
        if not address:
            return []
        to = to_of(fields)
        return [Inbound(context.gateway, f"call\n{session}", Channel.VOICE, address, "", context.clock(), to=to)]

    return read


_KINDS: dict[str, Callable[[Hook, Context], Callable[[Fields], list[Event]]]] = {
    "ussd": _ussd,
    "sms": _sms,
    "delivery": _delivery,
    "session_end": _session_end,
    "opt_out": _opt_out,
    "call": _call,
}


def _bare(place: str) -> str:
    return place.removesuffix("?")


def _holds(marks: Marks | None) -> Callable[[Fields], bool] | None:
    """Does the place say one of the words?"""
    if marks is None:
        return None
    word_of, words = value(marks.place), frozenset(word.casefold() for word in marks.words)
    return lambda fields: word_of(fields).strip().casefold() in words


def _identity(places: tuple[str, ...]) -> Callable[[Fields], str]:
    """One id; or several fields that together name a message for ever, where the gateway gives it no id."""
    if len(places) == 1:
        name = _bare(places[0])
        return lambda fields: forms.token(fields, name)
    readers = [value(place, limit=TEXT_LIMIT) for place in places]
    return lambda fields: "\n".join(read(fields) for read in readers)


def _address(description: Description) -> Callable[[Fields, str], str]:
    """E.164 of a field, as `numbers` says that the gateway writes it."""
    if description.numbers.read == "international":
        return forms.address
    region = description.numbers.region

    def national(fields: Fields, name: str) -> str:
        found = phones.mobile(forms.text(fields, name, limit=40).strip(), region=region)
        if found is None:
            raise BadPayload(f"{name} is no phone number")
        return found

    return national


def _caller(description: Description) -> Callable[[Fields, str], str]:
    if description.numbers.read == "international":
        return forms.caller
    region = description.numbers.region
    return lambda fields, name: phones.callable_back(forms.optional(fields, name).strip(), region=region) or ""


def _moment(spec: Moment | None) -> Callable[[Fields, datetime], datetime]:
    """When it was sent, never in the future: a fast clock there must not make an answer look early."""
    if spec is None:
        return lambda _fields, now: now
    written_at, zone, written = value(spec.place), ZoneInfo(spec.zone), spec.written

    def read(fields: Fields, now: datetime) -> datetime:
        try:
            return min(now, _parsed(written_at(fields).strip(), written, zone))
        except (ValueError, OverflowError, OSError):
            return now

    return read


def _parsed(date: str, written: str, zone: ZoneInfo) -> datetime:
    if written in {"seconds", "milliseconds"}:
        return datetime.fromtimestamp(int(date) / (1000 if written == "milliseconds" else 1), UTC)
    sent = datetime.fromisoformat(date) if written == "iso" else datetime.strptime(date, written)  # noqa: DTZ007
    return (sent.replace(tzinfo=zone) if sent.tzinfo is None else sent).astimezone(UTC)
