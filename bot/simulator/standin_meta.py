"""The other side of Meta: takes WhatsApp messages as its Cloud API does; they land on the simulator's phones."""

import hmac
import secrets
from typing import Any

from flask import Response, jsonify, make_response, request

from bot.config import Settings
from bot.simulator.shelf import Shelf


class Meta:
    """The messages endpoint. A voice note has no sound here: nobody speaks into this phone."""

    def __init__(self, settings: Settings, shelf: Shelf) -> None:
        self._token = settings.meta_access_token.get_secret_value()
        self._number = settings.meta_phone_number_id
        self._shelf = shelf

    def send(self, version: str, number: str) -> Response:
        """Take one message."""
        if self._shelf.get("switches").get("down"):
            return _error(503, 2, "Service temporarily unavailable")
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return _error(401, 190, "Invalid OAuth access token")
        body = request.get_json(silent=True)
        if number != self._number or not isinstance(body, dict) or not body.get("type"):
            return _error(400, 100, "Invalid parameter")
        to = str(body.get("to") or body.get("recipient") or "")
        if not to:
            return _error(400, 131009, "Parameter value is not valid")
        identity = "wamid." + secrets.token_hex(16)
        self._shelf.add(
            "message",
            gateway="meta",
            channel="whatsapp",
            phone=f"+{to}" if to.isdigit() else to,
            text=_shown(body),
            external_id=identity,
            ours=str(body.get("biz_opaque_callback_data", "")),
        )
        contact = {"input": to, "wa_id": to} if to.isdigit() else {"input": to, "user_id": to}
        taken = {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": identity}]}
        return make_response(jsonify(taken), 200)


def _shown(body: dict[str, Any]) -> str:
    """What the phone shows of a text, of buttons, a list or a template."""
    content = body.get(body["type"])
    if not isinstance(content, dict):
        return ""
    words = content.get("body", content.get("name", ""))
    return str(words.get("text", "") if isinstance(words, dict) else words)


def _error(status: int, code: int, message: str) -> Response:
    error = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, "fbtrace_id": "simulator"}
    return make_response(jsonify({"error": error}), status)
