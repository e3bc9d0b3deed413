"""Where every gateway's requests enter: verify, translate, turn, answer. The same few lines for all of them."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import structlog
from flask import Flask, Request, Response

from bot.content.screens import Content
from bot.conversation import Conversation, Turned
from bot.errors import Answered, Ignored, StoreDown, WebhookError
from bot.events import Events
from bot.gateway import Event, Exchange, Gateway
from bot.going_on import GoingOn
from bot.messages import Inbound, OptOut, SessionEnded, StatusReport

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TRACE = "X-Maraba-Trace"  # asked for by the simulator, in development only
TRACE_ASKED = "HTTP_X_MARABA_TRACE"

log = structlog.get_logger(__name__)
Clock = Callable[[], datetime]


class Receiver:
    """What the hooks of one process need. `wake(shard)` tells the workers that answers wait."""

    def __init__(
        self,
        gateways: dict[str, Gateway],
        conversation: Conversation,
        events: Events,
        going_on: GoingOn,
        content: Content,
        *,
        wake: Callable[[int], object],
        traced: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._gateways = gateways
        self._conversation = conversation
        self._events = events
        self._going_on = going_on
        self._content = content
        self._wake = wake
        self._traced = traced
        self._clock = clock or partial(datetime.now, UTC)

    def receive(self, request: Request, name: str, kind: str, secret: str | None) -> Response:
        """One hook request, whatever the gateway. Never raises."""
        gateway = self._gateways.get(name)
        if gateway is None:
            return refusal(403)
        if request.method not in gateway.methods:
            return refusal(405)
        exchange = gateway.exchange()
        try:
            exchange.verify(request, secret)
            events = exchange.parse(request, kind)
        except Answered as asked:
            return Response(asked.body, content_type="text/plain; charset=utf-8")
        except WebhookError as fault:
            if not isinstance(fault, Ignored):
                log.info("hook_refused", gateway=name, status=fault.status, fault=type(fault).__name__)
            return refusal(fault.status)
        traced = self._traced and TRACE_ASKED in request.environ
        try:
            return self._answer(gateway, exchange, kind, events, traced=traced)
        except StoreDown as fault:
            log.warning("store_down", gateway=name, kind=kind, reason=str(fault))
        except Exception:
            log.exception("hook_failed", gateway=name, kind=kind)
        return exchange.render_down(kind, self._content.down())

    def _answer(
        self, gateway: Gateway, exchange: Exchange, kind: str, events: list[Event], *, traced: bool
    ) -> Response:
        turned, fault = Turned(None), None
        for event in events:
            try:
                turned = self._handle(gateway, event, traced=traced) or turned
            except StoreDown:
                raise
            except Exception as error:  # noqa: BLE001 - told below, once the others of the same request were heard
                fault = error
        if fault is not None:
            raise fault
        response = exchange.render(kind, turned.screen, final=turned.final)
        if traced:
            response.headers[TRACE] = json.dumps(turned.trace)
        return response

    def _handle(self, gateway: Gateway, event: Event, *, traced: bool) -> Turned | None:
        now = self._clock()
        if isinstance(event, Inbound):
            turned = self._conversation.turn(event, now=now, seen_for=gateway.resends_for, traced=traced)
            if turned.answers:
                self._wake(turned.shard)
            return turned
        if isinstance(event, StatusReport):
            self._events.report(event, now=now)
        elif isinstance(event, OptOut):
            self._events.opt_out(event, now=now)
        elif isinstance(event, SessionEnded):
            shard = self._going_on.dropped(event, now=now)
            if shard is not None:
                self._wake(shard)
        return None


def register(app: Flask, receiver: Receiver) -> None:
    """Put the hooks before an application: a gateway's request meets no session, no routing and no page's rules, and
    costs nothing for them (docs/decisions/0003). What is no hook goes on to the application.
    """
    behind = app.wsgi_app

    def front(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        hook = _hook(environ)
        if hook is None:
            return behind(environ, start_response)
        return receiver.receive(Request(environ), *hook)(environ, start_response)

    app.wsgi_app = front  # type: ignore[method-assign]


def _hook(environ: "WSGIEnvironment") -> tuple[str, str, str | None] | None:
    """Gateway, kind and secret of a hook's path.

    `/hooks/<gateway>` and `/hooks/<gateway>/<kind>` are signed; else `/hooks/<gateway>/<secret>/<kind>`.
    """
    path = environ.get("PATH_INFO", "")
    if not path.startswith("/hooks/"):
        return None
    match path[len("/hooks/") :].split("/"):
        case [name]:
            return name, "", None
        case [name, kind]:
            return name, kind, None
        case [name, secret, kind]:
            return name, kind, secret
    return None


def refusal(status: int) -> Response:
    """The same bytes for every reason: who has no business here learns nothing."""
    return Response(b"", status=status, content_type="text/plain; charset=utf-8")
