"""The API side: what the real libraries talk to over HTTP."""

import base64
import json
import threading
import time
import uuid
from dataclasses import asdict, dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.standin import meta, sounds
from tests.standin.journal import Journal
from tests.standin.received import Received

PAYLOADS = Path(__file__).resolve().parent.parent / "payloads"
REFUSALS = {
    case["SMSMessageData"]["Recipients"][0]["statusCode"]: case
    for name, case in json.loads((PAYLOADS / "africastalking/send.json").read_text())["cases"].items()
    if name.startswith("code_")
}
ERRORS = json.loads((PAYLOADS / "twilio/errors.json").read_text())["cases"]
SENDSMS = json.loads((PAYLOADS / "kannel/send.json").read_text())


@dataclass(slots=True)
class _Fault:
    """How to misbehave: `slow`, `error`, `vanish`, `refuse`; `times` None: until told otherwise."""

    kind: str
    gateway: str | None
    value: float
    times: int | None
    retry_after: str = ""
    said: tuple[str, str, dict[str, str]] = ("", "", {})  # body, content type, headers


class StandIn:
    """All gateways' API on one loopback port; `url` goes into the …_API_URL settings.

    `sounds`: voice notes by Meta's media id or Twilio's `MM…/Media/ME…`, with their media type. `store`: another address
    to which both point for them.

    slow(seconds)      takes the message, answers late
    fail(status)       answers this HTTP status, takes nothing
    vanish(seconds)    takes the message, then says nothing and cuts the line: the caller can't know
    refuse(code)       a statusCode of Africa's Talking, an error code of Twilio or Meta, a case of kannel/send.json; takes nothing
    say(status, body)  answers exactly this, takes nothing
    pause()/resume()   keeps every call waiting; what waited is taken on resume, even where the caller gave up
    well()             all faults end
    stop()/start()     nobody listens / listens again, on the same port
    """

    def __init__(self, *, port: int = 0, journal: Path | None = None) -> None:
        self.messages: list[Received] = []
        self.inbound: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self.sounds: sounds.Sounds = {}
        self.store = ""
        self.port = port
        self._journal = Journal(journal)
        self._lock = threading.Lock()
        self._faults: list[_Fault] = []
        self._open = threading.Event()
        self._open.set()
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()
        self._journal.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._server = _Server(("127.0.0.1", self.port), self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        server, self._server = self._server, None
        self.resume()
        if server is not None:
            server.shutdown()
            server.server_close()
            server.hang_up()

    def slow(self, seconds: float, *, gateway: str | None = None, times: int | None = None) -> None:
        self._add(_Fault("slow", gateway, seconds, times))

    def fail(
        self, status: int = 500, *, gateway: str | None = None, times: int | None = None, retry_after: str = ""
    ) -> None:
        self._add(_Fault("error", gateway, status, times, retry_after))

    def vanish(self, seconds: float = 30.0, *, gateway: str | None = None, times: int | None = None) -> None:
        self._add(_Fault("vanish", gateway, seconds, times))

    def refuse(self, code: int, *, gateway: str | None = None, times: int | None = None) -> None:
        self._add(_Fault("refuse", gateway, code, times))

    def say(self, status: int, body: str, *, content_type: str = "text/plain", **headers: str) -> None:
        said = (body, content_type, headers)
        self._add(_Fault("say", None, status, 1, said=said))

    def well(self) -> None:
        with self._lock:
            self._faults.clear()

    def pause(self) -> None:
        self._open.clear()

    def resume(self) -> None:
        self._open.set()

    def keep(self, form: dict[str, str], *, at: float | None = None) -> None:
        """A message of a person, as Twilio lists it afterwards; newest first."""
        row = {
            "sid": form["MessageSid"],
            "account_sid": form["AccountSid"],
            "from": form["From"],
            "to": form["To"],
            "body": form["Body"],
            "num_media": form["NumMedia"],
            "direction": "inbound",
            "status": "received",
            "date_sent": formatdate(at or time.time()),
        }
        with self._lock:
            self.inbound.insert(0, row)

    def ring(self, form: dict[str, str], *, at: float | None = None) -> None:
        """A call of a person, as Twilio lists it afterwards; newest first."""
        row = {
            "sid": form["CallSid"],
            "account_sid": form["AccountSid"],
            "from": form["From"],
            "to": form["To"],
            "direction": form["Direction"],
            "status": "busy",
            "start_time": None,
            "date_created": formatdate(at or time.time()),
        }
        with self._lock:
            self.calls.insert(0, row)

    def sent_to(self, address: str) -> list[Received]:
        """What was taken for this address, in order."""
        return [message for message in self.taken() if message.to == address]

    def taken(self) -> list[Received]:
        """A copy of `messages`."""
        with self._lock:
            return list(self.messages)

    def wait_for(self, count: int, *, seconds: float = 10.0) -> list[Received]:
        """The messages once there are `count`; AssertionError when there are fewer after `seconds`."""
        end = time.monotonic() + seconds
        while len(found := self.taken()) < count:
            assert time.monotonic() < end, f"{len(found)} messages after {seconds} s, {count} wanted"
            time.sleep(0.01)
        return found

    def _add(self, fault: _Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def next_fault(self, gateway: str) -> _Fault | None:
        """The oldest fault meant for this gateway; one use of it is spent."""
        self._open.wait()
        with self._lock:
            for fault in self._faults:
                if fault.gateway not in {None, gateway}:
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None

    def take(self, message: Received) -> None:
        """Journal first: what the caller hears of is on the disk."""
        self._journal.write(asdict(message))
        with self._lock:
            self.messages.append(message)

    def told(self, order: dict[str, Any]) -> None:
        """One order of the control path: {"do": "slow", "seconds": 2} and so on, for a stand-in of another process."""
        what = order.pop("do", "")
        if what not in {"slow", "fail", "vanish", "refuse", "well", "pause", "resume", "keep"}:
            raise ValueError("no such order")
        getattr(self, what)(**order)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self._sockets: set[Any] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._sockets.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._sockets.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that gave up is no news."""

    def hang_up(self) -> None:
        """Cut kept connections, as a gateway that went away does."""
        for request in list(self._sockets):
            try:
                request.shutdown(2)
            except OSError:
                continue


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, else each answer waits 40 ms for an acknowledgement
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        if path == "/control":
            self.server.stand_in.told(json.loads(body))
            self._answer(200, {})
            return
        if path.endswith("/cgi-bin/sendsms"):
            self._serve("kannel", {"text": body.decode()})
            return
        if meta.is_send(path):
            self._serve("meta", json.loads(body))
            return
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        if path.endswith("/version1/messaging"):
            self._serve("africastalking", form)
        elif "/2010-04-01/Accounts/" in path and path.endswith("/Messages.json"):
            self._serve("twilio", form)
        else:
            self._answer(404, {"code": 20404, "message": "not found", "status": 404})

    def do_GET(self) -> None:
        stand_in, path = self.server.stand_in, urlsplit(self.path).path
        if path == "/messages":
            self._answer(200, [asdict(message) for message in stand_in.taken()])
        elif path.endswith("/Messages.json"):
            self._list(stand_in)
        elif path.endswith("/Calls.json"):
            self._answer(200, {"calls": stand_in.calls, "page": 0, "page_size": 50, "next_page_uri": None})
        elif sounds.is_sound(path):
            self._sound(stand_in, path)
        else:
            self._answer(404, {})

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def _list(self, stand_in: StandIn) -> None:
        """Twilio's list, what we sent included."""
        fault = stand_in.next_fault("twilio")
        if fault is not None and fault.kind == "error":
            self._answer(int(fault.value), "out of order")
            return
        sent = [
            {
                "sid": message.external_id,
                "from": message.sender,
                "to": message.to,
                "body": message.text,
                "direction": "outbound-api",
                "date_sent": formatdate(message.at),
            }
            for message in reversed(stand_in.taken())
            if message.gateway == "twilio"
        ]
        self._answer(200, {"messages": stand_in.inbound + sent, "page": 0, "page_size": 50, "next_page_uri": None})

    def _sound(self, stand_in: StandIn, path: str) -> None:
        fault = stand_in.next_fault(sounds.gateway_of(path))
        if fault is not None and fault.kind == "error":
            self._answer(int(fault.value), "out of order")
            return
        if fault is not None and fault.kind == "refuse":
            self._answer(meta.STATUS.get(int(fault.value), 400), meta.error(int(fault.value)))
            return
        store, credentials = stand_in.store or stand_in.url, self.headers.get("Authorization") or ""
        status, body, extra = sounds.answer(path, stand_in.sounds, store=store, credentials=credentials)
        self._answer(status, body, extra=extra)

    def _serve(self, gateway: str, form: dict[str, Any]) -> None:
        stand_in = self.server.stand_in
        fault = stand_in.next_fault(gateway)
        if fault is not None and fault.kind == "error":
            extra = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            self._answer(int(fault.value), "out of order", extra=extra)
            return
        if fault is not None and fault.kind == "say":
            body, content_type, headers = fault.said
            self._answer(int(fault.value), body, extra=headers, content_type=content_type)
            return
        refusal = int(fault.value) if fault is not None and fault.kind == "refuse" else 0
        status, body, taken = _APIS[gateway](form, refusal, self.headers)
        for message in taken:
            stand_in.take(message)
        if fault is not None and fault.kind in {"slow", "vanish"}:
            time.sleep(fault.value)
        if fault is not None and fault.kind == "vanish":
            self.close_connection = True
            self.connection.shutdown(2)
            return
        self._answer(status, body)

    def _answer(self, status: int, body: Any, *, extra: dict[str, str] | None = None, content_type: str = "") -> None:
        if isinstance(body, bytes):
            data = body
        else:
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = {"Content-Type": "text/plain" if isinstance(body, str) else "application/json"} | (extra or {})
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def _africastalking(form: dict[str, str], refusal: int, headers: Any) -> tuple[int, Any, list[Received]]:
    """One text for one number or for several, joined by commas; each is answered and taken by itself."""
    if not headers.get("apiKey") or not form.get("username"):
        return 401, "The supplied authentication is invalid", []
    numbers = form["to"].split(",")
    if refusal:
        body = json.loads(json.dumps(REFUSALS[refusal]))
        [row] = body["SMSMessageData"]["Recipients"]
        body["SMSMessageData"]["Recipients"] = [row | {"number": number} for number in numbers]
        return 201, body, []
    taken = [
        Received(
            "africastalking", number, form["message"], time.time(), form.get("from", ""), f"ATXid_{uuid.uuid4().hex}"
        )
        for number in numbers
    ]
    recipients = [
        {"statusCode": 101, "number": one.to, "status": "Success", "cost": "XOF 12.0000", "messageId": one.external_id}
        for one in taken
    ]
    said = f"Sent to {len(taken)}/{len(taken)} Total Cost: XOF {12 * len(taken)}.0000"
    return 201, {"SMSMessageData": {"Message": said, "Recipients": recipients}}, taken


def _twilio(form: dict[str, str], refusal: int, headers: Any) -> tuple[int, Any, list[Received]]:
    scheme, _, credentials = (headers.get("Authorization") or "").partition(" ")
    if scheme != "Basic" or b":" not in base64.b64decode(credentials):
        return 401, ERRORS["20003"]["body"], []
    if refusal:
        known = ERRORS.get(str(refusal)) or {
            "http_status": 400,
            "body": {"code": refusal, "message": "refused", "status": 400},
        }
        return known["http_status"], known["body"], []
    external_id = "SM" + uuid.uuid4().hex
    body = {
        "sid": external_id,
        "status": "queued",
        "to": form["To"],
        "from": form.get("From"),
        "body": form.get("Body", ""),
        "num_segments": "1",
        "num_media": "0",
        "error_code": None,
        "error_message": None,
        "price": None,
        "price_unit": "USD",
        "api_version": "2010-04-01",
        "direction": "outbound-api",
    }
    message = Received(
        "twilio",
        form["To"],
        form.get("Body", ""),
        time.time(),
        form.get("From", ""),
        external_id,
        form.get("StatusCallback", ""),
    )
    return 201, body, [message]


def _kannel(form: dict[str, str], refusal: int, headers: Any) -> tuple[int, Any, list[Received]]:
    """sendsms by POST; each part of a long text is a message of its own."""
    if not headers.get("X-Kannel-Username") or not headers.get("X-Kannel-Password"):
        refusal = 401
    if refusal:
        case = SENDSMS["refusals"][str(refusal)]
        return case["http_status"], case["body"], []
    report_to = headers.get("X-Kannel-DLR-Url", "")
    external_id = dict(parse_qsl(urlsplit(report_to).query)).get("m", "")
    message = Received(
        "kannel",
        headers["X-Kannel-To"],
        form["text"],
        time.time(),
        headers.get("X-Kannel-From", ""),
        external_id,
        report_to,
    )
    return SENDSMS["taken"]["http_status"], SENDSMS["taken"]["body"], [message]


_APIS = {"africastalking": _africastalking, "kannel": _kannel, "meta": meta.take, "twilio": _twilio}
