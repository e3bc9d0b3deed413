"""What a gateway module offers. One class a gateway; see docs/architecture.md for the way of a request."""

from typing import Protocol

from flask import Request, Response

from bot.messages import Channel, Inbound, OptOut, Outbound, Sent, SessionEnded, StatusReport

Event = Inbound | StatusReport | SessionEnded | OptOut


class Gateway(Protocol):
    """Translate, nothing more: no session, no store, no flow is known here."""

    name: str
    channels: frozenset[Channel]
    resends_for: float
    """Seconds during which the gateway repeats a hook that we answered with 503; 0 where it drops the message."""

    def verify(self, request: Request, secret: str | None) -> None:
        """Raise BadSignature unless the request is the gateway's own. `secret` is the path segment, where there is one."""

    def parse(self, request: Request, kind: str) -> list[Event]:
        """Turn a verified request into events. `kind` is the last path segment (`ussd`, `sms`, `status` …).

        Raises BadPayload for missing, repeated or impossible fields, Ignored for what is known and unwanted.
        """

    def render(self, kind: str, text: str | None, *, final: bool) -> Response:
        """The HTTP answer. `text` is a folded USSD screen without its prefix, or None: acknowledged, nothing to say."""

    def render_down(self, kind: str, text: str) -> Response:
        """The HTTP answer while the conversation store is away. USSD: a kind END with `text`; else 503."""

    def send(self, message: Outbound) -> Sent:
        """Hand one message to the gateway over HTTP; raises SendError. Called by the gate alone."""
