"""Twilio: SMS and WhatsApp, in and out; missed calls in. Wire format: twilio.com/docs; see also tests/payloads/twilio.

**Opt-out words** (docs/decisions/0019). Without a Messaging Service, Twilio blocks whoever texts one of `BLOCKING`,
answers in English, and passes the word on: an OptOut, and a message like any other, whose answer finds out whether
the block is real. With Advanced Opt-Out `OptOutType` says that Twilio has answered: STOP becomes an OptOut alone, HELP
is Ignored (a second answer would confuse), START is handed on as a message: our own opt-out must be lifted, and one
confirmation too many harms less than a person left without messages.

**Buttons.** Tappable ones need a content template approved beforehand under the account; this gateway makes none, so
choices are written below the text, each with its number, and the person answers with a digit.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime

import msgspec
from flask import Request, Response
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse
from twilio.twiml.voice_response import VoiceResponse

from bot.config import Settings
from bot.errors import BadPayload, BadSignature, Ignored, SendError, WebhookError
from bot.gateway import Event, Gateway
from bot.messages import Channel, Delivery, Inbound, OptOut, Outbound, Sent, StatusReport
from handlers import forms, outgoing, twilio_sound
from handlers.choices import with_choices
from handlers.forwarded import Reached
from handlers.twilio_api import OPTED_OUT, Api, refused
from handlers.twilio_codes import REASONS

TEXT_LIMIT = 4096  # characters; SMS bodies are 1600 at most, WhatsApp's are longer
MISSED_LIMIT = 20_000  # rows of a day, ours among them
WHATSAPP = "whatsapp:"
XML = "text/xml; charset=utf-8"

BLOCKING = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "CANCEL", "REVOKE", "OPTOUT"})
MESSAGE_ID = re.compile(r"[0-9a-f]{32}")
READ = frozenset(
    [
        *("AccountSid", "MessageSid", "From", "To", "Body", "OptOutType", "MessageStatus", "ErrorCode"),
        *("CallSid", "Direction", "ButtonPayload", "ListId", "Latitude", "Longitude"),
        *("NumMedia", "MediaContentType0", "MediaUrl0"),
    ]
)
STATES = {  # every one of these means at least that Twilio took it
    "accepted": Delivery.SENT,
    "scheduled": Delivery.SENT,
    "queued": Delivery.SENT,
    "sending": Delivery.SENT,
    "sent": Delivery.SENT,
    "delivered": Delivery.DELIVERED,
    "partially_delivered": Delivery.DELIVERED,
    "read": Delivery.READ,
    "undelivered": Delivery.FAILED,
    "failed": Delivery.FAILED,
    "canceled": Delivery.FAILED,
}


class Twilio(Gateway):
    """The gateway. `clock` gives the time of receipt, UTC."""

    name = "twilio"
    channels = frozenset({Channel.SMS, Channel.WHATSAPP})
    resends_for: float = 0.0  # a hook that fails is logged and dropped, unless a fallback URL is set
    reasons = REASONS

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] = forms.utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self._validator = RequestValidator(settings.twilio_auth_token.get_secret_value())
        self._reached = Reached(settings)
        self._api = Api(settings, self.name)
        self._empty = str(MessagingResponse())
        call = VoiceResponse()
        call.reject(reason="busy")  # the other reason says that the number is not in service
        self._no_call = str(call)

    def verify(self, request: Request, secret: str | None) -> None:
        """Check the signature over the address that Twilio called."""
        try:
            valid = self._validator.validate(
                self._reached.url(request),
                _Signed(forms.pairs(request)),
                request.headers.get("X-Twilio-Signature", ""),
            )
        except (BadPayload, ValueError, TypeError, IndexError):
            valid = False
        if not valid:
            raise BadSignature("the signature does not fit")

    def parse(self, request: Request, kind: str) -> list[Event]:
        """`message`, `status`, `voice`."""
        if kind not in {"message", "status", "voice"}:
            raise BadPayload("no such hook")
        fields = forms.once(forms.pairs(request), READ)
        if forms.text(fields, "AccountSid") != self._settings.twilio_account_sid:
            raise BadPayload("AccountSid is not ours")
        if kind == "voice":
            return [*self._voice(fields)]
        return self._message(fields) if kind == "message" else self._status(fields, _ours(request))

    def render(self, kind: str, text: str | None, *, final: bool) -> Response:
        """An empty document: answers leave by the API, from the answers stream."""
        return Response(self._no_call if kind == "voice" else self._empty, content_type=XML)

    def render_down(self, kind: str, text: str) -> Response:
        """503 makes Twilio call the fallback URL, where one is set; else the message is lost there (`resends_for`).

        A call is rejected all the same: an error is read out to the caller, who pays for it. Its status callback
        tells us of it again.
        """
        if kind == "voice":
            return self.render(kind, None, final=True)
        return Response(b"", status=503, content_type=XML, headers={"Retry-After": "30"})

    def send(self, message: Outbound) -> Sent:
        """One SMS or one WhatsApp text. A read time-out is `unknown`: no idempotency is promised on create."""
        if message.channel not in self.channels:
            raise SendError("channel_not_carried")
        if not outgoing.is_allowed(self._settings, self.name):
            raise SendError("not_in_development")
        whatsapp = message.channel is Channel.WHATSAPP
        prefix = WHATSAPP if whatsapp else ""
        sender = self._settings.twilio_whatsapp_from if whatsapp else self._settings.twilio_sms_from
        form = {
            "to": prefix + message.to,
            "from_": prefix + sender,
        }
        if message.template is None:
            form["body"] = with_choices(message.text, message.buttons)
        else:  # `name` is the Content SID of the approved template
            form["content_sid"] = message.template.name
            form["content_variables"] = json.dumps(dict(enumerate(message.template.parameters, start=1)))
        if message.status_url:
            form["status_callback"] = f"{message.status_url}?m={message.id}"  # settles a send whose reply was lost
        return self._create(form)

    def fetch(self, media_id: str) -> tuple[bytes, str]:
        """The sound of a voice note, by the ids of its address."""
        return twilio_sound.fetch(self._settings, self.name, media_id)

    def missed(self, since: datetime) -> list[Inbound]:
        """Messages and calls to us since then, oldest first: those whose hooks failed are there and nowhere else.

        Those already handled are among them, with the same ids; words that Twilio itself answers are left out where it
        would have told us so. Taps come as their title, media unnamed ("other"). Raises SendError.
        """
        if not outgoing.is_allowed(self._settings, self.name):
            raise SendError("not_in_development")
        return sorted([*self._texts(since), *self._calls(since)], key=lambda one: one.sent_at)

    def _texts(self, since: datetime) -> list[Inbound]:
        rows = self._api.call(
            lambda client: client.messages.list(date_sent_after=since, limit=MISSED_LIMIT, page_size=1000)
        )
        found = []
        for row in reversed(rows):  # newest first, as Twilio lists them
            if row.direction != "inbound":
                continue
            form = {"AccountSid": row.account_sid, "MessageSid": row.sid, "From": row.from_, "To": row.to}
            form |= {"Body": row.body or "", "NumMedia": row.num_media or "0"}
            try:
                said = self._inbound({name: forms.storable(str(value or "")) for name, value in form.items()})
            except WebhookError:  # as unreadable here as it was at the hook
                continue
            sent_at = row.date_sent if isinstance(row.date_sent, datetime) else said.sent_at
            if sent_at >= since and not self._answered(said):
                found.append(msgspec.structs.replace(said, sent_at=sent_at))
        return found

    def _calls(self, since: datetime) -> list[Inbound]:
        rows = self._api.call(
            lambda client: client.calls.list(start_time_after=since, limit=MISSED_LIMIT, page_size=1000)
        )
        found = []
        for row in rows:
            form = {"CallSid": row.sid, "From": row._from, "To": row.to, "Direction": row.direction}  # noqa: SLF001 - it has no other name
            began = row.start_time or row.date_created  # the first is missing until a call was answered
            try:
                calls = self._voice({name: forms.storable(str(value or "")) for name, value in form.items()})
            except WebhookError:
                continue
            if isinstance(began, datetime) and began >= since:
                found += [msgspec.structs.replace(call, sent_at=began) for call in calls]
        return found

    def _create(self, form: dict[str, str]) -> Sent:
        made = self._api.call(lambda client: client.messages.create(**form))
        sid, parts = str(made.sid or ""), str(made.num_segments or "")
        if str(made.error_code or "0") != "0":
            raise refused(made.error_code)
        if not sid:
            raise SendError("unreadable_reply", unknown=True)
        cost = f"{made.price} {made.price_unit}" if made.price else ""
        return Sent(sid, int(parts) if parts.isascii() and parts.isdigit() else 0, cost)

    def _message(self, fields: dict[str, str]) -> list[Event]:
        said, word = self._inbound(fields), forms.optional(fields, "OptOutType").upper()
        if word == "HELP":
            raise Ignored("already answered by the gateway")
        opt_out = OptOut(self.name, said.address, said.channel, said.external_id, blocks=True)
        if word == "STOP":
            return [opt_out]
        return [opt_out, said] if not word and self._blocks(said) else [said]

    def _blocks(self, said: Inbound) -> bool:
        """Twilio takes a word for its own where it is the whole text of an SMS."""
        watched = said.channel is Channel.SMS and self._settings.twilio_opt_out == "default"
        return watched and said.text.strip().upper() in BLOCKING

    def _answered(self, said: Inbound) -> bool:
        advanced = self._settings.twilio_opt_out == "advanced"
        return advanced and said.text.strip().upper() in BLOCKING | {"HELP", "INFO"}

    def _inbound(self, fields: dict[str, str]) -> Inbound:
        channel, address = _party(fields, "From")
        media = _media(fields)
        return Inbound(
            self.name,
            forms.token(fields, "MessageSid"),
            channel,
            address,
            forms.optional(fields, "Body", limit=TEXT_LIMIT),
            self._clock(),
            choice=forms.optional(fields, "ButtonPayload") or forms.optional(fields, "ListId"),
            media=media,
            to=forms.text(fields, "To").removeprefix(WHATSAPP),
            media_id=twilio_sound.reference(fields.get("MediaUrl0", "")) if media == "audio" else "",
        )

    def _voice(self, fields: dict[str, str]) -> list[Inbound]:
        """A missed call: its first request and its status callback name the same call, so it is one event.

        Our own calls, and callers who hide their number, make none: nobody can be called back.
        """
        call, address = forms.token(fields, "CallSid"), forms.caller(fields, "From")
        if not address or forms.optional(fields, "Direction").startswith("outbound"):
            return []
        return [Inbound(self.name, call, Channel.VOICE, address, "", self._clock(), to=forms.optional(fields, "To"))]

    def _status(self, fields: dict[str, str], message: str) -> list[Event]:
        """A word that we don't know is kept as the code of a message that was sent: reports only move forward."""
        external_id, status = forms.token(fields, "MessageSid"), forms.token(fields, "MessageStatus")
        if status in {"receiving", "received"}:
            raise Ignored("a message to us, not from us")
        code = forms.optional(fields, "ErrorCode")
        if not (code.isascii() and code.isdigit()):
            code = "unreadable" if code else ""
        state = STATES.get(status)
        if state is None or status == "canceled":
            code = code or (status if status.replace("_", "").isalnum() else "unreadable")
        found: list[Event] = [StatusReport(self.name, external_id, state or Delivery.SENT, code, message)]
        if code == OPTED_OUT:
            channel, address = _party(fields, "To")
            found.append(OptOut(self.name, address, channel, f"{external_id}\n{code}", blocks=True))
        return found


