"""What a gateway module offers. One class a gateway, derived from `Gateway`; docs/gateways.md shows how to add one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from flask import Request, Response

from bot.errors import SendError
from bot.messages import Channel, Inbound, OptOut, Outbound, Sent, SessionEnded, StatusReport
from bot.reasons import Why

Event = Inbound | StatusReport | SessionEnded | OptOut


class Exchange(Protocol):
    """What one request of a gateway goes through."""

    def verify(self, request: Request, secret: str | None) -> None:
        """As `Gateway.verify`."""

    def parse(self, request: Request, kind: str) -> list[Event]:
        """As `Gateway.parse`."""

    def render(self, kind: str, text: str | None, *, final: bool) -> Response:
        """As `Gateway.render`."""

    def render_down(self, kind: str, text: str) -> Response:
        """As `Gateway.render_down`."""


class Gateway(Protocol):
    """Translate, nothing more: no session, no store, no flow is known here."""

    name: str
    channels: frozenset[Channel]
    resends_for: float
    """Seconds during which the gateway repeats a hook that we answered with 503; 0 where it drops the message."""
    methods: frozenset[str] = frozenset({"POST"})
    """HTTP methods of its hooks."""
    reasons: Mapping[str, Why] = {}
    """What its own codes (of `SendError` and `StatusReport`) mean; a code that is not here is `Why.OTHER`."""
    together: int = 1
    """Recipients of one text that one call takes (`send_many`)."""
    takes_parts: bool = False
    """A long SMS is handed over part by part, so that a repeat sends only the parts that were not taken."""

    def verify(self, request: Request, secret: str | None) -> None:
        """Raise BadSignature unless the request is the gateway's own. `secret` is the path segment, where there is one."""

    def parse(self, request: Request, kind: str) -> list[Event]:
        """Turn a verified request into events. `kind` is the last path segment (`ussd`, `sms`, `status` …), "" without.

        Raises BadPayload for missing, repeated or impossible fields, Ignored for what is known and unwanted,
        Answered where the gateway asks for an answer that is no conversation.
        """

    def render(self, kind: str, text: str | None, *, final: bool) -> Response:
        """The HTTP answer. `text` is a folded USSD screen without its prefix, or None: acknowledged, nothing to say."""

    def render_down(self, kind: str, text: str) -> Response:
        """The HTTP answer while the conversation store is away. USSD: a kind END with `text`; else 503."""

    def exchange(self) -> Exchange:
        """For one request: the gateway itself, or an object of its own where an answer repeats words of the request."""
        return self

    def send(self, message: Outbound) -> Sent:
        """Hand one message to the gateway over HTTP; raises SendError. Called by the gate alone."""

    def send_many(self, messages: Sequence[Outbound]) -> list[Sent | SendError]:
        """One text (no buttons, no template) to up to `together` people, in their order. Called by the gate alone."""
        results: list[Sent | SendError] = []
        for message in messages:
            try:
                results.append(self.send(message))
            except SendError as error:
                results.append(error)
        return results


@runtime_checkable
class Remembers(Protocol):
    """A gateway that can list what was sent to us: for the time after an outage."""

    name: str

    def missed(self, since: datetime) -> list[Inbound]:
        """Messages to us since then, oldest first, those already handled among them. Raises SendError."""


@runtime_checkable
class Plays(Protocol):
    """A gateway that gives out the sound of a voice note."""

    name: str

    def fetch(self, media_id: str) -> tuple[bytes, str]:
        """The sound (5 MB at most) and its media type. Raises SendError; `retryable` where later may help."""
