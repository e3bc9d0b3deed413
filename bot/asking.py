"""What a conversation asks of the tables: the shape of a look-up that flows/data.yaml declares."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from bot.config import Settings
from bot.engine.ports import Found
from bot.store.attempts import Attempts
from bot.store.ciphers import Ciphers


@dataclass(frozen=True, slots=True)
class Asking:
    """One question inside a turn. `values` are those that the look-up `needs`; `turn` makes a claim happen once.

    `attempts` counts wrong tries at a code.
    """

    connection: Connection
    values: Mapping[str, str]
    digest: str
    channel: str
    turn: bytes
    now: datetime
    ciphers: Ciphers
    zone: ZoneInfo
    attempts: Attempts
    settings: Settings = field(default_factory=lambda: Settings.model_validate({}))


Answers = Mapping[str, Callable[[Asking], Found]]
