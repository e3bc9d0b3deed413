"""The gate: the only way out for a message. `check` decides, `send` and `send_many` obey it and call the gateway."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import structlog
import yaml

from bot.config import ROOT, Settings
from bot.engine.effects import Terms
from bot.errors import BotError, FlowError, SendError
from bot.gateway import Gateway
from bot.kinds import RULES, TO_STAFF, Kind
from bot.messages import Channel, Outbound, Sent
from bot.outreach.calendar import Calendar
from bot.reasons import Why, why
from bot.referrals.clocks import Clocks, within_window
from bot.text.damm import valid
from bot.text.gsm7 import segments
from bot.text.plain import plain

log = structlog.get_logger(__name__)

NEVER_SEND = ROOT / "flows" / "never_send.yaml"
MOST_TURNS = 5  # between the calendar and the hours of a person; where they never meet, it is asked again then
WHATSAPP_WINDOW = timedelta(hours=24)  # WhatsApp's rule: after it only templates
NOT_ITS_FAULT = frozenset({Why.TOO_FAST, Why.PHONE_OFF, Why.BAD_NUMBER, Why.BLOCKED, Why.NOT_ON_WHATSAPP, Why.WINDOW})
_NINE_DIGITS = re.compile(r"(?<![\d+])\d{3}[ ./-]?\d{3}[ ./-]?\d{3}(?!\d)")


class Withheld(BotError):
    """The gate did not let a message out. `until`: it may try again then; None: never."""

    def __init__(self, reason: str, until: datetime | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.until = until


@dataclass(frozen=True, slots=True)
class Verdict:
    """May it leave? `reason` is a key of bot.reasons, e.g. stopped, blocked, private, terms, human, window, quiet,
    unreachable, silent, never_send:<group>, no_gateway. `until`: ask again then. `template`: its template must go instead.
    """

    passes: bool
    reason: str = ""
    until: datetime | None = None
    template: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """So many segments may go now; where none: not before `until`, `why` being `rate` or `paused`."""

    segments: int
    until: datetime | None = None
    why: str = ""


class Pace(Protocol):
    """How fast gateways are given messages, and which are paused; the gate asks before each call, and tells how it went."""

    def take(self, gateway: str, kind: Kind, segments: int, *, least: int, now: datetime) -> Leave:
        """Leave for `segments`, or for fewer, but not for less than `least`, the size of one message."""

    def failed(self, gateway: str, code: str, *, account: bool, now: datetime) -> None:
        """The gateway did not do its part. `account`: it refuses us, whatever the message."""

    def worked(self, gateway: str, *, now: datetime) -> None:
        """The gateway answered as it should."""

    def paused(self, gateway: str, *, now: datetime) -> bool:
        """Is it held back, since it keeps failing?"""

    def held(self, *, now: datetime) -> dict[str, tuple[int, float]]:
        """Gateways that lately refused leave: from which priority on (bot.kinds), and for how many seconds more."""


class Unpaced:
    """As fast as we can."""

    def take(self, gateway: str, kind: Kind, segments: int, *, least: int, now: datetime) -> Leave:
        """All of them."""
        return Leave(segments)

    def failed(self, gateway: str, code: str, *, account: bool, now: datetime) -> None:
        """Is not counted."""

    def worked(self, gateway: str, *, now: datetime) -> None:
        """Is not counted."""

    def paused(self, gateway: str, *, now: datetime) -> bool:
        """Never."""
        return False

    def held(self, *, now: datetime) -> dict[str, tuple[int, float]]:
        """None."""
        return {}


@dataclass(frozen=True, slots=True)
class Recipient:
    """What either side knows of whoever would read the message; either side saying stop is a stop."""

    stopped: frozenset[str] = frozenset()  # `sms`: every push there; `sms:reminder`: one kind
    blocked: frozenset[str] = frozenset()  # channels blocked at gateway or operator
    terms: Terms | None = None  # where the message is about a referral
    about_referral: bool = False
    private: bool = False  # that referral is a private talk, sealed or a child's; or the talk itself was private
    human_until: datetime | None = None
    last_inbound_at: datetime | None = None  # on the channel of the message
    unreachable: bool = False  # a gateway found the number dead
    silent: bool = False  # for so long that somebody else may have the number, and no code was given from it since
    texts: str = ""  # "yes": agreed to be texted after a dropped line
    unspeakable: tuple[str, ...] = ()  # names of the person's file: never in a text


UNKNOWN = Recipient()


class NeverSend:
    """The list of flows/never_send.yaml, compiled."""

    def __init__(self, groups: Mapping[str, tuple[frozenset[str], re.Pattern[str]]], secrets: re.Pattern[str]) -> None:
        self._groups = groups
        self._secrets = secrets

    @classmethod
    def read(cls, path: Path = NEVER_SEND) -> "NeverSend":
        """Raises FlowError for a file that can't be used."""
        try:
            tables = yaml.safe_load(path.read_text(encoding="utf-8"))
            groups = {
                name: (
                    frozenset(group["channels"]),
                    _any_of([root for language, roots in group.items() if language != "channels" for root in roots]),
                )
                for name, group in tables["groups"].items()
            }
            secrets = "|".join(re.escape(plain(word)) for word in tables["secrets"])
        except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise FlowError(f"{path}: can't be used ({type(error).__name__}); see the remarks at its top") from None
        return cls(groups, re.compile(rf"\b(?:{secrets})(?: \w+){{0,2}} \d{{4}}\b"))

    def found(self, text: str, channel: str, *, unspeakable: tuple[str, ...] = ()) -> str | None:
        """The group that forbids this text on this channel (`name`, `case_number`, `code` or one of the file), or None."""
        # an apostrophe joins ("a'a") or parts ("l'hopital"): both readings count
        words = f"{plain(text)} | {plain(text, apostrophe=' ')}"
        if any(re.search(rf"\b{re.escape(plain(part))}\b", words) for part in _parts(unspeakable)):
            return "name"
        if any(valid(re.sub(r"\D", "", match)) for match in _NINE_DIGITS.findall(text)):
            return "case_number"
        if self._secrets.search(words):
            return "code"
        return next((name for name, (on, roots) in self._groups.items() if channel in on and roots.search(words)), None)


