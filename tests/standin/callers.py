"""The hook side: sends what the gateways send, in their words, and repeats as they do."""

import hashlib
import hmac
import json
import threading
import time
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from twilio.request_validator import RequestValidator

from tests.standin.journal import Journal
from tests.standin.server import StandIn

ACCOUNT = "AC" + "0" * 32


@dataclass(frozen=True, slots=True)
class Exchange:
    """One hook call and what came back; `status` is 0 where nobody answered in time."""

    kind: str
    form: dict[str, str] | str
    status: int
    body: str
    attempt: int
    started: float
    seconds: float

    @property
    def text(self) -> str:
        """A USSD screen without its prefix."""
        return self.body.removeprefix("CON ").removeprefix("END ")

    @property
    def ended(self) -> bool:
        return self.body.startswith("END ")


class _Caller:
    """Posts one form and journals it twice: before it leaves, and with what was seen."""

    def __init__(self, *, journal: Path | None, timeout: float) -> None:
        self.exchanges: list[Exchange] = []
        self._journal = Journal(journal)
        self._timeout = timeout
        self._lock = threading.Lock()
        self._own = threading.local()
        self._sessions: list[requests.Session] = []

    def close(self) -> None:
        for session in self._sessions:
            session.close()
        self._journal.close()

    def _post(
        self, url: str, kind: str, form: dict[str, str] | str, *, headers: dict[str, str], attempt: int
    ) -> Exchange:
        started = time.time()
        self._journal.write({"event": "sent", "kind": kind, "form": form, "attempt": attempt, "at": started})
        try:
            reply = self._session().post(url, data=form, headers=headers, timeout=self._timeout, allow_redirects=False)
            status, body = reply.status_code, reply.text
        except requests.RequestException:
            status, body = 0, ""
        seen = Exchange(kind, form, status, body, attempt, started, time.time() - started)
        self._journal.write({"event": "seen", **asdict(seen)})
        with self._lock:
            self.exchanges.append(seen)
        return seen

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._own, "session", None)
        if session is None:
            session = self._own.session = requests.Session()
            session.trust_env = False
            self._sessions.append(session)
        return session


class AfricasTalkingCaller(_Caller):
    """Africa's Talking: a USSD step is posted once (10 s), an SMS again and again until it gets 200.

    The real one goes on for 12 hours; here `tries` and `pause` (seconds, doubling up to 2) bound it.
    """

    def __init__(
        self,
        base_url: str,
        *,
        secret: str = "dev",  # noqa: S107 - the value of development
        journal: Path | None = None,
        tries: int = 40,
        pause: float = 0.1,
        timeout: float = 10.0,
    ) -> None:
        super().__init__(journal=journal, timeout=timeout)
        self._base = f"{base_url}/hooks/africastalking/{secret}"
        self._tries = tries
        self._pause = pause

    def dial(self, address: str, *, code: str = "*321#") -> "UssdCall":
        """A new session; its first screen is in `.screen`."""
        call = UssdCall(self, address, code)
        call.post()
        return call

    def ussd(self, session: str, address: str, text: str, *, code: str = "*321#") -> Exchange:
        """One step; calling it again with the same words is a deliberate repeat."""
        form = {
            "sessionId": session,
            "serviceCode": code,
            "phoneNumber": address,
            "networkCode": "99999",
            "text": text,
        }
        return self._post(f"{self._base}/ussd", "ussd", form, headers={}, attempt=1)

    def sms(
        self,
        address: str,
        text: str,
        *,
        external_id: str = "",
        sent_at: datetime | None = None,
        to: str = "321",
    ) -> Exchange:
        """One SMS, repeated with the same id until 200 or until the tries are used up; the last exchange."""
        form = {
            "date": f"{sent_at or datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
            "from": address,
            "id": external_id or str(uuid.uuid4()),
            "linkId": str(uuid.uuid4()),
            "text": text,
            "to": to,
            "networkCode": "99999",
            "cost": "XOF 0.0000",
        }
        return self._until_taken("sms", form)

    def voice(self, session: str, address: str, *, ended: bool = False) -> Exchange:
        """A hook of a call to the line: while it rings, or once it has ended. Posted once."""
        form = {
            "isActive": "0" if ended else "1",
            "sessionId": session,
            "direction": "Inbound",
            "callerNumber": address,
            "destinationNumber": "+22720000000",
            "callSessionState": "Completed" if ended else "Ringing",
        }
        return self._post(f"{self._base}/voice", "voice", form, headers={}, attempt=1)

    def status(self, external_id: str, status: str, *, address: str, reason: str = "") -> Exchange:
        form = {"id": external_id, "status": status, "phoneNumber": address, "networkCode": "99999", "retryCount": "0"}
        return self._until_taken("status", form | ({"failureReason": reason} if reason else {}))

    def optout(self, address: str, *, sender: str = "321") -> Exchange:
        return self._until_taken("optout", {"senderId": sender, "phoneNumber": address})

    def ended(self, session: str, address: str, *, status: str = "Incomplete", transcript: str = "") -> Exchange:
        form = {
            "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
            "sessionId": session,
            "serviceCode": "*321#",
            "networkCode": "99999",
            "phoneNumber": address,
            "status": status,
            "cost": "0.0000",
            "durationInMillis": "41873",
            "hopsCount": "3",
            "hopsMetadata": "",
            "input": transcript,
            "lastAppResponse": "CON ...",
            "errorMessage": "",
        }
        return self._post(f"{self._base}/ussd-end", "ussd-end", form, headers={}, attempt=1)

    def _until_taken(self, kind: str, form: dict[str, str]) -> Exchange:
        pause = self._pause
        for attempt in range(1, self._tries + 1):
            seen = self._post(f"{self._base}/{kind}", kind, form, headers={}, attempt=attempt)
            if seen.status == 200:
                break
            time.sleep(pause)
            pause = min(pause * 2, 2.0)
        return seen


