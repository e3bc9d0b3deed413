"""Where every gateway's requests enter: verify, translate, turn, answer. The same few lines for all of them."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import structlog
from flask import Blueprint, Flask, Response, current_app, request

from bot.content.screens import Content
from bot.conversation import Conversation, Turned
from bot.errors import StoreDown, WebhookError
from bot.events import Events
from bot.gateway import Event, Gateway
from bot.messages import Inbound, OptOut, StatusReport

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TRACE = "X-Maraba-Trace"  # asked for by the simulator, in development only
BODY_LIMIT = 64 * 1024  # bytes; the longest hook known has under 4,000

hooks = Blueprint("hooks", __name__, url_prefix="/hooks")
log = structlog.get_logger(__name__)
Clock = Callable[[], datetime]


class Receiver:
    """What the hooks of one process need. `wake(shard)` tells the workers that answers wait."""

    def __init__(
        self,
        gateways: dict[str, Gateway],
        conversation: Conversation,
        events: Events,
        content: Content,
        *,
        wake: Callable[[int], object],
        traced: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._gateways = gateways
        self._conversation = conversation
        self._events = events
        self._content = content
        self._wake = wake
        self._traced = traced
        self._clock = clock or partial(datetime.now, UTC)

    def receive(self, name: str, kind: str, secret: str | None) -> Response:
        """One hook request, whatever the gateway."""
        gateway = self._gateways.get(name)
        if gateway is None:
            return refusal(403)
        try:
            gateway.verify(request, secret)
            events = gateway.parse(request, kind)
        except WebhookError as fault:
            if fault.status != 200:
                log.info("hook_refused", gateway=name, kind=kind, status=fault.status, fault=type(fault).__name__)
            return refusal(fault.status)
        try:
            return self._answer(gateway, kind, events)
        except StoreDown as fault:
            log.warning("store_down", gateway=name, kind=kind, reason=str(fault))
            return gateway.render_down(kind, self._content.down())

    def _answer(self, gateway: Gateway, kind: str, events: list[Event]) -> Response:
        turned = Turned(None)
        for event in events:
            turned = self._handle(gateway, event) or turned
        response = gateway.render(kind, turned.screen, final=turned.final)
        if self._traced and TRACE in request.headers:
            response.headers[TRACE] = json.dumps(turned.trace)
        return response

    def _handle(self, gateway: Gateway, event: Event) -> Turned | None:
        now = self._clock()
        if isinstance(event, Inbound):
            turned = self._conversation.turn(event, now=now, seen_for=gateway.resends_for)
            if turned.answers:
                self._wake(turned.shard)
            return turned
        if isinstance(event, StatusReport):
            self._events.report(event, now=now)
        elif isinstance(event, OptOut):
            self._events.opt_out(event, now=now)
        return None  # a session that ended leaves nothing to do: the place in the flow is already kept


def register(app: Flask, receiver: Receiver) -> None:
    """Put the hooks before an application, in a Flask of their own: a gateway's request meets no session, no
    sign-in and no other page's rules, and costs nothing for them (docs/decisions/0003).
    """
    front = Flask("maraba.hooks", static_folder=None)
    front.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    front.extensions["maraba_receiver"] = receiver
    front.register_blueprint(hooks)
    behind = app.wsgi_app

    def dispatch(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        wanted = front.wsgi_app if environ.get("PATH_INFO", "").startswith("/hooks/") else behind
        return wanted(environ, start_response)

    app.wsgi_app = dispatch  # type: ignore[method-assign]


@hooks.post("/<name>/<kind>")
def receive_signed(name: str, kind: str) -> Response:
    """Gateways that sign their requests."""
    return _receiver().receive(name, kind, None)


@hooks.post("/<name>/<secret>/<kind>")
def receive_with_secret(name: str, secret: str, kind: str) -> Response:
    """Gateways that know a secret path."""
    return _receiver().receive(name, kind, secret)


def refusal(status: int) -> Response:
    """The same bytes for every reason: who has no business here learns nothing."""
    return Response(b"", status=status, content_type="text/plain; charset=utf-8")


def _receiver() -> Receiver:
    receiver: Receiver = current_app.extensions["maraba_receiver"]
    return receiver
