"""What this process knows of answers that must wait, so that they hide no others and are not read again and again."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.store.ciphers import SHARDS

AFRESH = 60_000  # milliseconds after which a stream is read from its beginning all the same


@dataclass(slots=True)
class Shelf:
    """One shard: what waits, up to where its stream was read, and since when that is believed."""

    waiting: dict[bytes, tuple[int, str]] = field(default_factory=dict)  # entry id -> (until in ms, address digest)
    read_through: bytes = b""
    since: int = 0

    def look(self, ms: int) -> tuple[list[bytes], bytes, set[str]]:
        """Entries whose time has come, where to read on, and the addresses whose first answer still waits."""
        if not ms - AFRESH < self.since <= ms:
            self.waiting, self.read_through, self.since = {}, b"", ms
        held: set[str] = set()
        due = []
        for entry_id in sorted(self.waiting, key=_order):
            until, digest = self.waiting[entry_id]
            if until > ms:
                held.add(digest)
            elif digest not in held:
                due.append(entry_id)
        return due, b"(" + self.read_through if self.read_through else b"-", held

    def put(self, entry_id: bytes, until: int, digest: str) -> None:
        """It can't leave before then."""
        self.waiting[entry_id] = (until, digest)

    def drop(self, entry_ids: Iterable[bytes]) -> None:
        """They are gone, or in somebody's hands."""
        for entry_id in entry_ids:
            self.waiting.pop(entry_id, None)


class Shelves:
    """Those of a process. Who holds the lock sends: two runs at once could let an answer overtake another."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._of = [Shelf() for _ in range(SHARDS)]

    def __getitem__(self, shard: int) -> Shelf:
        return self._of[shard]


def _order(entry_id: bytes) -> tuple[int, int]:
    ms, _, number = entry_id.partition(b"-")
    return int(ms), int(number)
