"""No secret of a gateway, no number and no text is ever told: not in a log line of any library, not in an error.

The gateways here are answered by a server that repeats all it was sent, which is the worst that a gateway can do.
"""

import base64
import hashlib
import hmac
import json
import logging
import socket
import threading
import traceback
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import pytest
import structlog
from pydantic import SecretStr
from twilio.request_validator import RequestValidator

from bot import logs
from bot.config import ROOT, Settings
from bot.errors import SendError
from bot.gateway import Plays, Remembers
from bot.messages import Button, Channel, Outbound
from handlers import registry
from tests.receiving import Hooks

AMINA, TEXT = "+22790123456", "je me cache pres du puits"
EXAMPLES = tuple(sorted((ROOT / "docs" / "examples").glob("*.yaml")))
PATH_SECRET = "told-hook-secret-0123456789"
ENVIRONMENT = {"AT_API_KEY": "told-described-key", "NIAMEY_LINK_HOOK_KEY": "told-hook-key"}
ENVIRONMENT |= {"NIAMEY_LINK_USER": "told-user", "NIAMEY_LINK_PASSWORD": "told-password"}
NAMES = [*registry.GATEWAYS, "africas-talking", "niamey-link"]
MODES = ["echo 200", "echo 201", "echo 400", "echo 401", "echo 429", "echo 500", "redirect", "cut", "silent", "no HTTP"]


class Parrot(BaseHTTPRequestHandler):
    """Repeats what it was sent, in the way that `server.mode` says."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = json.dumps({"path": self.path, "headers": dict(self.headers), "body": body.decode(errors="replace")})
        self.server.asked += 1
        kind, _, status = self.server.mode.partition(" ")
        if kind in {"cut", "silent"}:
            self.close_connection = True
            if kind == "cut":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + said[:80].encode())
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if kind == "no":
            self.wfile.write(said.encode() + b"\r\n\r\n")
            return
        where = {"Location": f"http://127.0.0.1:1/?{urlencode({'said': said})}"} if kind == "redirect" else {}
        answer = {"code": 21211, "message": said, "error": {"code": 100, "message": said}, "SMSMessageData": said}
        data = json.dumps(answer | {"status": int(status or 302)}).encode()
        self.send_response(int(status or 302), said[:60].replace("\n", " "))
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **where}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *args):
        """Quiet: it is no part of the service."""


@pytest.fixture
def parrot():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
    server.mode, server.asked, server.url = "echo 200", 0, f"http://127.0.0.1:{server.server_address[1]}"
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings(settings, parrot, monkeypatch):
    """Every secret there is has a value of its own, to be looked for."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for name in ("AT_API_URL", "NIAMEY_LINK_API_URL"):
        monkeypatch.setenv(name, parrot.url)
    secrets = {name: f"told-{name}" for name, field in Settings.model_fields.items() if field.annotation is SecretStr}
    secrets |= {"hook_secret": PATH_SECRET, "encryption_keys": "1:" + base64.b64encode(b"told" * 8).decode()}
    addresses = {f"{name}_api_url": parrot.url for name in registry.GATEWAYS}
    more = {"gateways": tuple(registry.GATEWAYS), "described_gateways": EXAMPLES, "log_level": "DEBUG"}
    stores = settings.model_dump(include={"data_dir", "database_url", "redis_url", "queue_url"})
    return Settings(**stores, **secrets, **addresses, **more)


@pytest.fixture
def told(settings):
    """All that was logged, before any net; `urllib3` and `requests` say whatever they can."""
    root, found = logging.getLogger(), []
    before, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("urllib3", "requests", "granian.access", "_granian")}
    logs.configure(settings)
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)

    class Ear(logging.Handler):
        def emit(self, record):
            found.append(f"{record.name} {record.getMessage()} {logging.Formatter().format(record)}")

    root.addHandler(Ear(level=0))
    yield found
    root.handlers[:] = before
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)
    structlog.reset_defaults()


def hidden(settings):
    """What must not be told."""
    values = [getattr(settings, name) for name in Settings.model_fields]
    secrets = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    return [
        *secrets,
        *ENVIRONMENT.values(),
        AMINA[1:],
        AMINA[4:],
        TEXT,
        TEXT.replace(" ", "+"),
        TEXT.replace(" ", "%20"),
    ]


def assert_hidden(settings, places):
    for place in places:
        for word in hidden(settings):
            assert word not in place, f"{word!r} was told: {place[:300]}"


@contextmanager
def failing(places):
    try:
        yield
    except SendError as error:
        places += [str(error), repr(error), "".join(traceback.format_exception(error))]


