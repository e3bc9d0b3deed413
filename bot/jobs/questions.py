"""Messages that ask something: their question stands in the conversation before they leave (bot/engine/asking.py)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.engine.asking import PATIENCE
from bot.engine.session import Contact
from bot.errors import StoreDown
from bot.jobs.addressing import Row
from bot.messages import Outbound
from bot.staff_turns import StaffTurns

BUSY = timedelta(seconds=30)  # after which a conversation that was under way is looked at again
AWAY = timedelta(minutes=1)  # after which a conversation store that did not answer is asked again

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asks:
    """What a claimed row asks, and of whom."""

    digest: str
    entry: str
    values: Mapping[str, str]
    known: Contact
    patience: timedelta


def asks_of(row: Row, at: datetime) -> Asks | None:
    """None where the message asks nothing. One that soon grows old waits no longer for another answer than half of that."""
    if row["question"] is None or row["digest"] is None:
        return None
    left = row["expires_at"] - at if row["expires_at"] is not None else 2 * PATIENCE
    known = Contact(
        language=row["language"] or "",
        consent=row["consent"] or "",
        stopped=tuple(row["stopped"]),
        texts=row["texts"] or "",
        known=True,
    )
    question = row["question"]
    return Asks(row["digest"], question["entry"], question["values"], known, min(PATIENCE, left / 2))


def stand(turns: StaffTurns, asks: Asks, message: Outbound, at: datetime) -> tuple[str, datetime] | None:
    """Make the question stand; None: it does, the message may leave. Else why it waits, and until when."""
    try:
        standing = turns.ask(
            asks.digest,
            message.channel,
            asks.entry,
            asks.values,
            known=asks.known,
            once=message.id,
            now=at,
            patience=asks.patience,
        )
    except StoreDown as error:
        log.warning("conversations_away", message=message.id, error=type(error).__name__)
        return "stop_unknown", at + AWAY
    return None if standing else ("busy", at + BUSY)
