"""Hooks as forms or as query strings, read strictly: what is not clean UTF-8 of a sane size reaches no conversation.

Flask's own reader replaces or escapes bad bytes and costs several times as much; hooks are read here instead.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes

from flask import Request
from werkzeug.exceptions import HTTPException

from bot.errors import BadPayload
from bot.text import phones

BODY_LIMIT = 65_536  # bytes; the longest real hook is under 4,000
FIELDS_LIMIT = 100
FIELD_LIMIT = 200  # characters of a field that is no text of a person


def utc_now() -> datetime:
    """The time of receipt, where a gateway tells none."""
    return datetime.now(UTC)


def pairs(request: Request) -> list[tuple[str, str]]:
    """Every field of a form in order, empty ones included.

    Raises BadPayload for another content type, a body over 64 KB or without a length, over 100 fields,
    bytes that are no UTF-8, and NUL (no store can hold it).
    """
    if not request.environ.get("CONTENT_TYPE", "").lower().startswith("application/x-www-form-urlencoded"):
        raise BadPayload("the body is no form")
    return _pairs(body(request))


def body(request: Request) -> bytes:
    """The body as it came; BadPayload where it is over 64 KB, does not say how long it is, or is cut short."""
    length = request.environ.get("CONTENT_LENGTH", "")
    if not (length.isascii() and length.isdigit() and len(length) < 8 and int(length) <= BODY_LIMIT):
        raise BadPayload("the body is too long, or does not say how long it is")
    try:
        return request.get_data()
    except HTTPException:  # a body cut short
        raise BadPayload("the body can't be read") from None


def query(request: Request) -> list[tuple[str, str]]:
    """Every field of the query string, read as a form is: the same limits, the same faults."""
    if len(request.query_string) > BODY_LIMIT:
        raise BadPayload("the query is too long")
    return _pairs(request.query_string)


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        parts = raw.decode().split("&")
        if len(parts) > FIELDS_LIMIT:
            raise BadPayload("too many fields")
        halves = (part.partition("=") for part in parts if part)
        fields = [(_decoded(name), _decoded(value)) for name, _, value in halves]
    except UnicodeDecodeError:
        raise BadPayload("bytes that are no UTF-8") from None
    if b"%00" in raw or b"\0" in raw:
        raise BadPayload("a NUL character")
    return fields


def _decoded(part: str) -> str:
    """Percent-decoding that refuses what is no UTF-8; `urllib`'s own replaces it, and is slower."""
    part = part.replace("+", " ")
    return unquote_to_bytes(part).decode() if "%" in part else part


def once(fields: list[tuple[str, str]], names: Iterable[str] | None = None) -> dict[str, str]:
    """Fields by name; BadPayload where one of `names` (None: any) comes twice."""
    found = dict(fields)
    if len(found) != len(fields):
        watched = [name for name, _ in fields if names is None or name in names]
        if len(watched) != len(set(watched)):
            raise BadPayload("a field is repeated")
    return found


def storable(value: str) -> str:
    """Text that came as JSON, without what no store can hold: NUL and halves of surrogate pairs."""
    return value.replace("\0", "").encode(errors="replace").decode()


def text(fields: dict[str, str], name: str, *, limit: int = FIELD_LIMIT) -> str:
    """A field that must be there and may be empty."""
    value = fields.get(name)
    if value is None:
        raise BadPayload(f"{name} is missing")
    if len(value) > limit:
        raise BadPayload(f"{name} is too long")
    return value


def optional(fields: dict[str, str], name: str, *, limit: int = FIELD_LIMIT) -> str:
    """A field that may be absent: then ""."""
    return text(fields, name, limit=limit) if name in fields else ""


def token(fields: dict[str, str], name: str) -> str:
    """An id or a status word: printable ASCII without blanks, so that ids can be joined by a line break."""
    value = text(fields, name)
    if not (value and value.isascii() and value.isprintable() and " " not in value):
        raise BadPayload(f"{name} is no id")
    return value


def address(fields: dict[str, str], name: str) -> str:
    """E.164 of a field that a gateway promises to be E.164.

    A plus that was decoded as a blank, or left out, is put back, so that a foreign number is never read as a local one.
    """
    found = phones.mobile(_with_plus(text(fields, name, limit=40)))
    if found is None:
        raise BadPayload(f"{name} is no phone number")
    return found


def caller(fields: dict[str, str], name: str) -> str:
    """E.164 of somebody who rings; "" where it is withheld, or no number that can be called back."""
    return phones.callable_back(_with_plus(optional(fields, name))) or ""


def _with_plus(value: str) -> str:
    value = value.strip()
    bare = len(value) > 8 and value.isascii() and value.isdigit() and value[0] != "0"
    return "+" + value if bare else value
