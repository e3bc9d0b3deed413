"""The invented aggregator of docs/examples/aggregator-xml.yaml: its send API on a loopback port, and its signed hooks."""

import base64
import hashlib
import hmac
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import requests

KEY, USER, PASSWORD = "invented-hook-key", "maraba", "invented-password"
ENVIRONMENT = {"NIAMEY_LINK_HOOK_KEY": KEY, "NIAMEY_LINK_USER": USER, "NIAMEY_LINK_PASSWORD": PASSWORD}
TYPE = "application/xml"


def signature(body: bytes) -> str:
    return "sha256=" + hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()


def fields(document: str | bytes) -> dict[str, str]:
    """The children of the root element."""
    return {child.tag: child.text or "" for child in ET.fromstring(document)}  # noqa: S314 - our own service's


class NiameyLink:
    """`taken` are the messages it took, `answer` the status and body with which it answers instead of taking one."""

    def __init__(self) -> None:
        self.taken: list[dict[str, str]] = []
        self.answer: tuple[int, str] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"link": self}))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *details: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def sent_to(self, number: str) -> list[dict[str, str]]:
        return [message for message in self.taken if message["to"] == number.removeprefix("+")]

    def take(self, body: bytes, authorization: str) -> tuple[int, str]:
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if authorization != f"Basic {login}":
            return 401, "<response><status>40</status></response>"
        if self.answer is not None:
            return self.answer
        self.taken.append(fields(body) | {"id": f"NL-O-{len(self.taken) + 1}"})
        return 200, f"<response><status>0</status><id>{self.taken[-1]['id']}</id><parts>1</parts></response>"


class _Handler(BaseHTTPRequestHandler):
    link: NiameyLink
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        found = self.path == "/v2/sms" and self.headers["Content-Type"] == TYPE
        status, answer = self.link.take(body, self.headers["Authorization"] or "") if found else (404, "")
        self.send_response(status)
        self.send_header("Content-Type", TYPE)
        self.send_header("Content-Length", str(len(answer.encode())))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *args: object) -> None:
        """Quiet."""


class NiameyLinkCaller:
    """Its hooks: one USSD session by steps, an SMS, a delivery report."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._step = 0

    def dial(self, number: str, session: str) -> dict[str, str]:
        self._step = 0
        return self._ussd(number, session, "begin", "*321#")

    def key(self, number: str, session: str, typed: str) -> dict[str, str]:
        return self._ussd(number, session, "continue", typed)

    def again(self, number: str, session: str, typed: str) -> dict[str, str]:
        """The last step once more, as after a lost answer."""
        self._step -= 1
        return self.key(number, session, typed)

    def sms(self, number: str, text: str, *, external_id: str) -> str:
        body = f"<sms><id>{external_id}</id><from>{number[1:]}</from><to>321</to><text>{escape(text)}</text></sms>"
        return self._post("sms", body).text

    def report(self, external_id: str, code: str) -> str:
        return self._post("status", f'<report><id>{external_id}</id><status code="{code}"/></report>').text

    def _ussd(self, number: str, session: str, kind: str, typed: str) -> dict[str, str]:
        self._step += 1
        body = (
            f"<ussd><transaction>T{self._step}</transaction><session>{session}</session><msisdn>{number[1:]}</msisdn>"
            f"<service>*321#</service><sequence>{self._step}</sequence><type>{kind}</type>"
            f"<input>{escape(typed)}</input></ussd>"
        )
        return fields(self._post("ussd", body).content)

    def _post(self, kind: str, body: str) -> requests.Response:
        data = body.encode()
        headers = {"Content-Type": TYPE, "X-NL-Signature": signature(data)}
        reply = requests.post(f"{self._base}/hooks/niamey-link/{kind}", data=data, headers=headers, timeout=10)
        reply.raise_for_status()
        return reply
