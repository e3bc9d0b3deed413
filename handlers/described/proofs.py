"""Does a request come from the gateway? Everything that its file names must fit; all comparisons take constant time."""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping

from flask import Request

from bot.errors import BadSignature, WebhookError
from handlers import forms
from handlers.described.spec import Authentication, Signature

Proof = Callable[[Request], bool]


def proofs(spec: Authentication, values: Mapping[str, str], base_url: str) -> tuple[Proof, ...]:
    """The checks of a request, but for the secret in its path and for a field, which needs the fields."""
    found: list[Proof] = []
    if spec.header:
        name, wanted = spec.header.name, values[spec.header.equals]
        found.append(lambda request: same(request.headers.get(name, ""), wanted))
    if spec.basic:
        credentials = f"{values[spec.basic.user]}:{values[spec.basic.password]}"
        found.append(lambda request: _credentials(request, credentials))
    if spec.signature:
        found.append(_signature(spec.signature, values[spec.signature.key], base_url))
    return tuple(found)


def same(given: str, wanted: str) -> bool:
    """Equal, and not both empty."""
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode()) and bool(wanted)


def _credentials(request: Request, wanted: str) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    try:
        decoded = base64.b64decode(given, validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    return scheme.lower() == "basic" and same(decoded, wanted)


def _signature(spec: Signature, key: str, base_url: str) -> Proof:
    variable = "HTTP_" + spec.header.upper().replace("-", "_")  # Flask's headers cost several times as much

    def fits(request: Request) -> bool:
        signed = b""
        if spec.over == "url_and_body":
            query = request.query_string.decode("latin-1")
            signed = (base_url + request.path + ("?" + query if query else "")).encode()
        try:
            signed += forms.body(request) if request.method == "POST" else b""
        except WebhookError:
            raise BadSignature("the body can't be read") from None
        digest = hmac.digest(key.encode(), signed, spec.algorithm)
        made = digest.hex() if spec.encoding == "hex" else base64.b64encode(digest).decode()
        given = request.environ.get(variable, "")
        if not given.startswith(spec.prefix):
            return False
        given = given[len(spec.prefix) :]
        return same(given.lower() if spec.encoding == "hex" else given, made)

    return fits