class Gate:
    """Safe to share between threads. `outgoing_allowed` is the development ban: False keeps a message inside."""

    def __init__(
        self,
        settings: Settings,
        gateways: Mapping[str, Gateway],
        *,
        outgoing_allowed: Callable[[str], bool],
        never_send: NeverSend | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._gateways = gateways
        self._outgoing_allowed = outgoing_allowed
        self._never_send = never_send or NeverSend.read()
        self.pace = pace or Unpaced()
        self._clocks = Clocks.of(settings)
        self._calendar = Calendar.of(settings)

    def check(
        self, outbound: Outbound, kind: Kind, *, gateway: str, recipient: Recipient = UNKNOWN, now: datetime
    ) -> Verdict:
        """Decide, without any input or output. Sources: safety 1 to 3, 6, 7, the channel table."""
        if gateway not in self._gateways:
            return Verdict(False, "no_gateway")
        if kind in TO_STAFF:
            # nobody knows when somebody of the staff last wrote on WhatsApp: what has a template goes by it
            return Verdict(True, template=outbound.template is not None)
        if outbound.channel in recipient.blocked:
            return Verdict(False, "blocked")
        forbidden = self._never_send.found(_words(outbound), outbound.channel, unspeakable=recipient.unspeakable)
        if forbidden is not None:
            return Verdict(False, f"never_send:{forbidden}")
        # An answer follows the person's own message: STOP and quiet hours end what we push, nothing else.
        return Verdict(True) if kind is Kind.ANSWER else self._check_push(outbound, kind, recipient=recipient, now=now)

    def send(
        self, outbound: Outbound, kind: Kind, *, gateway: str, recipient: Recipient = UNKNOWN, now: datetime
    ) -> Sent:
        """Check, then hand over; raises Withheld or SendError. In development what may not leave is kept inside.

        What is kept inside gets the external id `simulator:<id>`: the simulator reads it from the tables.
        """
        [result] = self.send_many([(outbound, recipient)], kind, gateway=gateway, now=now)
        if isinstance(result, BotError):
            raise result
        return result

    def send_many(
        self, messages: Sequence[tuple[Outbound, Recipient]], kind: Kind, *, gateway: str, now: datetime
    ) -> list[Sent | SendError | Withheld]:
        """One text to several people, each checked by itself; one result for each, in their order.

        At most as many as the gateway takes in one call (`together`). Those for which there is no leave now are
        withheld with `rate` or `paused`, until there is.
        """
        results: list[Sent | SendError | Withheld | None] = []
        passing: list[tuple[int, Outbound]] = []
        for place, (outbound, recipient) in enumerate(messages):
            verdict = self.check(outbound, kind, gateway=gateway, recipient=recipient, now=now)
            results.append(None if verdict.passes else _withheld(outbound, kind, verdict))
            if verdict.passes:
                passing.append((place, outbound if verdict.template else _as_text(outbound)))
        if not self._outgoing_allowed(gateway):
            for place, outbound in passing:
                results[place] = Sent(f"simulator:{outbound.id}")
        elif passing:
            handed = self._hand_over([outbound for _, outbound in passing], kind, gateway=gateway, now=now)
            for (place, _), result in zip(passing, handed, strict=True):
                results[place] = result
        return [result for result in results if result is not None]

    def meaning(self, gateway: str, code: str) -> Why:
        """What a code of this gateway, or one of ours, means."""
        return why(self.reasons(gateway), code)

    def reasons(self, gateway: str) -> Mapping[str, Why]:
        """What the gateway's own codes mean."""
        return self._gateways[gateway].reasons if gateway in self._gateways else {}

    def together(self, gateway: str) -> int:
        """Recipients of one text that one call takes."""
        return self._gateways[gateway].together if gateway in self._gateways else 1

    def _hand_over(
        self, messages: list[Outbound], kind: Kind, *, gateway: str, now: datetime
    ) -> list[Sent | SendError | Withheld]:
        size = _size(messages[0])
        leave = self.pace.take(gateway, kind, size * len(messages), least=size, now=now)
        fit = leave.segments // size
        late = Withheld(leave.why or "rate", leave.until or now + timedelta(seconds=1))
        if not fit:
            return [late] * len(messages)
        results: list[Sent | SendError | Withheld] = []
        if fit == 1 or len(messages) == 1:
            results.append(self._call(messages[0], gateway=gateway))
        else:
            results += self._gateways[gateway].send_many(messages[:fit])
        self._tell_pace(gateway, results, now=now)
        return results + [late] * (len(messages) - len(results))

    def _call(self, message: Outbound, *, gateway: str) -> Sent | SendError:
        try:
            return self._gateways[gateway].send(message)
        except SendError as error:
            return error

    def _tell_pace(self, gateway: str, results: Sequence[Sent | SendError | Withheld], *, now: datetime) -> None:
        """A call counts once, however many messages it carried: one that was answered is a gateway that works."""
        failures = [result for result in results if isinstance(result, SendError) and self._is_down(gateway, result)]
        if len(failures) < len(results):
            self.pace.worked(gateway, now=now)
        else:
            worst = next((error for error in failures if error.account), failures[0])
            self.pace.failed(gateway, worst.code, account=worst.account, now=now)

    def _is_down(self, gateway: str, error: SendError) -> bool:
        if error.account:
            return True
        return (error.retryable or error.unknown) and self.meaning(gateway, error.code) not in NOT_ITS_FAULT

    def _check_push(self, outbound: Outbound, kind: Kind, *, recipient: Recipient, now: datetime) -> Verdict:
        """Rules of everything that a person did not ask for a moment ago."""
        rule = RULES[kind]
        never = barred(recipient, kind, channel=outbound.channel, to=outbound.to)
        if never:
            return Verdict(False, never)
        if rule.opt_out and recipient.human_until is not None and now < recipient.human_until:
            return Verdict(False, "human", recipient.human_until)
        later = self._next_hour(rule.quiet, recipient.terms if recipient.about_referral else None, now)
        if later is not None:
            return Verdict(False, "quiet", later)
        if outbound.channel is Channel.WHATSAPP and not _in_window(recipient.last_inbound_at, now):
            return Verdict(True, template=True) if outbound.template is not None else Verdict(False, "window")
        return Verdict(True)

    def _next_hour(self, quiet: bool, terms: Terms | None, now: datetime) -> datetime | None:
        """When it may come, by the calendar and by the hours that the person gave; None: now."""
        hour = now
        for _ in range(MOST_TURNS):  # the hours given may begin at night, and end at the prayer of Friday
            before = hour
            hour = self._calendar.next_push(hour) if quiet else hour
            if terms is not None:
                hour = within_window(terms, hour, clocks=self._clocks) or hour + timedelta(days=1)
            if hour == before:
                break
        return None if hour <= now else hour


def barred(recipient: Recipient, kind: Kind, *, channel: Channel, to: str) -> str:
    """Why a message that nobody asked for may not go to this person at all, whatever it says and when; "" if it may."""
    if recipient.private:
        return "private"  # a private talk leaves no trace (safety 3)
    if recipient.unreachable:
        return "unreachable"
    if recipient.silent and RULES[kind].personal:
        return "silent"
    if RULES[kind].opt_out and {channel, f"{channel}:{kind}"} & recipient.stopped:
        return "stopped"
    if kind is Kind.RESUME and recipient.texts != "yes":
        return "terms"  # default deny (safety 1)
    if recipient.about_referral and not _may_write(recipient.terms, to):
        return "terms"
    return ""


def _withheld(outbound: Outbound, kind: Kind, verdict: Verdict) -> Withheld:
    log.warning("message_withheld", message=outbound.id, kind=kind, reason=verdict.reason)
    return Withheld(verdict.reason, verdict.until)


def _as_text(outbound: Outbound) -> Outbound:
    """While the conversation is open words go rather than the template, if there are any."""
    return replace(outbound, template=None) if outbound.template is not None and outbound.text else outbound


def _words(outbound: Outbound) -> str:
    """Everything that would be read."""
    parameters = outbound.template.parameters if outbound.template is not None else ()
    return "\n".join((outbound.text, *(button.title for button in outbound.buttons), *parameters))


def _size(outbound: Outbound) -> int:
    """Segments that are still to leave; a WhatsApp message counts as one."""
    if outbound.channel is not Channel.SMS:
        return 1
    return max(1, len(segments(outbound.text).parts) - outbound.parts_taken)


def _may_write(terms: Terms | None, to: str) -> bool:
    """Written permission, for this very number: a person who named another one is not written to at the first."""
    return terms is not None and terms.text and terms.number in ("", to)


def _in_window(last_inbound_at: datetime | None, now: datetime) -> bool:
    return last_inbound_at is not None and now - last_inbound_at < WHATSAPP_WINDOW


def _any_of(roots: list[str]) -> re.Pattern[str]:
    """One pattern on plain words; `*` takes any ending."""
    words = [re.escape(plain(root.rstrip("*"))) + (r"\w*" if root.endswith("*") else "") for root in roots]
    return re.compile(rf"\b(?:{'|'.join(words)})\b")


def _parts(names: tuple[str, ...]) -> list[str]:
    """Each word of a name; two letters alone would forbid half the language."""
    return [part for name in names for part in name.split() if len(part) > 2]
