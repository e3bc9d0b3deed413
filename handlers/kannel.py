"""Kannel, between operators' SMPP links and us: SMS in and out. Its configuration: docs/examples/kannel.conf.

**In.** Kannel calls us by GET, and repeats whatever is not answered 200, even what will never be right. So what can't
be read is answered 200 and dropped; what only the configuration does wrong is answered 400, repeated, and arrives once
the configuration is right. The query holds number and text: nothing that writes addresses down may stand between.

**Out.** By POST, with the password in a header and the text as the body: addresses are written to logs, those are not.
Kannel would turn a letter outside GSM-7 into `?` and drop the end of a text that is too long for its settings. It gets
no chance: we choose the alphabet, cut the text and write the header of each part ourselves, and hand over parts one by
one, so that a repeat begins where the last try ended (docs/decisions/0013).

**Our own id** travels in the address of the delivery reports and is the external id too: Kannel gives none.
"""

import re
import threading
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote

import requests
from flask import Request, Response

from bot.config import Settings
from bot.errors import BadPayload, Ignored, RefusedForGood, SendError
from bot.gateway import Event, Gateway
from bot.messages import Channel, Delivery, Inbound, Outbound, Sent, StatusReport
from bot.reasons import Why
from bot.text import gsm7
from handlers import forms, outgoing
from handlers.path_secret import PathSecret

TEXT_LIMIT = 4096  # characters: a text of 26 parts, which Kannel puts together for us
TIMEOUT = (3.05, 9.05)  # seconds to connect, to read
PLAIN = "text/plain; charset=utf-8"
FIELDS = {
    "message": frozenset({"id", "from", "to", "text", "ts", "coding", "charset"}),
    "status": frozenset({"m", "part", "parts", "status", "answer"}),
}
# Reports that we ask for: delivered 1, failed 2, buffered 4, taken by the operator 8, refused by it 16.
REPORTS, REPORTS_OF_EARLIER_PARTS = "31", "19"
STATES = {
    "1": Delivery.DELIVERED,
    "2": Delivery.FAILED,
    "4": Delivery.SENT,
    "8": Delivery.SENT,
    "16": Delivery.FAILED,
}
MOST_PARTS = 63  # of a text: as many as can be counted when they arrive

REFUSALS = {  # by the beginning of what Kannel says
    "Authorization failed": partial(SendError, "authorization_failed", retryable=True, account=True),
    "Not routable": partial(SendError, "not_routable"),
    "Number(s) has/have been denied": partial(SendError, "number_denied"),
}
WHY = {
    "authorization_failed": Why.ACCOUNT,
    "not_routable": Why.NO_ROUTE,
    "number_denied": Why.NO_ROUTE,  # by lists in Kannel's own configuration
    "bad_number": Why.BAD_NUMBER,
    "text_too_long": Why.OURS,
    # the operator's refusal: command_status of SMPP 3.4, 5.1.3
    "smpp_8": Why.GATEWAY_DOWN,
    "smpp_10": Why.ACCOUNT,
    "smpp_11": Why.BAD_NUMBER,
    "smpp_13": Why.ACCOUNT,
    "smpp_14": Why.ACCOUNT,
    "smpp_15": Why.ACCOUNT,
    "smpp_20": Why.TOO_FAST,
    "smpp_80": Why.BAD_NUMBER,
    "smpp_81": Why.BAD_NUMBER,
    "smpp_88": Why.TOO_FAST,
    # the operator's receipt: message_state of SMPP 3.4, appendix B
    "EXPIRED": Why.PHONE_OFF,
    "UNDELIV": Why.PHONE_OFF,
    "REJECTD": Why.REFUSED_TEXT,
    "DELETED": Why.OTHER,
    "UNKNOWN": Why.OTHER,
}
_REFUSED = re.compile(r"NACK/(\d{1,10})\b", re.ASCII)
_RECEIPT = re.compile(r"\bstat:([A-Z]{1,10})\b", re.ASCII)


