"""The payload tables and requests made of them."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Request
from twilio.request_validator import RequestValidator
from werkzeug.test import EnvironBuilder

from bot.config import Settings

FOLDER = Path(__file__).resolve().parent.parent / "payloads"
FORM = "application/x-www-form-urlencoded"


def payloads(name: str) -> dict[str, Any]:
    """One file of tests/payloads, `africastalking/sms`."""
    data: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return data


def hook(
    path: str, form: object = (), *, body: bytes | None = None, content_type: str = FORM, **headers: str
) -> Request:
    """A POST as a gateway makes it; `form` is a dict or a list of pairs."""
    data = urlencode(form).encode() if body is None else body
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    where, _, query = path.partition("?")
    return Request(
        EnvironBuilder(
            path=where, query_string=query, method="POST", data=data, content_type=content_type, headers=names
        ).get_environ()
    )


def signed(settings: Settings, path: str, form: object, **more: Any) -> Request:
    """The same, signed by Twilio's own algorithm over our public address."""
    pairs = dict(form)
    validator = RequestValidator(settings.twilio_auth_token.get_secret_value())
    signature = validator.compute_signature(settings.base_url + path, pairs)
    return hook(path, form, X_Twilio_Signature=signature, **more)