@pytest.mark.parametrize("mode", [*MODES, "nobody there"])
@pytest.mark.parametrize("name", NAMES)
def test_no_send_tells_a_secret_a_number_or_a_text(settings, told, parrot, name, mode):
    parrot.mode = mode
    if mode == "nobody there":
        parrot.server_close()
    gateway = registry.build(settings, [name])[name]
    places = []
    for channel in gateway.channels - {Channel.USSD, Channel.VOICE}:
        url = f"https://line.example.org/hooks/{name}/{PATH_SECRET}/status"
        message = Outbound("0f" * 16, channel, AMINA, TEXT, (Button("1", "Oui"),), url)
        with failing(places):
            gateway.send(message)
    if isinstance(gateway, Remembers):
        with failing(places):
            gateway.missed(datetime.now(UTC))
    if isinstance(gateway, Plays):
        with failing(places):
            gateway.fetch("123456")
    assert places or mode.startswith("echo 2"), "a mode that fails nothing proves nothing"
    assert parrot.asked or mode == "nobody there"
    assert_hidden(settings, places + told)


def test_whatever_is_told_is_heard(settings, told):
    structlog.get_logger("test").info("turn", words=TEXT)
    logging.getLogger("urllib3.connectionpool").debug("POST /hooks/%s", PATH_SECRET)
    for line in told:
        with pytest.raises(AssertionError):
            assert_hidden(settings, [line])
    assert len(told) == 2


def hooks(settings):
    """For each gateway: path, headers, body and content type of a message, rightly signed."""
    form, secret = "application/x-www-form-urlencoded", PATH_SECRET
    sms = urlencode({"id": "a1", "from": AMINA, "to": "321", "text": TEXT, "date": ""})
    account = {"AccountSid": settings.twilio_account_sid, "MessageSid": "SM1", "From": AMINA, "To": "+12025550123"}
    twilio = account | {"Body": TEXT, "NumMedia": "0"}
    signature = RequestValidator("told-twilio_auth_token").compute_signature(
        f"{settings.base_url}/hooks/twilio/message", twilio
    )
    said = {"from": AMINA[1:], "id": "wamid.1", "timestamp": "1772443800", "type": "text", "text": {"body": TEXT}}
    value = {"metadata": {"phone_number_id": settings.meta_phone_number_id}, "messages": [said]}
    meta = json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": value}]}]}
    )
    xml = f"<sms><id>x1</id><from>{AMINA[1:]}</from><to>321</to><text>{TEXT}</text></sms>"
    asked = urlencode(
        {"id": "k1", "from": AMINA, "to": "321", "text": TEXT, "ts": "1", "coding": "0", "charset": "UTF-8"}
    )

    def proof(key, body):
        return "sha256=" + hmac.new(key.encode(), body.encode(), hashlib.sha256).hexdigest()

    return {
        "africastalking": ("POST", f"/hooks/africastalking/{secret}/sms", {}, sms, form),
        "africas-talking": ("POST", f"/hooks/africas-talking/{secret}/sms", {}, sms, form),
        "kannel": ("GET", f"/hooks/kannel/{secret}/message?{asked}", {}, "", ""),
        "twilio": ("POST", "/hooks/twilio/message", {"X-Twilio-Signature": signature}, urlencode(twilio), form),
        "meta": (
            "POST", "/hooks/meta", {"X-Hub-Signature-256": proof("told-meta_app_secret", meta)}, meta, "application/json",
        ),
        "niamey-link": (
            "POST", "/hooks/niamey-link/sms", {"X-NL-Signature": proof("told-hook-key", xml)}, xml, "application/xml",
        ),
    }  # fmt: skip


@pytest.fixture
def line(settings, database, redis_client, queue_client):
    hooks = Hooks(settings)
    yield hooks.client, hooks.services
    hooks.close()


@pytest.mark.parametrize("name", NAMES)
def test_no_hook_tells_a_secret_a_number_or_a_text(settings, told, line, name, monkeypatch):
    client, services = line
    method, path, headers, body, kind = hooks(settings)[name]

    def call(path=path, headers=headers, body=body):
        return client.open(path, method=method, headers=headers, data=body, content_type=kind).status_code

    assert call() == 200
    assert call(path=path.replace(PATH_SECRET, "guessed"), headers=dict.fromkeys(headers, "guessed")) == 403
    for odd in (body + "&x=%ff", body[: len(body) // 2], body.replace("90123456", "9012345"), "\0" + body, body * 200):
        call(body=odd)
    with monkeypatch.context() as broken:
        broken.setattr(type(services.conversation), "turn", lambda *_, **__: 1 / 0)
        assert call() == 503
        broken.setattr(type(services.conversations._wire), "call", lambda *_: (_ for _ in ()).throw(OSError("away")))
        call()
    assert any("hook_failed" in line for line in told)
    assert_hidden(settings, told)


def test_every_gateway_that_there_is_is_tried(settings):
    assert set(registry.build(settings, settings.gateways)) == set(NAMES) == set(hooks(settings))