class Kannel(Gateway):
    """The gateway. `clock` gives the time of receipt, UTC."""

    name = "kannel"
    channels = frozenset({Channel.SMS})
    methods = frozenset({"GET"})
    resends_for: float = 12 * 3600.0  # http-request-retry × http-queue-delay of docs/examples/kannel.conf
    reasons = WHY
    takes_parts = True

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] = forms.utc_now) -> None:
        self._settings = settings
        self._secret = PathSecret(settings.hook_secrets)
        self._clock = clock
        self._own = threading.local()
        self._base = outgoing.api_base(settings, self.name) or settings.kannel_url.rstrip("/")

    def verify(self, request: Request, secret: str | None) -> None:
        """The secret is a segment of the path."""
        self._secret.check(secret)

    def parse(self, request: Request, kind: str) -> list[Event]:
        """`message`, `status`."""
        wanted = FIELDS.get(kind)
        if wanted is None:
            raise BadPayload("no such hook")
        if b"coding=2" in request.query_string.split(b"&"):
            raise BadPayload("UCS-2 as bytes: Kannel needs mo-recode = true")
        try:
            fields = forms.once(forms.query(request))
        except BadPayload as fault:
            raise RefusedForGood(str(fault)) from None
        if not wanted <= fields.keys():
            raise BadPayload("the configured address lacks a field")
        try:
            return self._message(fields) if kind == "message" else self._status(fields)
        except BadPayload as fault:
            raise RefusedForGood(str(fault)) from None

    def render(self, kind: str, text: str | None, *, final: bool) -> Response:
        """An empty 200: answers leave by sendsms."""
        return Response(b"", content_type=PLAIN)

    def render_down(self, kind: str, text: str) -> Response:
        """503: Kannel tries again (`resends_for`)."""
        return Response(b"", status=503, content_type=PLAIN)

    def send(self, message: Outbound) -> Sent:
        """One SMS, in as many parts as it needs. A read time-out is `unknown`: Kannel can't tell a repeat."""
        if message.channel is not Channel.SMS:
            raise SendError("channel_not_carried")
        if not outgoing.is_allowed(self._settings, self.name):
            raise SendError("not_in_development")
        if not (message.to[:1] == "+" and message.to[1:].isascii() and message.to[1:].isdigit()):
            raise SendError("bad_number")
        cut = gsm7.segments(message.text)
        if len(cut.parts) > MOST_PARTS:
            raise SendError("text_too_long")
        for taken in range(message.parts_taken, len(cut.parts)):
            try:
                self._hand_over(message, cut, taken + 1)
            except SendError as error:
                error.parts_taken = taken
                raise
        return Sent(message.id, len(cut.parts))

    def _hand_over(self, message: Outbound, cut: gsm7.Segments, part: int) -> None:
        settings, parts = self._settings, len(cut.parts)
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-Kannel-Username": settings.kannel_username,
            "X-Kannel-Password": settings.kannel_password.get_secret_value(),
            "X-Kannel-From": settings.kannel_from,
            "X-Kannel-To": message.to,
            "X-Kannel-Coding": "0" if cut.encoding == "GSM-7" else "2",
            "X-Kannel-Charset": "UTF-8",
            "X-Kannel-DLR-Mask": REPORTS if part == parts else REPORTS_OF_EARLIER_PARTS,
            "X-Kannel-DLR-Url": self._report_url(message.id, part, parts),
        }
        if parts > 1:
            headers["X-Kannel-UDH"] = part_header(message.id, part, parts)
        try:
            reply = self._session().post(
                f"{self._base}/cgi-bin/sendsms",
                data=cut.parts[part - 1].encode(),
                headers=headers,
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise outgoing.transport_error(error) from None
        _check_taken(reply)

    def _report_url(self, message_id: str, part: int, parts: int) -> str:
        """Where Kannel reports to; it fills in what begins with a percent sign, so our own are doubled."""
        base = self._settings.kannel_hook_url.rstrip("/") or self._settings.base_url
        path = f"/hooks/{self.name}/{quote(self._settings.hook_secrets[0], safe='')}/status?m={quote(message_id)}"
        return f"{base}{path}".replace("%", "%%") + f"&part={part}&parts={parts}&status=%d&answer=%A"

    def _session(self) -> requests.Session:
        """The kept connection of this thread."""
        session: requests.Session | None = getattr(self._own, "session", None)
        if session is None:
            session = self._own.session = requests.Session()
            session.trust_env = not outgoing.is_loopback(self._base)  # no proxy on the way to this machine
        return session

    def _message(self, fields: dict[str, str]) -> list[Event]:
        if fields["coding"] == "1" or fields["charset"] == "8-BIT":
            raise Ignored("a binary message: settings of a phone, a ring tone")
        return [
            Inbound(
                self.name,
                forms.token(fields, "id"),
                Channel.SMS,
                forms.address(fields, "from"),
                forms.text(fields, "text", limit=TEXT_LIMIT),
                self._sent_at(fields["ts"]),
                to=forms.text(fields, "to"),
            )
        ]

    def _status(self, fields: dict[str, str]) -> list[Event]:
        """A number that we don't know is kept as the code of a message that was sent: reports only move forward."""
        message, status = forms.token(fields, "m"), _number(fields, "status")
        part, parts = _number(fields, "part"), _number(fields, "parts")
        if not 1 <= int(part) <= int(parts) <= MOST_PARTS:
            raise BadPayload("no such part")
        state = STATES.get(status)
        code = "" if state in {Delivery.SENT, Delivery.DELIVERED} else reason(fields["answer"]) or f"report_{status}"
        report = StatusReport(
            self.name, message, state or Delivery.SENT, code, message, part=int(part), parts=int(parts)
        )
        return [report]

    def _sent_at(self, seconds: str) -> datetime:
        """Never in the future: a fast clock there must not make an answer look early."""
        now = self._clock()
        if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 12):
            return now
        return min(datetime.fromtimestamp(int(seconds), UTC), now)


def part_header(message_id: str, part: int, parts: int) -> str:
    """The user data header of one part, in hex (3GPP TS 23.040, 9.2.3.24.1).

    The reference that joins parts on the phone comes from our id: parts of a second try join those of the first.
    """
    reference = zlib.crc32(message_id.encode()) & 0xFF
    return bytes((5, 0, 3, reference, parts, part)).hex()


def reason(answer: str) -> str:
    """The code in an operator's words: `smpp_11` of a refusal, `EXPIRED` of a receipt; "" without one.

    The words themselves are not kept: a receipt may repeat the beginning of the text.
    """
    refused = _REFUSED.match(answer)
    if refused:
        return f"smpp_{int(refused[1])}"
    receipt = _RECEIPT.search(answer.partition("text:")[0])
    return receipt[1] if receipt else ""


def _number(fields: dict[str, str], name: str) -> str:
    value = fields[name]
    if not (value.isascii() and value.isdigit() and len(value) <= 3):
        raise BadPayload(f"{name} is no number")
    return value


def _check_taken(reply: requests.Response) -> None:
    """`0: Accepted for delivery` and `3: Queued for later delivery`: Kannel has it on disk. Else raises SendError."""
    words = reply.content[:200].decode("latin-1")
    if 200 <= reply.status_code < 300:
        if words.startswith(("0:", "3:")):
            return
        raise SendError("unreadable_reply", unknown=True)
    for beginning, refusal in REFUSALS.items():
        if words.startswith(beginning):
            made: SendError = refusal()
            raise made
    raise outgoing.http_error(reply.status_code, reply.headers.get("Retry-After"))
