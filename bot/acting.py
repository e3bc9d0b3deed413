"""What a conversation orders: the shape of an act that flows/data.yaml declares, carried out by the recorder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from bot.config import Settings
from bot.store.ciphers import Ciphers


@dataclass(frozen=True, slots=True)
class Acting:
    """One order of a turn. `turn` (hex) makes it happen once; `text` are the person's own words, where it asks for them."""

    session: Session
    values: Mapping[str, str]
    contact_id: int | None
    channel: str
    at: datetime
    turn: str
    text: str
    ciphers: Ciphers
    settings: Settings


Acts = Mapping[str, Callable[[Acting], None]]
