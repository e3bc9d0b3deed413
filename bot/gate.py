"""The gate: the only way out for a message. `check` decides, `send` obeys it and calls the gateway.

Kinds: `answer` (to an inbound message), `push` (a reminder, a broadcast), `alert` and `staff` (to our own people).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import structlog
import yaml

from bot.config import ROOT, Settings
from bot.engine.effects import Terms
from bot.errors import BotError, FlowError
from bot.gateway import Gateway
from bot.messages import Channel, Outbound, Sent
from bot.text.damm import valid
from bot.text.plain import plain

log = structlog.get_logger(__name__)

Kind = Literal["answer", "push", "alert", "staff"]
NEVER_SEND = ROOT / "flows" / "never_send.yaml"
QUIET = (time(20), time(8))  # no push between them, office time
WHATSAPP_WINDOW = timedelta(hours=24)  # WhatsApp's rule: after it only templates
_NINE_DIGITS = re.compile(r"(?<![\d+])\d{3}[ ./-]?\d{3}[ ./-]?\d{3}(?!\d)")


class Withheld(BotError):
    """The gate did not let a message out. `until`: it may try again then; None: never."""

    def __init__(self, reason: str, until: datetime | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.until = until


@dataclass(frozen=True, slots=True)
class Verdict:
    """May it leave? `reason` is one of blocked, stopped, private, terms, human, window, quiet, no_gateway, never_send."""

    passes: bool
    reason: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """What either side knows of whoever would read the message; either side saying stop is a stop."""

    stopped: frozenset[str] = frozenset()  # channels ended by STOP
    blocked: frozenset[str] = frozenset()  # channels blocked at gateway or operator
    terms: Terms | None = None  # where the message is about a referral
    about_referral: bool = False
    private: bool = False  # that referral is a private talk, or sealed
    human_until: datetime | None = None
    last_inbound_at: datetime | None = None
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
    ) -> None:
        self._gateways = gateways
        self._outgoing_allowed = outgoing_allowed
        self._never_send = never_send or NeverSend.read()
        self._zone = ZoneInfo(settings.timezone)

    def check(
        self, outbound: Outbound, kind: Kind, *, gateway: str, recipient: Recipient = UNKNOWN, now: datetime
    ) -> Verdict:
        """Decide, without any input or output. Sources: safety 1 to 3, 7, the channel table."""
        if gateway not in self._gateways:
            return Verdict(False, "no_gateway")
        if kind in ("alert", "staff"):
            return Verdict(True)
        if outbound.channel in recipient.blocked:
            return Verdict(False, "blocked")
        forbidden = self._never_send.found(outbound.text, outbound.channel, unspeakable=recipient.unspeakable)
        if forbidden is not None:
            return Verdict(False, f"never_send:{forbidden}")
        # An answer follows the person's own message: STOP and quiet hours end what we push, nothing else.
        return Verdict(True) if kind == "answer" else self._check_push(outbound, recipient=recipient, now=now)

    def send(
        self, outbound: Outbound, kind: Kind, *, gateway: str, recipient: Recipient = UNKNOWN, now: datetime
    ) -> Sent:
        """Check, then hand over; raises Withheld or SendError. In development what may not leave is kept inside.

        What is kept inside gets the external id `simulator:<id>`: the simulator reads it from the tables.
        """
        verdict = self.check(outbound, kind, gateway=gateway, recipient=recipient, now=now)
        if not verdict.passes:
            log.warning("message_withheld", message=outbound.id, kind=kind, reason=verdict.reason)
            raise Withheld(verdict.reason, verdict.until)
        if not self._outgoing_allowed(gateway):
            return Sent(f"simulator:{outbound.id}")
        return self._gateways[gateway].send(outbound)

    def _check_push(self, outbound: Outbound, *, recipient: Recipient, now: datetime) -> Verdict:
        if recipient.private:
            return Verdict(False, "private")  # a private talk leaves no trace (safety 3)
        if outbound.channel in recipient.stopped:
            return Verdict(False, "stopped")
        if recipient.about_referral and not (recipient.terms is not None and recipient.terms.text):
            return Verdict(False, "terms")  # default deny (safety 1)
        if recipient.human_until is not None and now < recipient.human_until:
            return Verdict(False, "human", recipient.human_until)
        if outbound.channel is Channel.WHATSAPP and not _in_window(recipient.last_inbound_at, now):
            return Verdict(False, "window")
        morning = self._next_morning(now)
        return Verdict(True) if morning is None else Verdict(False, "quiet", morning)

    def _next_morning(self, now: datetime) -> datetime | None:
        """The end of the quiet hours that hold `now`; None outside them."""
        local = now.astimezone(self._zone)
        if QUIET[1] <= local.time() < QUIET[0]:
            return None
        day = local.date() + timedelta(days=local.time() >= QUIET[0])
        return datetime.combine(day, QUIET[1], self._zone).astimezone(UTC)


def _in_window(last_inbound_at: datetime | None, now: datetime) -> bool:
    return last_inbound_at is not None and now - last_inbound_at < WHATSAPP_WINDOW


def _any_of(roots: list[str]) -> re.Pattern[str]:
    """One pattern on plain words; `*` takes any ending."""
    words = [re.escape(plain(root.rstrip("*"))) + (r"\w*" if root.endswith("*") else "") for root in roots]
    return re.compile(rf"\b(?:{'|'.join(words)})\b")


def _parts(names: tuple[str, ...]) -> list[str]:
    """Each word of a name; two letters alone would forbid half the language."""
    return [part for name in names for part in name.split() if len(part) > 2]
