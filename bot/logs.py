"""Logging: JSON lines in production, readable ones in development, and a net under the rule that no number, text or
code is ever logged. The net is the last thing before a line is written; what it catches is a fault of the caller.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bot.config import Settings

DROPPED = "[dropped]"
_PERSONAL = frozenset({"text", "number", "address", "code", "transcript", "phone", "body", "msisdn", "pin"})
_PERSONAL_ENDS = ("_text", "_number", "_address", "_transcript", "_phone", "_msisdn", "_pin")
# 8 to 15 digits, blanks and signs between them: phone and case numbers. Letters around them make it an id.
_NUMBER = re.compile(r"(?<![0-9A-Za-z])\+?\d(?:[ .()/-]{0,2}\d){7,14}(?![0-9A-Za-z])")
# A person whom a channel knows by an id alone (`Inbound.address`).
_OPAQUE = re.compile(r"\b(?:whatsapp|sms|ussd|voice):[^\s\"',;)\]}]+")
# Days, and the entry ids of a stream (milliseconds, counter), are no one's number.
_HARMLESS = re.compile(r"(?:19|20)\d\d-[01]\d-[0-3]\d(?: [0-2]\d)?|1\d{12}-\d{1,4}")
_OURS = frozenset({"timestamp", "level", "logger"})


def configure(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Set up structlog and the standard library's logging alike; call once a process, before anything logs."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    out = stream or sys.stderr
    last: Processor = (
        structlog.dev.ConsoleRenderer(colors=out.isatty())
        if settings.development
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, drop_personal, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for chatty in ("urllib3", "twilio", "africastalking", "alembic", "rq", "granian.access"):
        # They log addresses of requests, whose paths and fields are a person's.
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Twilio's client logs whole requests, numbers and text included, at INFO and DEBUG.
    logging.getLogger("twilio.http_client").disabled = True


def drop_personal(logger: WrappedLogger | None, method: str, event: EventDict) -> EventDict:
    """Replace what looks like a number, and the value of every key that is named like something personal."""
    return {key: value if key in _OURS else _clean(key, value) for key, value in event.items()}


def _clean(key: str, value: Any) -> Any:
    name = key.lower()
    if name in _PERSONAL or name.endswith(_PERSONAL_ENDS):
        return DROPPED
    if isinstance(value, str):
        return _masked(value)
    if isinstance(value, bool | float | None):
        return value
    if isinstance(value, int):
        return DROPPED if len(str(abs(value))) in range(8, 16) else value
    if isinstance(value, bytes | bytearray):
        return f"[{len(value)} bytes]"
    if isinstance(value, Mapping):
        return {_masked(str(inner)): _clean(str(inner), held) for inner, held in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", held) for held in value]
    return _masked(str(value))


def _masked(value: str) -> str:
    return _NUMBER.sub(_mask, _OPAQUE.sub(DROPPED, value))


def _mask(match: re.Match[str]) -> str:
    return match[0] if _HARMLESS.fullmatch(match[0]) else DROPPED
