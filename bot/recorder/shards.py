"""Which shards this recorder holds: PostgreSQL advisory locks, on the very connection that writes."""

import secrets

from sqlalchemy import Connection, text

from bot.store.ciphers import SHARDS

MEMBERS = 0x4D41  # lock class of recorders that are alive, one number each
HELD = 0x4D42  # lock class of shards being recorded

_ALL_LOCKS = text(
    "select classid::int, objid::int, pid = pg_backend_pid() from pg_locks "
    "where locktype = 'advisory' and granted and objsubid = 2 and classid::int in (:members, :held) "
    "and database = (select oid from pg_database where datname = current_database())"
)


class Shares:
    """One recorder's part of the shards. A connection that dies gives everything back by itself."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._member: int | None = None
        self.held: set[int] = set()
        self.refused: set[int] = set()  # a newer release wrote there: not ours to record

    def balance(self) -> None:
        """Take up to an even share, give back what is above it. Call about once a second."""
        with self._connection.begin():
            if self._member is None:
                self._member = next((n for n in range(SHARDS) if self._lock(MEMBERS, n)), None)
            locks = [tuple(row) for row in self._connection.execute(_ALL_LOCKS, {"members": MEMBERS, "held": HELD})]
            members = max(1, sum(kind == MEMBERS for kind, _, _ in locks))
            share = -(-SHARDS // members)
            for shard in sorted(self.held)[share:]:
                self._release(shard)
            free = set(range(SHARDS)) - {number for kind, number, _ in locks if kind == HELD} - self.refused
            for shard in _shuffled(free)[: share - len(self.held)]:
                if self._lock(HELD, shard):
                    self.held.add(shard)

    def refuse(self, shard: int) -> None:
        """Leave a shard to a newer recorder."""
        self.refused.add(shard)
        with self._connection.begin():
            self._release(shard)

    def _lock(self, kind: int, number: int) -> bool:
        return bool(
            self._connection.execute(text("select pg_try_advisory_lock(:k, :n)"), {"k": kind, "n": number}).scalar()
        )

    def _release(self, shard: int) -> None:
        self.held.discard(shard)
        self._connection.execute(text("select pg_advisory_unlock(:k, :n)"), {"k": HELD, "n": shard})


def _shuffled(shards: set[int]) -> list[int]:
    # Two recorders that start together should not run for the same shards in the same order.
    return sorted(shards, key=lambda _: secrets.randbits(32))
