"""The page, and what its scripts ask for. The browser never sees a secret: hooks are composed and signed here."""

import gzip
from collections.abc import Callable
from typing import Any, Protocol, cast

import redis
from flask import Blueprint, Response, jsonify, make_response, render_template, request
from sqlalchemy.exc import SQLAlchemyError

from bot.config import Settings
from bot.simulator import eyes, measure, people, stories, time, trace
from bot.simulator.hooks import Hooks
from bot.simulator.phones import Misdialled, Phones, checked
from bot.simulator.shelf import Event, Shelf
from bot.store.ciphers import Ciphers
from bot.store.database import Database

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REPORTS_AT_ONCE = 5
SMALL = 1400  # bytes: one packet


class Services(Protocol):
    """The part of the service that the simulator uses."""

    @property
    def settings(self) -> Settings: ...  # noqa: D102
    @property
    def database(self) -> Database: ...  # noqa: D102
    @property
    def ciphers(self) -> Ciphers: ...  # noqa: D102
    @property
    def queue_client(self) -> "redis.Redis": ...  # noqa: D102


def create(services: Services, shelf: Shelf, hooks: Hooks) -> Blueprint:
    """The routes under /simulator."""
    routes = Blueprint(
        "simulator", __name__, url_prefix="/simulator", template_folder="templates", static_folder="static"
    )
    views = _Views(services, shelf, hooks)
    routes.before_request(_same_site_only)
    routes.after_request(_headers)
    routes.register_error_handler(Misdialled, _refuse)
    routes.add_url_rule("/", "page", views.page)
    routes.add_url_rule("/api/start", "start", views.start)
    routes.add_url_rule("/api/news", "news", views.news)
    routes.add_url_rule("/api/turns/<event>", "turn", views.turn)
    posts: dict[str, Callable[[], Response]] = {
        "ussd": views.ussd,
        "voice": views.voice,
        "sms": views.sms,
        "whatsapp": views.whatsapp,
        "switch": views.switch,
        "eyes": views.eyes,
    }
    for name, view in posts.items():
        routes.add_url_rule(f"/api/{name}", name, view, methods=["POST"])
    return routes


