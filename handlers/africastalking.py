"""Africa's Talking: USSD, SMS and missed calls in, SMS out. Wire format: tests/payloads/africastalking.

Its hooks carry no signature: the secret is a segment of the path. Every status word it may say is in a table here.
"""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from africastalking.Service import AfricasTalkingException
from africastalking.SMS import SMSService
from flask import Request, Response

from bot.config import Settings
from bot.errors import BadPayload, SendError
from bot.gateway import Event, Gateway
from bot.messages import Channel, Delivery, Inbound, OptOut, Outbound, Sent, SessionEnded, StatusReport
from bot.reasons import Why
from handlers import forms, outgoing
from handlers.kept import Kept
from handlers.path_secret import PathSecret

TEXT_LIMIT = 2000  # characters of an SMS or of a USSD transcript
TIMEOUT = (3.05, 9.05)  # seconds to connect, to read
PLAIN = "text/plain; charset=utf-8"
NO_CALL = '<?xml version="1.0" encoding="UTF-8"?><Response><Reject/></Response>'

STATES = {
    "sent": Delivery.SENT,
    "submitted": Delivery.SENT,
    "buffered": Delivery.SENT,
    "success": Delivery.DELIVERED,
    "failed": Delivery.FAILED,
    "rejected": Delivery.FAILED,
    "absentsubscriber": Delivery.FAILED,
    "expired": Delivery.FAILED,
}
REASONS = {  # spelt in two ways by the gateway itself
    "userinblacklist": "UserInBlacklist",
    "notnetworksubcriber": "NotNetworkSubscriber",
}
BLOCKED = "UserInBlacklist"

TAKEN = frozenset({100, 101, 102})
REFUSALS = {
    401: partial(SendError, "RiskHold"),
    402: partial(SendError, "InvalidSenderId"),
    403: partial(SendError, "InvalidPhoneNumber"),
    404: partial(SendError, "UnsupportedNumberType"),
    # Nothing was sent: parked, a minute at a time because alerts wait there too (safety 17), until somebody has paid.
    405: partial(SendError, "InsufficientBalance", retryable=True, retry_after=60.0),
    406: partial(SendError, BLOCKED, suppress=True),
    407: partial(SendError, "CouldNotRoute"),
    409: partial(SendError, "DoNotDisturbRejection"),
    500: partial(SendError, "InternalServerError", retryable=True),
    501: partial(SendError, "GatewayError", retryable=True),
    502: partial(SendError, "RejectedByGateway"),
}
WHY = {
    "RiskHold": Why.REFUSED_TEXT,
    "InvalidSenderId": Why.ACCOUNT,
    "InvalidPhoneNumber": Why.BAD_NUMBER,
    "UnsupportedNumberType": Why.BAD_NUMBER,
    "InsufficientBalance": Why.CREDIT,
    BLOCKED: Why.BLOCKED,
    "CouldNotRoute": Why.NO_ROUTE,
    "DoNotDisturbRejection": Why.BLOCKED,
    "InternalServerError": Why.GATEWAY_DOWN,
    "GatewayError": Why.GATEWAY_DOWN,
    "RejectedByGateway": Why.NO_ROUTE,
    # in delivery reports
    "InsufficientCredit": Why.CREDIT,
    "InvalidLinkId": Why.OURS,
    "UserIsInactive": Why.PHONE_OFF,
    "UserAccountSuspended": Why.PHONE_OFF,  # may be paid up again: not a dead number
    "NotNetworkSubscriber": Why.NO_ROUTE,
    "UserNotSubscribedToProduct": Why.OURS,
    "UserDoesNotExist": Why.BAD_NUMBER,
    "DeliveryFailure": Why.PHONE_OFF,
    "AbsentSubscriber": Why.PHONE_OFF,
    "Expired": Why.PHONE_OFF,
    "Failed": Why.OTHER,
    "Rejected": Why.OTHER,
    "unreadable": Why.OTHER,
}


