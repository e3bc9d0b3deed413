"""WhatsApp at Meta itself, the Cloud API: in, out, and the sound of voice notes. See also tests/payloads/meta.

One hook carries everything, many messages and reports at once. What is signed by Meta and yet can't be read is left
out, alone: refusing the whole would make Meta repeat it for days, and lose what came with it.

**People without a number.** Whoever hides it behind a username has an id that only we see (`NE.…`): the address is
`whatsapp:<that id>`, and a message to it names the `recipient` instead of `to`.

**Our own id** travels as `biz_opaque_callback_data` and comes back in every report: a send whose reply was lost is
settled by it.
"""

import hashlib
import hmac
import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import requests
import structlog
from flask import Request, Response

from bot.config import Settings
from bot.errors import Answered, BadPayload, BadSignature, Ignored, SendError
from bot.gateway import Event, Gateway
from bot.messages import Channel, Delivery, Inbound, OptOut, Outbound, Sent, StatusReport, Template, has_phone
from bot.text import phones
from handlers import choices, forms, outgoing
from handlers.meta_codes import OPTED_OUT, REASONS, refusal

log = structlog.get_logger(__name__)

HOST = "https://graph.facebook.com"
SOUND_HOSTS = ("fbsbx.com", "facebook.com", "whatsapp.net")  # where the address of a sound may lead
BODY_LIMIT = 3 * 1024 * 1024  # bytes: Meta's own limit of a hook
TEXT_LIMIT = 4096  # characters of a text, either way
BODY_OF_CHOICES = 1024  # characters of the text above buttons or a list
TITLES = 3, 10  # buttons below a message, rows of a list
BUTTON, ROW, ROW_BELOW = 20, 24, 72  # characters of a button, of a row, of the line below it
TIMEOUT = 4.0, 8.0  # seconds to connect, to read
RESENDS_FOR = 7 * 86_400.0

_ID = re.compile(r"[!-~]{1,200}")
_WORD = re.compile(r"[a-z_]{1,50}")
_SOUND = re.compile(r"[0-9]{1,40}")
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,149}")
_DIGITS = re.compile(r"[1-9][0-9]{6,14}")
_OURS = re.compile(r"[0-9a-f]{32}")

STATES = {
    "sent": Delivery.SENT,
    "delivered": Delivery.DELIVERED,
    "read": Delivery.READ,
    "played": Delivery.READ,
    "failed": Delivery.FAILED,
}
NO_MESSAGE = frozenset({"system", "request_welcome"})  # about a person, and not said by one
MEDIA = {"audio": "audio", "voice": "audio", "image": "image", "sticker": "image", "location": "location"}
SPOKEN = frozenset({"text", "interactive", "button", "reaction"})
THUMBS = ("👍", "👎")