class _Views:
    def __init__(self, services: Services, shelf: Shelf, hooks: Hooks) -> None:
        self._services = services
        self._shelf = shelf
        self._hooks = hooks
        self._phones = Phones(shelf, hooks, services.ciphers)

    def page(self) -> str:
        return render_template("simulator/page.html", short_code=self._services.settings.short_code)

    def start(self) -> Response:
        """Everything the page needs once."""
        cast_ = people.load(self._services.database, self._services.ciphers, self._services.settings)
        events = self._shelf.since()
        return jsonify(
            {
                "people": [person.told() for person in cast_],
                "stories": stories.load(),
                "lines": {person.phone: self._line(person.phone) for person in cast_ if not person.staff},
                "short_code": self._services.settings.short_code,
                "sender": self._services.settings.africastalking_sender,
                "whatsapp": self._services.settings.twilio_whatsapp_from,
                "price": measure.PRICE,
                **self._news(events),
            }
        )

    def news(self) -> Response:
        """What happened after the event `after`."""
        after = request.args.get("after", "")
        try:
            events = self._shelf.since(after)
        except redis.ResponseError:
            raise Misdialled("No such event.") from None
        for event in [event for event in events if event.what["kind"] == "message"][:REPORTS_AT_ONCE]:
            self._report(event)
        return jsonify(self._news(events))

    def turn(self, event: str) -> Response:
        """The drawer of one turn."""
        found = self._shelf.find(event)
        if found is None or found.what["kind"] != "turn":
            return make_response(jsonify({"error": "Forgotten after six hours."}), 404)
        content = getattr(self._services, "content", None)
        return jsonify(trace.detail(found, self._services.database, self._services.ciphers, content))

    def ussd(self) -> Response:
        body = _body()
        phone, text = checked(body.get("phone"), body.get("text", ""))
        twice = bool(body.get("twice"))
        match body.get("do"):
            case "dial":
                told = self._phones.dial(phone, twice=twice)
            case "type":
                told = self._phones.type(phone, text, twice=twice)
            case "drop":
                told = self._phones.drop(phone)
            case _:
                raise Misdialled("A line is dialled, typed on or dropped.")
        return jsonify({"event": _sized(told), "line": self._line(phone)})

    def voice(self) -> Response:
        body = _body()
        phone, _ = checked(body.get("phone"))
        return jsonify({"event": _sized(self._phones.beep(phone, twice=bool(body.get("twice"))))})

    def sms(self) -> Response:
        body = _body()
        phone, text = checked(body.get("phone"), body.get("text", ""))
        told = self._phones.sms(phone, text, twice=bool(body.get("twice")), late=bool(body.get("late")))
        return jsonify({"event": _sized(told)})

    def whatsapp(self) -> Response:
        body = _body()
        phone, text = checked(body.get("phone"), body.get("text", ""))
        payload = str(body.get("payload") or "")[:256]
        told = self._phones.whatsapp(phone, text, payload=payload, twice=bool(body.get("twice")))
        return jsonify({"event": _sized(told)})

    def switch(self) -> Response:
        """Gateway down, clock × 60."""
        body = _body()
        on = bool(body.get("on"))
        match body.get("name"):
            case "down":
                self._shelf.put("switches", {**self._shelf.get("switches"), "down": on})
            case "fast":
                time.switch(self._shelf, on=on)
            case _:
                raise Misdialled("There is no such switch.")
        return jsonify(self._news([]))

    def eyes(self) -> Response:
        """One minute through five pairs of eyes."""
        phone, _ = checked(_body().get("phone"))
        events = self._shelf.since()
        seen = eyes.look(phone, events, self._phones.line(phone), self._services.database, self._services.ciphers)
        return jsonify({"eyes": seen})

    def _line(self, phone: str) -> dict[str, Any]:
        line = self._phones.line(phone)
        told = {name: line.get(name) for name in ("open", "screen", "opened", "dropped")}
        return {**told, "size": measure.screen(line.get("body") or "")}

    def _news(self, events: list[Event]) -> dict[str, Any]:
        try:
            clock = time.tick(self._shelf, self._services.database)
        except SQLAlchemyError:  # the phones go on while PostgreSQL is away
            clock = {"fast": False, "offset": self._shelf.get("clock").get("offset", 0.0), "away": True}
        switches = {"down": bool(self._shelf.get("switches").get("down")), "fast": clock["fast"]}
        return {"events": [_sized(event.told()) for event in events], "clock": clock, "switches": switches}

    def _report(self, event: Event) -> None:
        """A phone shows a message: its gateway tells the service that it was delivered, once."""
        what = event.what
        if not self._shelf.first(f"told:{event.id}", 3600):
            return
        match what["gateway"]:
            case "twilio":
                self._hooks.send(self._hooks.whatsapp_delivered(what["phone"], what["external_id"]))
            case "meta":
                self._hooks.send(self._hooks.meta_delivered(what["phone"], what["external_id"], what["ours"]))
            case "kannel":
                for report in self._hooks.kannel_delivered(what["external_id"], what["parts"]):
                    self._hooks.send(report)
            case _:
                self._hooks.send(self._hooks.delivered(what["phone"], what["external_id"]))


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Misdialled("Send JSON.")
    return cast(dict[str, Any], body)


def _sized(told: dict[str, Any]) -> dict[str, Any]:
    """With what the event costs on the wire."""
    if told["kind"] == "message":
        return {**told, "size": measure.message(told["text"], told["channel"])}
    if told.get("screen") is not None:
        return {**told, "size": measure.screen(told["body"])}
    return told


def _same_site_only() -> Response | None:
    """Another site must not play with the phones: its requests are cross-site, and can't be JSON without asking."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    if request.method == "POST" and site not in ("same-origin", "none"):
        return make_response(jsonify({"error": "From the simulator's own page only."}), 403)
    return None


def _headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if not request.path.startswith("/simulator/static/"):
        response.headers["Cache-Control"] = "no-store"
    return _squeezed(response)


def _squeezed(response: Response) -> Response:
    """The whole page stays well under 100 kB on the wire, without a build step."""
    if response.status_code != 200 or not request.accept_encodings.quality("gzip"):
        return response
    response.direct_passthrough = False
    body = response.get_data()
    if len(body) > SMALL:
        response.set_data(gzip.compress(body, 6))
        response.headers["Content-Encoding"] = "gzip"
        response.vary.add("Accept-Encoding")
    return response


def _refuse(error: Misdialled) -> tuple[Response, int]:
    return jsonify({"error": str(error)}), 400