class AfricasTalking(Gateway):
    """The gateway. `clock` gives the time of receipt, UTC."""

    name = "africastalking"
    channels = frozenset({Channel.SMS, Channel.USSD})
    resends_for: float = 12 * 3600.0  # an SMS hook is repeated until it gets 200, for up to 12 h
    reasons = WHY
    together = 100

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] = forms.utc_now) -> None:
        self._settings = settings
        self._secret = PathSecret(settings.hook_secrets)
        self._clock = clock
        self._line = threading.local()
        self._readers: dict[str, Callable[[dict[str, str]], list[Event]]] = {
            "ussd": self._ussd,
            "sms": self._sms,
            "status": self._status,
            "ussd-end": self._ended,
            "optout": self._opted_out,
            "voice": self._voice,
        }

    def verify(self, request: Request, secret: str | None) -> None:
        """The secret is a segment of the path."""
        self._secret.check(secret)

    def parse(self, request: Request, kind: str) -> list[Event]:
        """`ussd`, `sms`, `status`, `ussd-end`, `optout`, `voice`."""
        reader = self._readers.get(kind)
        if reader is None:
            raise BadPayload("no such hook")
        return reader(forms.once(forms.pairs(request)))

    def render(self, kind: str, text: str | None, *, final: bool) -> Response:
        """USSD: `CON ` or `END ` and the screen. Voice: reject the call. Else an empty 200."""
        if kind == "ussd":
            return Response(("END " if final else "CON ") + (text or ""), content_type=PLAIN)
        if kind == "voice":
            return Response(NO_CALL, content_type="application/xml")
        return Response(b"", content_type=PLAIN)

    def render_down(self, kind: str, text: str) -> Response:
        """USSD is not repeated by the gateway: say it kindly. What is repeated gets 503.

        A call is rejected all the same, or it would go on ringing: its last hook tells us of it again.
        """
        if kind in {"ussd", "voice"}:
            return self.render(kind, text, final=True)
        return Response(b"", status=503, content_type=PLAIN, headers={"Retry-After": "30"})

    def send(self, message: Outbound) -> Sent:
        """One SMS. A read time-out is `unknown`: there is no idempotency key, a second call sends twice."""
        [result] = self.send_many([message])
        if isinstance(result, SendError):
            raise result
        return result

    def send_many(self, messages: Sequence[Outbound]) -> list[Sent | SendError]:
        """One text to up to a hundred people in one call; what fails as a whole fails for each."""
        results = {message.id: self._refused(message) for message in messages}
        left = [message for message in messages if results[message.id] is None]
        try:
            reply = self._call(left[0].text, [message.to for message in left]) if left else None
        except SendError as error:
            return [results[message.id] or error for message in messages]
        return [results[message.id] or _read(reply, message.to, alone=len(left) == 1) for message in messages]

    def _refused(self, message: Outbound) -> SendError | None:
        """What is refused before any call."""
        if message.channel is not Channel.SMS:
            return SendError("channel_not_carried")
        if not outgoing.is_allowed(self._settings, self.name):
            return SendError("not_in_development")
        if not (message.to[:1] == "+" and message.to[1:].isascii() and message.to[1:].isdigit()):
            return SendError("InvalidPhoneNumber")  # the library's own check lets line breaks and other digits through
        return None

    def _call(self, text: str, numbers: list[str]) -> object:
        line = self._own_line()
        try:
            sender = self._settings.africastalking_sender or None
            return line.service.send(text, numbers, sender_id=sender, timeout=TIMEOUT)
        except AfricasTalkingException:
            raise outgoing.http_error(line.status, line.retry_after) from None
        except ValueError:
            raise SendError("InvalidPhoneNumber") from None

    def _own_line(self) -> "_Line":
        """The line of this thread: its library object keeps one connection, and the status of its last reply."""
        line: _Line | None = getattr(self._line, "line", None)
        if line is None:
            line = self._line.line = _Line.open(self._settings)
        return line

    def _ussd(self, fields: dict[str, str]) -> list[Event]:
        session, address = forms.token(fields, "sessionId"), forms.address(fields, "phoneNumber")
        text = forms.optional(fields, "text", limit=TEXT_LIMIT)  # left out on the first request by some networks
        return [
            Inbound(
                self.name,
                f"{session}\n{address}\n{text}",
                Channel.USSD,
                address,
                text,
                self._clock(),
                session=session,
                to=forms.optional(fields, "serviceCode"),
            )
        ]

    def _sms(self, fields: dict[str, str]) -> list[Event]:
        return [
            Inbound(
                self.name,
                forms.token(fields, "id"),
                Channel.SMS,
                forms.address(fields, "from"),
                forms.text(fields, "text", limit=TEXT_LIMIT),
                self._sent_at(forms.optional(fields, "date")),
                to=forms.text(fields, "to"),
            )
        ]

    def _status(self, fields: dict[str, str]) -> list[Event]:
        """A word that we don't know is kept as the code of a message that was sent: reports only move forward."""
        external_id, status = forms.token(fields, "id"), forms.token(fields, "status")
        state = STATES.get(status.casefold())
        reason = forms.optional(fields, "failureReason").strip()
        code = REASONS.get(reason.casefold(), reason)
        if state is None or (state is Delivery.FAILED and not code):
            code = status
        if not code.isalnum():
            code = "unreadable" if code else ""
        found: list[Event] = [StatusReport(self.name, external_id, state or Delivery.SENT, code)]
        if code == BLOCKED:
            found.append(
                OptOut(
                    self.name,
                    forms.address(fields, "phoneNumber"),
                    Channel.SMS,
                    f"{external_id}\n{BLOCKED}",
                    blocks=True,
                )
            )
        return found

    def _ended(self, fields: dict[str, str]) -> list[Event]:
        """`input` and `lastAppResponse` are a person's words: they are not even looked at."""
        session, status = forms.token(fields, "sessionId"), forms.token(fields, "status")
        return [SessionEnded(self.name, forms.address(fields, "phoneNumber"), session, status)]

    def _opted_out(self, fields: dict[str, str]) -> list[Event]:
        """Without an id: the minute stands for it, so that a repeat is one event and a later opt-out a new one."""
        address, sender = forms.address(fields, "phoneNumber"), forms.text(fields, "senderId")
        minute = self._clock().strftime("%Y-%m-%dT%H:%M")
        return [OptOut(self.name, address, Channel.SMS, f"optout\n{sender}\n{address}\n{minute}", blocks=True)]

    def _voice(self, fields: dict[str, str]) -> list[Event]:
        """A missed call, whichever of its hooks comes: ringing and ended name the same session, so it is one event.

        Our own calls, and callers who hide their number, make none: nobody can be called back.
        """
        session, address = forms.token(fields, "sessionId"), forms.caller(fields, "callerNumber")
        if not address or forms.optional(fields, "direction").casefold() == "outbound":
            return []
        to = forms.optional(fields, "destinationNumber")
        return [Inbound(self.name, f"call\n{session}", Channel.VOICE, address, "", self._clock(), to=to)]

    def _sent_at(self, date: str) -> datetime:
        """`yyyy-MM-dd HH:mm:ss`, UTC. Never in the future: a fast clock there must not make an answer look early."""
        now = self._clock()
        try:
            sent = datetime.fromisoformat(date)
            sent = sent.replace(tzinfo=UTC) if sent.tzinfo is None else sent.astimezone(UTC)
        except (ValueError, OverflowError):
            return now
        return min(sent, now)


