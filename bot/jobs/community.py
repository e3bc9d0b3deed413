"""What is pushed of communities without anybody's step: who moved up to a free place is told."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.community.activities import tell_moved_up
from bot.community.telling import Teller
from bot.content.screens import content_of
from bot.jobs.services import Services


def tell_places(services: Services, *, now: datetime | None = None) -> int:
    """How many were told; marked in the same transaction as the message, so that a worker that dies tells nobody twice."""
    teller = Teller(content_of(services.settings).sentence, services.settings, services.ciphers)
    with services.database.transaction() as session:
        return tell_moved_up(session, teller, now or datetime.now(UTC))
