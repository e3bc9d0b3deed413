"""Clock × 60: what is due moves closer, because the service's own clock cannot be turned.

While it runs, each second of a watching page brings the ladder, the answers awaited and the messages
that wait one minute nearer. Only ever registered in development.
"""

import time
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from bot.simulator.shelf import Shelf
from bot.store.database import Database
from bot.store.models import Alert, Ladder, Message, Referral

FACTOR = 60
LONGEST_STEP = 5.0  # real seconds: a page that slept does not make hours pass at once


def switch(shelf: Shelf, *, on: bool) -> None:
    """Start or stop; the offset that was reached stays."""
    shelf.put("clock", {**shelf.get("clock"), "fast": on, "last": time.time()})


def tick(shelf: Shelf, database: Database) -> dict[str, Any]:
    """Move on by the real time since the last call, times 60; one process at a time.

    Returns `fast` and `offset`, the seconds by which simulated time is ahead.
    """
    clock = shelf.get("clock")
    if clock.get("fast") and shelf.first("clock-turn", 0.4):
        clock = shelf.get("clock")
        now = time.time()
        elapsed = min(now - clock.get("last", now), LONGEST_STEP)
        seconds = elapsed * (FACTOR - 1)
        advance(database, seconds)
        clock = {"fast": True, "offset": clock.get("offset", 0.0) + seconds, "last": now}
        shelf.put("clock", clock)
    return {"fast": bool(clock.get("fast")), "offset": round(clock.get("offset", 0.0), 1)}


def advance(database: Database, seconds: float) -> None:
    """Bring every due time of PostgreSQL nearer by so many seconds, and what is open further into the past.

    So an alert says "no answer for 15 min" after fifteen simulated minutes.
    """
    nearer = timedelta(seconds=seconds)
    with database.transaction() as session:
        session.execute(update(Ladder).where(Ladder.due_at.is_not(None)).values(due_at=Ladder.due_at - nearer))
        session.execute(
            update(Alert)
            .where(Alert.open.is_(True))
            .values(answer_by=Alert.answer_by - nearer, told_at=Alert.told_at - nearer)
        )
        session.execute(
            update(Referral)
            .where(Referral.state.not_in(("closed", "attached")))
            .values(opened_at=Referral.opened_at - nearer, accepted_at=Referral.accepted_at - nearer)
        )
        session.execute(update(Message).where(Message.state == "queued").values(due_at=Message.due_at - nearer))