class Meta(Gateway):
    """The gateway. `clock` gives the time of receipt, UTC."""

    name = "meta"
    channels = frozenset({Channel.WHATSAPP})
    resends_for: float = RESENDS_FOR
    methods = frozenset({"GET", "POST"})
    reasons = REASONS

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] = forms.utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self._secret = settings.meta_app_secret.get_secret_value().encode()
        self._token = settings.meta_verify_token.get_secret_value().encode()
        self._own = threading.local()

    def verify(self, request: Request, secret: str | None) -> None:
        """GET: the word we agreed on. POST: the signature over the very bytes of the body, up to 3 MB."""
        if secret is not None:
            raise BadSignature("no secret belongs in this path")
        if request.method == "GET":
            given = request.args.get("hub.verify_token", "").encode(errors="replace")
            if not self._token or not hmac.compare_digest(given, self._token):
                raise BadSignature("the word does not fit")
            return
        length = request.environ.get("CONTENT_LENGTH", "")
        if not (length.isascii() and length.isdigit() and len(length) < 9 and int(length) <= BODY_LIMIT):
            raise BadPayload("the body is too long, or does not say how long it is")
        wanted = "sha256=" + hmac.new(self._secret, request.get_data(), hashlib.sha256).hexdigest()
        given = request.headers.get("X-Hub-Signature-256", "").encode(errors="replace")
        if not self._secret or not hmac.compare_digest(given, wanted.encode()):
            raise BadSignature("the signature does not fit")

    def parse(self, request: Request, kind: str) -> list[Event]:
        """Every message and report of the body that is about our number, in its order."""
        if kind:
            raise BadPayload("no such hook")
        if request.method == "GET":
            raise Answered(_challenge(request))
        try:
            body = json.loads(request.get_data())
        except (ValueError, RecursionError):
            raise BadPayload("the body can't be read") from None
        if _map(body).get("object") != "whatsapp_business_account":
            raise Ignored("not about WhatsApp")
        found: list[Event] = []
        unread = 0
        for value in _values(body, self._settings.meta_phone_number_id):
            for read, part in self._parts(value):
                try:
                    found += read(part)
                except BadPayload:
                    unread += 1
        if unread:
            log.warning("hook_parts_unreadable", gateway=self.name, parts=unread)
        if not found:
            raise Ignored("nothing for us")
        return found

    def render(self, kind: str, text: str | None, *, final: bool) -> Response:
        """An empty 200: answers leave by the API, from the answers stream."""
        return Response(b"", content_type="text/plain; charset=utf-8")

    def render_down(self, kind: str, text: str) -> Response:
        """503: Meta tells it again, with growing pauses, for days."""
        return Response(b"", status=503, content_type="text/plain; charset=utf-8", headers={"Retry-After": "30"})

    def send(self, message: Outbound) -> Sent:
        """One message. A read time-out is `unknown`; the report, which carries our id, settles it."""
        if message.channel not in self.channels:
            raise SendError("channel_not_carried")
        if not outgoing.is_allowed(self._settings, self.name):
            raise SendError("not_in_development")
        url = f"{self._base()}/{self._settings.meta_phone_number_id}/messages"
        try:
            reply = self._session().post(url, json=body_of(message), timeout=TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            raise outgoing.transport_error(error) from None
        answer = _map(_json(reply))
        if reply.status_code != 200:
            raise refusal(answer.get("error"), reply)
        sent = _map(next(iter(_list(answer.get("messages"))), None)).get("id")
        if not isinstance(sent, str) or not _ID.fullmatch(sent):
            raise SendError("unreadable_reply", unknown=True)
        return Sent(sent, 1)

    def fetch(self, media_id: str) -> tuple[bytes, str]:
        """Two steps: an address that lives five minutes, then the sound. Our token goes to Meta's hosts alone."""
        if not outgoing.is_allowed(self._settings, self.name):
            raise SendError("not_in_development")
        if not _SOUND.fullmatch(media_id):
            raise SendError("bad_reference")
        try:
            told = self._session().get(f"{self._base()}/{media_id}", timeout=TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            raise outgoing.fetch_error(error) from None
        answer = _map(_json(told))
        if told.status_code != 200:
            raise refusal(answer.get("error"), told)
        url = str(answer.get("url") or "")
        if not outgoing.leads_to(url, SOUND_HOSTS, base=outgoing.api_base(self._settings, self.name)):
            raise SendError("wrong_host")
        return outgoing.sound(self._session(), url)

    def _base(self) -> str:
        return f"{outgoing.api_base(self._settings, self.name) or HOST}/{self._settings.meta_api_version}"

    def _session(self) -> requests.Session:
        """The kept connection of this thread."""
        own: requests.Session | None = getattr(self._own, "session", None)
        if own is None:
            own = self._own.session = requests.Session()
            own.headers["Authorization"] = f"Bearer {self._settings.meta_access_token.get_secret_value()}"
            own.trust_env = not outgoing.is_loopback(outgoing.api_base(self._settings, self.name))
        return own

    def _parts(self, value: dict[str, Any]) -> Iterator[tuple[Callable[[dict[str, Any]], list[Event]], dict[str, Any]]]:
        for part in _list(value.get("messages")):
            yield partial(self._message, value), _map(part)
        for part in _list(value.get("statuses")):
            yield self._status, _map(part)
        for part in _list(value.get("user_preferences")):
            yield self._preference, _map(part)

    def _message(self, value: dict[str, Any], part: dict[str, Any]) -> list[Event]:
        kind = _word(part, "type")
        said = _said(kind, part)
        if said is None:
            return []
        text, choice = said
        media = "" if kind in SPOKEN and (text or choice) else MEDIA.get(kind, "other")
        content = _map(part.get(kind))
        now = self._clock()
        event = Inbound(
            self.name,
            _id(part.get("id")),
            Channel.WHATSAPP,
            _sender(value, part),
            forms.storable(text)[:TEXT_LIMIT],
            min(_moment(part.get("timestamp"), now), now),
            choice=forms.storable(choice)[:256],
            media=media,
            to=_short(_map(value.get("metadata")).get("display_phone_number")),
            media_id=_short(content.get("id")) if media == "audio" else "",
        )
        return [event]

    def _status(self, part: dict[str, Any]) -> list[Event]:
        """A word that we don't know is kept as the code of a message that was sent: reports only move forward."""
        external_id, word = _id(part.get("id")), _word(part, "status")
        error = _map(next(iter(_list(part.get("errors"))), None)).get("code")
        code = str(error) if isinstance(error, int) else ""
        state = STATES.get(word)
        ours = part.get("biz_opaque_callback_data")
        found: list[Event] = [
            StatusReport(
                self.name,
                external_id,
                state or Delivery.SENT,
                code if state is not None else code or word[:50],
                ours if isinstance(ours, str) and _OURS.fullmatch(ours) else "",
            )
        ]
        if error == OPTED_OUT:
            address = _address(part.get("recipient_id"), part.get("recipient_user_id"))
            found.append(OptOut(self.name, address, Channel.WHATSAPP, f"{external_id}\n{code}"))
        return found

    def _preference(self, part: dict[str, Any]) -> list[Event]:
        """The person ended our offers in WhatsApp's own settings."""
        if part.get("value") != "stop":
            return []
        address = _address(part.get("wa_id"), part.get("user_id"))
        stamp = _short(str(part.get("timestamp") or ""))
        return [OptOut(self.name, address, Channel.WHATSAPP, f"preference\n{address}\n{stamp}")]


def body_of(message: Outbound) -> dict[str, Any]:
    """The JSON of a send: a template, up to 3 buttons, a list of up to 10, or a text with its choices numbered."""
    body: dict[str, Any] = {"messaging_product": "whatsapp", "recipient_type": "individual", **_recipient(message.to)}
    body["biz_opaque_callback_data"] = message.id
    titles = _titles(message)
    tappable = all(titles) and len(set(titles)) == len(titles) and len(message.text) <= BODY_OF_CHOICES
    if message.template is not None:
        body |= {"type": "template", "template": _template(message.template)}
    elif titles and tappable and len(titles) <= TITLES[1]:
        body |= {"type": "interactive", "interactive": _interactive(message)}
    else:
        text = choices.with_choices(message.text, message.buttons)
        body |= {"type": "text", "text": {"preview_url": False, "body": text[:TEXT_LIMIT]}}
    return body


def _recipient(address: str) -> dict[str, str]:
    if has_phone(address):
        return {"to": address.removeprefix("+")}
    user = address.partition(":")[2]
    return {"to" if user.isdigit() else "recipient": user}


def _titles(message: Outbound) -> list[str]:
    """What the taps show: the text above a button says it whole, a row says it whole below."""
    most = BUTTON if len(message.buttons) <= TITLES[0] else ROW
    return [choices.cut_at_word(button.title, most) for button in message.buttons]


def _interactive(message: Outbound) -> dict[str, Any]:
    body = {"text": message.text}
    shown = list(zip(message.buttons, _titles(message), strict=True))
    if len(message.buttons) <= TITLES[0]:
        taps = [{"type": "reply", "reply": {"id": one.payload, "title": title}} for one, title in shown]
        return {"type": "button", "body": body, "action": {"buttons": taps}}
    rows = []
    for one, title in shown:
        below = {} if title == one.title else {"description": choices.cut_at_word(one.title, ROW_BELOW)}
        rows.append({"id": one.payload, "title": title, **below})
    return {"type": "list", "body": body, "action": {"button": message.pick or "Menu", "sections": [{"rows": rows}]}}


def _template(template: Template) -> dict[str, Any]:
    found: dict[str, Any] = {"name": template.name, "language": {"code": template.language}}
    if template.parameters:
        words = [{"type": "text", "text": one} for one in template.parameters]
        found["components"] = [{"type": "body", "parameters": words}]
    return found


def _challenge(request: Request) -> str:
    found = request.args.get("hub.challenge", "")
    if request.args.get("hub.mode") != "subscribe" or not _ID.fullmatch(found):
        raise BadPayload("no question of Meta's")
    return found


def _values(body: object, phone_number_id: str) -> Iterator[dict[str, Any]]:
    """The parts of a hook that are about our number; all others are somebody else's."""
    for entry in _list(_map(body).get("entry")):
        for change in _list(_map(entry).get("changes")):
            value = _map(_map(change).get("value"))
            if _map(value.get("metadata")).get("phone_number_id") == phone_number_id:
                yield value


def _said(kind: str, part: dict[str, Any]) -> tuple[str, str] | None:
    """Text and choice of a message; None for what nobody said to us."""
    content = _map(part.get(kind))
    if kind in NO_MESSAGE:
        return None
    if kind == "text":
        return _text(content, "body"), ""
    if kind == "button":
        return _text(content, "text"), _text(content, "payload")
    if kind == "interactive":
        tapped = _map(content.get("button_reply")) or _map(content.get("list_reply"))
        return _text(tapped, "title"), _text(tapped, "id")
    if kind == "reaction":
        # a thumb answers a question of yes or no; a heart under a text asks for nothing back
        emoji = _text(content, "emoji")
        return (emoji[0], "") if emoji.startswith(THUMBS) else None
    return _text(content, "caption"), ""


def _sender(value: dict[str, Any], part: dict[str, Any]) -> str:
    contacts = [_map(one) for one in _list(value.get("contacts"))]
    only = contacts[0] if len(contacts) == 1 else {}
    return _address(part.get("from") or only.get("wa_id"), part.get("from_user_id") or only.get("user_id"))


def _address(digits: object, user: object) -> str:
    """E.164; the digits as an opaque id where they are no mobile number (WhatsApp runs on land lines too); else the id."""
    if isinstance(digits, str) and _DIGITS.fullmatch(digits):
        return phones.mobile("+" + digits) or f"whatsapp:{digits}"
    if isinstance(user, str) and _USER.fullmatch(user):
        return f"whatsapp:{user}"
    raise BadPayload("nobody is named")


def _moment(value: object, otherwise: datetime) -> datetime:
    try:
        return datetime.fromtimestamp(int(str(value)[:12]), UTC)
    except (ValueError, OverflowError, OSError):
        return otherwise


def _id(value: object) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise BadPayload("the id is none")
    return value


def _word(part: dict[str, Any], name: str) -> str:
    value = part.get(name)
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise BadPayload(f"{name} is no word")
    return value


def _text(content: dict[str, Any], name: str) -> str:
    value = content.get(name)
    return value if isinstance(value, str) else ""


def _short(value: object) -> str:
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _json(reply: requests.Response) -> object:
    try:
        return reply.json()
    except (ValueError, RecursionError):
        return None
