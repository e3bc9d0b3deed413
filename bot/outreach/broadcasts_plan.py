"""The plan of a broadcast: everybody who gets it, written down before the first message leaves.

In slices, each a transaction that notes how far it came: a worker that dies goes on there, and planning twice changes
nothing. A plan larger than what was agreed to goes back to a second person.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.outreach import broadcasts
from bot.outreach import broadcasts_audience as audience
from bot.outreach.broadcasts_audience import Person
from bot.outreach.broadcasts_group import Group
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.store.models import Audit, Broadcast, BroadcastRecipient

log = structlog.get_logger(__name__)

SLICE = 10_000  # phones that are looked at in one transaction

_ADD = text("""
INSERT INTO broadcast_recipients (broadcast_id, contact_id, case_id, language, channel)
SELECT :broadcast, v.* FROM unnest(CAST(:contacts AS bigint[]), CAST(:cases AS bigint[]), CAST(:languages AS text[]),
  CAST(:channels AS text[])) AS v ON CONFLICT DO NOTHING
""")


def plan(database: Database, broadcast_id: str, *, now: datetime, settings: Settings, ciphers: Ciphers) -> None:
    """Plan to the end; whoever else plans it at the same time takes turns with us, slice by slice."""
    while True:
        with database.transaction() as session:
            row = session.get(Broadcast, broadcast_id, with_for_update=True)
            if row is None or row.state != "running" or row.planned_at is not None:
                return
            if not _slice(session, row, now=now, settings=settings, ciphers=ciphers):
                _close(session, row, now=now, settings=settings)
                return


def _slice(session: Session, row: Broadcast, *, now: datetime, settings: Settings, ciphers: Ciphers) -> bool:
    """False once everybody was looked at."""
    people, through = audience.people(
        session, Group.of(row.wanted).condition(), broadcasts.reach(row, settings), now=now, ciphers=ciphers,
        after=row.planned_through, most=SLICE,
    )  # fmt: skip
    if not through:
        return False
    _add(session, row, people, broadcasts.texts_of(row, ciphers=ciphers))
    row.planned += len(people)
    row.planned_through = through
    return True


def _add(session: Session, row: Broadcast, people: Sequence[Person], texts: dict[str, str]) -> None:
    columns = {
        "contacts": [one.contact_id for one in people],
        "cases": [one.case_id for one in people],
        "languages": [broadcasts.text_language(row, texts, one.language) for one in people],
        "channels": [one.channel for one in people],
    }
    session.execute(_ADD, {"broadcast": row.id, **columns})


def _close(session: Session, row: Broadcast, *, now: datetime, settings: Settings) -> None:
    """The plan is whole; or, where the group grew past what was agreed to, it is dropped and asked about again."""
    if row.planned > broadcasts.allowed(row, settings):
        session.execute(delete(BroadcastRecipient).where(BroadcastRecipient.broadcast_id == row.id))
        row.state, row.counted, row.approved_by, row.approved_at = "waiting", row.planned, None, None
        row.planned, row.planned_through = 0, 0
        session.add(
            Audit(at=now, action="broadcast.grew", subject=f"broadcast:{row.id}", detail={"phones": row.counted})
        )
    else:
        row.planned_at, row.per_minute = now, broadcasts.per_minute(settings, row.share)
    log.info("broadcast_planned", broadcast=row.id, people=row.planned, state=row.state)
