"""Meta's side: the messages endpoint, and the two steps to a sound."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from tests.standin.received import Received

STATUS = {0: 401, 190: 401, 368: 403, 131031: 403, 130429: 429, 131048: 429, 131056: 429, 131000: 500, 2: 503}
VERSION = "/v26.0/"


def is_send(path: str) -> bool:
    return path.startswith(VERSION) and path.endswith("/messages")


def take(body: dict[str, Any], refusal: int, headers: Mapping[str, str]) -> tuple[int, Any, list[Received]]:
    """What `POST /{version}/{phone_number_id}/messages` answers."""
    if not knows_us(headers):
        return 401, error(190), []
    if refusal:
        return STATUS.get(refusal, 400), error(refusal), []
    external_id = "wamid." + uuid.uuid4().hex
    to = body.get("to", "") or body.get("recipient", "")
    contact = {"input": to, **({"wa_id": to} if "to" in body else {"user_id": to})}
    answer = {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": external_id}]}
    return 200, answer, [Received("meta", to, _text(body), time.time(), "", external_id, body=body)]


def knows_us(headers: Mapping[str, str]) -> bool:
    return (headers.get("Authorization") or "").startswith("Bearer ")


def error(code: int) -> dict[str, Any]:
    return {"error": {"message": f"(#{code}) refused", "type": "OAuthException", "code": code, "fbtrace_id": "AAAA"}}


def _text(body: dict[str, Any]) -> str:
    kind = body["type"]
    return {
        "text": lambda: body["text"]["body"],
        "interactive": lambda: body["interactive"]["body"]["text"],
        "template": lambda: body["template"]["name"],
    }[kind]()