class _Signed(dict[str, list[str]]):
    """A form as the validator likes it best: `getall` is what it asks for first, and a miss costs it an exception."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, []).append(value)

    def getall(self, name: str) -> list[str]:
        """Every value of a field; signed once each, in order."""
        return self[name]


def _ours(request: Request) -> str:
    """Our own id of the message that a report is about; "" where its address carries none."""
    told = request.args.get("m", "")
    return told if MESSAGE_ID.fullmatch(told) else ""


def _party(fields: dict[str, str], name: str) -> tuple[Channel, str]:
    """Channel and E.164 of `From` or `To`; Ignored for channels that we don't carry."""
    value = forms.text(fields, name)
    prefix, colon, _ = value.partition(":")
    if colon and prefix + colon != WHATSAPP:
        raise Ignored("a channel that is not carried")
    channel = Channel.WHATSAPP if colon else Channel.SMS
    return channel, forms.address({name: value.removeprefix(WHATSAPP)}, name)


def _media(fields: dict[str, str]) -> str:
    """What came beside the text; the content is never fetched."""
    if forms.optional(fields, "Latitude") and forms.optional(fields, "Longitude"):
        return "location"
    if forms.optional(fields, "NumMedia") in {"", "0"}:
        return ""
    kind = forms.optional(fields, "MediaContentType0").partition("/")[0].lower()
    return kind if kind in {"audio", "image"} else "other"
