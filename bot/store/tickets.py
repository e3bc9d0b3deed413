"""Ticket numbers in use: PostgreSQL knows what each names, the conversation store only which are taken.

After a loss of the conversation store its bitmaps are empty; until they are filled again a number might be given
twice. The clock fills them from PostgreSQL, again and again: setting a bit that is set changes nothing.
"""

import redis
from sqlalchemy import select

from bot.store import keys
from bot.store.ciphers import SHARDS
from bot.store.database import Database
from bot.store.models import Ticket

AT_ONCE = 5_000
MARKED = "tickets:marked"  # stands while the bitmaps are whole: a store that lost them lost this key too


def mark_taken(database: Database, client: redis.Redis) -> int:
    """Set the bit of every number that PostgreSQL knows; returns how many were missing."""
    with database.transaction() as session:
        numbers = session.scalars(select(Ticket.number)).all()
    missing = 0
    for start in range(0, len(numbers), AT_ONCE):
        pipeline = client.pipeline(transaction=False)
        for number in numbers[start : start + AT_ONCE]:
            slot, shard = divmod(int(number[:6]), SHARDS)
            pipeline.setbit(keys.tickets(shard), slot, 1)
        missing += pipeline.execute().count(0)
    client.set(MARKED, 1)
    return missing