@dataclass(slots=True)
class _Line:
    """The library for one thread, over a kept connection, with what its exceptions hide: status and Retry-After."""

    service: Any
    kept: Kept
    status: int = 0
    retry_after: str | None = None

    @classmethod
    def open(cls, settings: Settings) -> "_Line":
        """`africastalking.initialize` would set module globals and warn; the service alone does neither."""
        service = SMSService(settings.africastalking_username, settings.africastalking_api_key.get_secret_value())
        line = cls(service, Kept())
        base = outgoing.api_base(settings, AfricasTalking.name)
        if base:
            service._baseUrl = service._contentUrl = base.removesuffix("/version1") + "/version1"  # noqa: SLF001
        service._Service__make_post_request = line.post  # noqa: SLF001 - this one object only
        return line

    def post(self, url: str, headers: Any, data: Any, params: Any, callback: Any = None, timeout: Any = TIMEOUT) -> Any:
        """The library's own call opens a connection each time and follows redirects with the key in hand."""
        reply = self.kept.post(url, headers=headers, form=data, timeout=timeout)
        self.status, self.retry_after = reply.status_code, reply.headers.get("Retry-After")
        return reply


def _read(reply: object, to: str, *, alone: bool) -> Sent | SendError:
    """What the reply says of one number. The library hands over text unless the content type is as it expects."""
    try:
        data: Any = json.loads(reply) if isinstance(reply, str) else reply
        recipients: list[Any] = data["SMSMessageData"]["Recipients"]
        reason = str(data["SMSMessageData"].get("Message", ""))
        if not recipients:  # accepted as a call, refused as a message
            return SendError(reason if reason.isalpha() and len(reason) <= 40 else "no_recipients")
        own = next((one for one in recipients if one.get("number") == to), recipients[0] if alone else None)
        if own is None:  # of several, this one is not named
            return SendError("no_recipients", unknown=True)
        code, external_id, cost = int(own["statusCode"]), str(own.get("messageId") or ""), str(own.get("cost") or "")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return SendError("unreadable_reply", unknown=True)
    if code not in TAKEN:
        return REFUSALS.get(code, partial(SendError, f"status_{code}"))()
    parts = own.get("messageParts")
    return Sent("" if external_id == "None" else external_id, parts if isinstance(parts, int) else 0, cost)
