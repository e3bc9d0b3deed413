"""Phones of the simulator speak to the service as the gateways do: real forms, real signatures, over HTTP.

Formats: Africa's Talking sends form posts to a path that holds a secret; Twilio signs the address and the form.
"""

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import perf_counter
from urllib.parse import quote

import requests
import structlog
from twilio.request_validator import RequestValidator

from bot.config import Settings

log = structlog.get_logger(__name__)

TIMEOUT = 10.0  # seconds; the gateway's own patience on USSD
TRACE = "X-Maraba-Trace"  # asked for and answered in development only
NETWORK = "61402"  # an opaque string to us
ANY_HOST = ("0.0.0.0", "::", "")  # noqa: S104 - told apart, not bound


@dataclass(frozen=True, slots=True)
class Request:
    """One hook request before it is sent. `shown` is its path with the secret masked."""

    path: str
    shown: str
    form: dict[str, str]
    external_id: str
    gateway: str
    headers: dict[str, str] = field(default_factory=dict)
    proof: str = "secret in the path"
    method: str = "POST"
    body: str = ""  # instead of the form


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: HTTP status (0: nobody answered), body, the trace header, and the time it took in milliseconds."""

    status: int
    body: str
    trace: str
    took: float

    @property
    def screen(self) -> str | None:
        """The USSD screen without its prefix; None for what is no screen."""
        if self.status == 200 and self.body[:4] in ("CON ", "END "):
            return self.body[4:]
        return None

    @property
    def final(self) -> bool:
        """The line closes."""
        return not self.body.startswith("CON ")


class Hooks:
    """Composes and posts. `post` is replaced by tests that only look at what would be sent."""

    def __init__(
        self, settings: Settings, *, url: str = "", post: Callable[..., requests.Response] = requests.post
    ) -> None:
        host = "127.0.0.1" if settings.host in ANY_HOST else settings.host
        self._settings = settings
        self._base = (url or f"http://{host}:{settings.port}").rstrip("/")
        self._post = post
        self._secret = settings.hook_secrets[0]

    def ussd(self, phone: str, *, session: str, typed: list[str]) -> Request:
        """A step of a USSD session: Africa's Talking sends all that was typed, joined with `*`."""
        text = "*".join(typed)
        form = {
            "sessionId": session,
            "serviceCode": self._settings.short_code,
            "phoneNumber": phone,
            "networkCode": NETWORK,
            "text": text,
        }
        return self._africastalking("ussd", form, f"{session}\n{phone}\n{text}")

    def ussd_end(self, phone: str, *, session: str, typed: list[str], last: str, seconds: float) -> Request:
        """The notification of a dropped line."""
        form = {
            "date": _date(datetime.now(UTC)),
            "sessionId": session,
            "serviceCode": self._settings.short_code,
            "networkCode": NETWORK,
            "phoneNumber": phone,
            "status": "Incomplete",
            "cost": "0.0000",
            "durationInMillis": str(int(seconds * 1000)),
            "hopsCount": str(len(typed) + 1),
            "input": "*".join(typed),
            "lastAppResponse": last,
        }
        return self._africastalking("ussd-end", form, session)

    def voice(self, phone: str, *, session: str, ended: bool = False) -> Request:
        """A call to the line: the hook while it rings, or the one that tells how it ended."""
        form = {
            "isActive": "0" if ended else "1",
            "sessionId": session,
            "direction": "Inbound",
            "callerNumber": phone,
            "destinationNumber": self._settings.africastalking_sender,
            "callSessionState": "Completed" if ended else "Ringing",
            "callStartTime": _date(datetime.now(UTC)),
        }
        if ended:
            form |= {"durationInSeconds": "0", "currencyCode": "XOF", "amount": "0.0", "hangupCause": "CALL_REJECTED"}
        return self._africastalking("voice", form, f"call\n{session}")

    def sms(self, phone: str, text: str, *, hours_late: float = 0) -> Request:
        """A text to the short code; a late one carries the date at which it was written."""
        identity = str(uuid.uuid4())
        form = {
            "date": _date(datetime.now(UTC) - timedelta(hours=hours_late)),
            "from": phone,
            "id": identity,
            "linkId": str(uuid.uuid4()),
            "text": text,
            "to": self._settings.africastalking_sender,
            "networkCode": NETWORK,
        }
        return self._africastalking("sms", form, identity)

    def delivered(self, phone: str, message: str) -> Request:
        """The report that an SMS reached its phone."""
        form = {"id": message, "status": "Success", "phoneNumber": phone, "networkCode": NETWORK, "retryCount": "0"}
        return self._africastalking("status", form, message)

    def kannel_delivered(self, message: str, parts: int) -> list[Request]:
        """Kannel's reports that every part of an SMS reached its phone."""
        query = "status?m={}&part={}&parts={}&status=1&answer="
        kinds = [query.format(quote(message), part, parts) for part in range(1, parts + 1)]
        secret = quote(self._secret, safe="")
        return [
            Request(f"/hooks/kannel/{secret}/{kind}", f"/hooks/kannel/…/{kind}", {}, message, "kannel", method="GET")
            for kind in kinds
        ]

    def whatsapp(self, phone: str, text: str, *, payload: str = "") -> Request:
        """A WhatsApp message through Twilio; `payload` is that of a tapped button."""
        identity = "SM" + uuid.uuid4().hex
        form = {
            "MessageSid": identity,
            "SmsSid": identity,
            "SmsMessageSid": identity,
            "AccountSid": self._settings.twilio_account_sid,
            "From": f"whatsapp:{phone}",
            "To": f"whatsapp:{self._settings.twilio_whatsapp_from}",
            "Body": text,
            "NumMedia": "0",
            "NumSegments": "1",
            "SmsStatus": "received",
            "ApiVersion": "2010-04-01",
            "WaId": phone.removeprefix("+"),
            "MessageType": "button" if payload else "text",
        }
        if payload:
            form |= {"ButtonText": text, "ButtonPayload": payload}
        return self._twilio("/hooks/twilio/message", form, identity)

    def whatsapp_delivered(self, phone: str, message: str) -> Request:
        """Twilio's status callback for a message that reached its phone."""
        form = {
            "MessageSid": message,
            "SmsSid": message,
            "AccountSid": self._settings.twilio_account_sid,
            "From": f"whatsapp:{self._settings.twilio_whatsapp_from}",
            "To": f"whatsapp:{phone}",
            "MessageStatus": "delivered",
            "SmsStatus": "delivered",
            "ApiVersion": "2010-04-01",
        }
        return self._twilio("/hooks/twilio/status", form, message)

    def meta_delivered(self, phone: str, message: str, ours: str) -> Request:
        """Meta's report of a message that reached its phone, signed over its bytes."""
        status = {"id": message, "status": "delivered", "timestamp": str(int(time.time()))}
        status |= {"recipient_id": phone.removeprefix("+"), "biz_opaque_callback_data": ours}
        number = {"phone_number_id": self._settings.meta_phone_number_id}
        value = {"messaging_product": "whatsapp", "metadata": number, "statuses": [status]}
        change = {"field": "messages", "value": value}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]})
        secret = self._settings.meta_app_secret.get_secret_value().encode()
        signature = hmac.new(secret, body.encode(), hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={signature}", "Content-Type": "application/json"}
        return Request("/hooks/meta", "/hooks/meta", {}, message, "meta", headers, "X-Hub-Signature-256", body=body)

    def send(self, request: Request) -> Answer:
        """Post it to this very service; never raises."""
        began = perf_counter()
        try:
            ask = self._post if request.method == "POST" else requests.get
            response = ask(
                self._base + request.path,
                data=request.body or request.form,
                headers=request.headers | {TRACE: "1"},
                timeout=TIMEOUT,
            )
        except requests.RequestException as error:
            log.warning("simulated_hook_unanswered", gateway=request.gateway, error=type(error).__name__)
            return Answer(0, "", "", (perf_counter() - began) * 1000)
        took = (perf_counter() - began) * 1000
        response.encoding = "utf-8"
        return Answer(response.status_code, response.text, response.headers.get(TRACE, ""), took)

    def _africastalking(self, kind: str, form: dict[str, str], identity: str) -> Request:
        path = f"/hooks/africastalking/{quote(self._secret, safe='')}/{kind}"
        return Request(path, f"/hooks/africastalking/…/{kind}", form, identity, "africastalking")

    def _twilio(self, path: str, form: dict[str, str], identity: str) -> Request:
        validator = RequestValidator(self._settings.twilio_auth_token.get_secret_value())
        signature = validator.compute_signature(self._settings.base_url + path, form)
        headers = {"X-Twilio-Signature": signature}
        return Request(path, path, form, identity, "twilio", headers, "X-Twilio-Signature")


def new_line() -> str:
    """A USSD session id as Africa's Talking makes them."""
    return "ATUid_" + uuid.uuid4().hex


def new_call() -> str:
    """The session id of a call, likewise."""
    return "ATVId_" + uuid.uuid4().hex


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")
