"""What the simulator remembers between web processes: encrypted, in the job store, gone after a few hours.

Keys are `sim:<name>`, or `sim:<name>:<digest>`; no number and no text is in a key name or in a plain value.
"""

import json
import time
from dataclasses import dataclass
from typing import Any, cast

import redis

from bot.store.ciphers import Ciphers, Unreadable

KEPT = 6 * 3600  # seconds
LOG = "sim:log"
LOG_LENGTH = 600


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: `kind` is `turn` (a message of a phone) or `message` (one that reached a phone)."""

    id: str  # of the stream entry; later events sort after
    what: dict[str, Any]

    def told(self) -> dict[str, Any]:
        """As the browser gets it."""
        return {"id": self.id, **self.what}


class Shelf:
    """Safe to share between threads and processes."""

    def __init__(self, client: "redis.Redis", ciphers: Ciphers) -> None:
        self._client = client
        self._ciphers = ciphers

    def add(self, kind: str, **what: Any) -> Event:
        """Note what happened, now; returns it with its id."""
        body = {"kind": kind, "at": int(time.time() * 1000), **what}
        field = self._close(body, LOG)
        entry = cast(bytes, self._client.xadd(LOG, {"e": field}, maxlen=LOG_LENGTH, approximate=True))
        self._client.expire(LOG, KEPT)
        return Event(entry.decode(), body)

    def since(self, after: str = "", *, most: int = 200) -> list[Event]:
        """Events later than the one with the id `after`, oldest first; "" for the latest `most`."""
        if after:
            rows = self._client.xrange(LOG, min=f"({after}", count=most)
        else:
            rows = list(reversed(cast(list[Any], self._client.xrevrange(LOG, count=most))))
        found = []
        for entry, fields in cast(list[Any], rows):
            what = self._open(fields[b"e"], LOG)
            if what is not None:
                found.append(Event(entry.decode(), what))
        return found

    def find(self, event: str) -> Event | None:
        """The event with this id; None for one that is forgotten or never was."""
        try:
            rows = cast(list[Any], self._client.xrange(LOG, min=event, max=event))
        except redis.ResponseError:  # not the form of an id
            return None
        what = self._open(rows[0][1][b"e"], LOG) if rows else None
        return Event(event, what) if what is not None else None

    def put(self, name: str, value: dict[str, Any], phone: str = "") -> None:
        """Keep a small thing, of one phone where `phone` is given."""
        key = self._key(name, phone)
        self._client.set(key, self._close(value, key), ex=KEPT)

    def get(self, name: str, phone: str = "") -> dict[str, Any]:
        """What was put; {} for nothing."""
        key = self._key(name, phone)
        raw = cast(bytes | None, self._client.get(key))
        return (self._open(raw, key) or {}) if raw else {}

    def first(self, name: str, seconds: float) -> bool:
        """True for the first caller within `seconds`, in whatever process."""
        return bool(self._client.set(f"sim:{name}", b"1", nx=True, px=int(seconds * 1000)))

    def _key(self, name: str, phone: str) -> str:
        return f"sim:{name}:{self._ciphers.address(phone).digest}" if phone else f"sim:{name}"

    def _close(self, value: dict[str, Any], place: str) -> bytes:
        return self._ciphers.encrypt(json.dumps(value, separators=(",", ":")).encode(), place.encode())

    def _open(self, raw: bytes, place: str) -> dict[str, Any] | None:
        try:
            return cast(dict[str, Any], json.loads(self._ciphers.decrypt(raw, place.encode())))
        except Unreadable:  # left by a start with other keys
            return None