@dataclass(slots=True)
class UssdCall:
    """One USSD session: keeps the transcript as the gateway does."""

    caller: AfricasTalkingCaller
    address: str
    code: str
    session: str = field(default_factory=lambda: "ATUid_" + uuid.uuid4().hex)
    answers: list[str] = field(default_factory=list)
    screens: list[Exchange] = field(default_factory=list)

    @property
    def screen(self) -> Exchange:
        return self.screens[-1]

    def answer(self, *typed: str) -> Exchange:
        """Type each, one after the other; the last screen."""
        for one in typed:
            self.answers.append(one)
            self.post()
        return self.screen

    def post(self) -> Exchange:
        """The current step; again: the same step delivered twice."""
        seen = self.caller.ussd(self.session, self.address, "*".join(self.answers), code=self.code)
        self.screens.append(seen)
        return seen

    def drop(self) -> Exchange:
        """The line breaks: the gateway says so on its own hook."""
        return self.caller.ended(self.session, self.address, transcript="*".join(self.answers))


class TwilioCaller(_Caller):
    """Twilio: signed over `public_url`, posted once (15 s); what fails is dropped, unless a fallback URL is set.

    With a `stand_in`, every message and call is in the lists that the stand-in gives of them, dropped or not.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str = "dev-token",  # noqa: S107 - the same
        account: str = ACCOUNT,
        public_url: str = "",
        fallback: bool = False,
        overrides: str = "",
        stand_in: StandIn | None = None,
        journal: Path | None = None,
        timeout: float = 15.0,
    ) -> None:
        super().__init__(journal=journal, timeout=timeout)
        self._base = base_url
        self._public = public_url or base_url
        self._account = account
        self._fallback = fallback
        self._overrides = overrides  # "#rc=3&rp=all": read off the address, neither signed nor sent
        self._stand_in = stand_in
        self._validator = RequestValidator(token)

    def sms(self, address: str, text: str, *, external_id: str = "", **more: str) -> Exchange:
        return self._message(address, "+12025550123", text, external_id=external_id, more=more)

    def whatsapp(self, address: str, text: str, *, external_id: str = "", **more: str) -> Exchange:
        """`more`: ButtonPayload, ListId, MediaUrl0 and other fields of theirs."""
        extra = {"ProfileName": "Amina", "WaId": address.lstrip("+"), "MessageType": "text", **more}
        prefix = "whatsapp:"
        return self._message(prefix + address, prefix + "+12025550123", text, external_id=external_id, more=extra)

    def voice(self, sid: str, address: str, *, status: str = "ringing") -> Exchange:
        """A call to the line: Twilio asks what to do ("ringing"), or tells how it ended ("busy")."""
        form = {
            "CallSid": sid,
            "AccountSid": self._account,
            "From": address,
            "To": "+12025550123",
            "Direction": "inbound",
            "CallStatus": status,
            "ApiVersion": "2010-04-01",
        }
        if self._stand_in is not None and status == "ringing":
            self._stand_in.ring(form)
        return self._signed("voice", form)

    def status(self, external_id: str, status: str, *, to: str, code: str = "", message: str = "") -> Exchange:
        """`message`: our own id, as the address of the report names it."""
        form = {
            "MessageSid": external_id,
            "SmsSid": external_id,
            "AccountSid": self._account,
            "From": "+12025550123",
            "To": to,
            "MessageStatus": status,
            "SmsStatus": status,
            "ApiVersion": "2010-04-01",
        }
        query = f"?m={message}" if message else ""
        return self._signed("status", form | ({"ErrorCode": code} if code else {}), query=query)

    def _message(self, sender: str, to: str, text: str, *, external_id: str, more: dict[str, str]) -> Exchange:
        sid = external_id or "SM" + uuid.uuid4().hex
        form = {
            "MessageSid": sid,
            "SmsSid": sid,
            "SmsMessageSid": sid,
            "AccountSid": self._account,
            "From": sender,
            "To": to,
            "Body": text,
            "NumMedia": "0",
            "NumSegments": "1",
            "SmsStatus": "received",
            "ApiVersion": "2010-04-01",
        }
        if self._stand_in is not None:
            self._stand_in.keep(form | more)
        return self._signed("message", form | more)

    def _signed(self, kind: str, form: dict[str, str], *, query: str = "") -> Exchange:
        path = f"/hooks/twilio/{kind}{query}"
        signature: Any = self._validator.compute_signature(self._public + path, form)
        for attempt in (1, 2) if self._fallback else (1,):
            url = self._base + path + self._overrides
            seen = self._post(url, kind, form, headers={"X-Twilio-Signature": signature}, attempt=attempt)
            if 200 <= seen.status < 300:
                return seen
        self._journal.write({"event": "dropped", "kind": kind, "form": form, "at": time.time()})
        return seen


class MetaCaller(_Caller):
    """Meta: signs the bytes, posts again and again until it gets 200 (the real one for days), many parts in one."""

    def __init__(
        self,
        base_url: str,
        *,
        secret: str = "dev-meta",  # noqa: S107 - the same
        phone_number_id: str = "100000000000001",
        journal: Path | None = None,
        tries: int = 40,
        pause: float = 0.1,
        timeout: float = 10.0,
    ) -> None:
        super().__init__(journal=journal, timeout=timeout)
        self._url = f"{base_url}/hooks/meta"
        self._secret = secret.encode()
        self._phone_number_id = phone_number_id
        self._tries = tries
        self._pause = pause

    def whatsapp(self, address: str, text: str, *, external_id: str = "", payload: str = "") -> Exchange:
        """A text, or a tapped button with its payload."""
        content: dict[str, Any] = {"type": "text", "text": {"body": text}}
        if payload:
            reply = {"type": "button_reply", "button_reply": {"id": payload, "title": text}}
            content = {"type": "interactive", "interactive": reply}
        return self.messages(self.message(address, content, external_id=external_id))

    def voice_note(self, address: str, media_id: str, *, external_id: str = "") -> Exchange:
        sound = {"id": media_id, "mime_type": "audio/ogg; codecs=opus", "sha256": "x", "voice": True}
        return self.messages(self.message(address, {"type": "audio", "audio": sound}, external_id=external_id))

    def message(self, address: str, content: dict[str, Any], *, external_id: str = "") -> dict[str, Any]:
        """One part of a hook; `address` is E.164 or a business-scoped id."""
        who = {"from": address.lstrip("+")} if address.startswith("+") else {"from_user_id": address}
        identity = external_id or "wamid." + uuid.uuid4().hex
        return {**who, "id": identity, "timestamp": str(int(time.time())), **content}

    def messages(self, *parts: dict[str, Any]) -> Exchange:
        return self._until_taken("message", {"messages": list(parts)})

    def status(self, external_id: str, status: str, *, code: int = 0, ours: str = "", to: str = "") -> Exchange:
        part: dict[str, Any] = {"id": external_id, "status": status, "timestamp": str(int(time.time()))}
        part |= {"recipient_id": to.lstrip("+")} if to else {}
        part |= {"errors": [{"code": code, "title": "refused"}]} if code else {}
        part |= {"biz_opaque_callback_data": ours} if ours else {}
        return self._until_taken("status", {"statuses": [part]})

    def _until_taken(self, kind: str, value: dict[str, Any]) -> Exchange:
        told = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "12025550123", "phone_number_id": self._phone_number_id},
            **value,
        }
        change = {"value": told, "field": "messages"}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "2", "changes": [change]}]})
        signature = hmac.new(self._secret, body.encode(), hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={signature}", "Content-Type": "application/json"}
        pause = self._pause
        for attempt in range(1, self._tries + 1):
            seen = self._post(self._url, kind, body, headers=headers, attempt=attempt)
            if seen.status == 200:
                break
            time.sleep(pause)
            pause = min(pause * 2, 2.0)
        return seen
