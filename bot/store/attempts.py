"""Wrong tries at a case: counted on the case's own shard, released only through one script (safety 12).

A case has one counter for its own phone and one for every other, so that a stranger never locks out the
person. Numbers that name no case are counted alike. The script does the same writes whatever it decides,
so that its time tells nothing.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import redis

from bot.errors import StoreDown
from bot.store import keys
from bot.store.ciphers import Ciphers

KEPT = timedelta(hours=24)
PAUSE_AFTER, PAUSE = 3, timedelta(minutes=30)
LOCK_AFTER = 6

# ARGV: side, turn, right (1 or 0), now (ms), kept (ms), pause after, pause (ms), lock after
_SCRIPT = """
local key, side, turn, now = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[4])
local stored = redis.call('HMGET', key, side, side .. ':until', side .. ':' .. turn)
local errors, pause, again = tonumber(stored[1] or 0), tonumber(stored[2] or 0), stored[3]
local verdict
if again then
  verdict = again
elseif errors >= tonumber(ARGV[8]) then
  verdict = 'locked'
elseif pause > now then
  verdict = 'paused'
elseif ARGV[3] == '1' then
  verdict = 'free'
  errors = 0
else
  errors = errors + 1
  verdict = errors >= tonumber(ARGV[8]) and 'locks' or 'wrong'
  if errors == tonumber(ARGV[6]) then pause = now + tonumber(ARGV[7]) end
  redis.call('HSET', key, side .. ':' .. turn, verdict)
end
redis.call('HSET', key, side, errors, side .. ':until', pause, 'last', now)
redis.call('PEXPIRE', key, ARGV[5])
return verdict
"""


class Verdict(StrEnum):
    """What the counters say of one try."""

    FREE = "free"  # the secret was right and nothing stands in the way; the counter is cleared
    WRONG = "wrong"
    LOCKS = "locks"  # this very error is the sixth: the lock must be written to PostgreSQL
    PAUSED = "paused"
    LOCKED = "locked"


class Attempts:
    """The counters, in the conversation store. Safe to share between threads."""

    def __init__(self, client: redis.Redis, ciphers: Ciphers) -> None:
        self._client = client
        self._ciphers = ciphers
        self._script = client.register_script(_SCRIPT)

    def judge(self, case: str, *, own: bool, right: bool, turn: bytes, now: datetime) -> Verdict:
        """Count this try, once per turn, and say whether a right secret may open. Raises StoreDown.

        `case` is the number as it was meant, existing or not. Two tries at once are judged one after the
        other, so a hundred guesses in parallel get no more than three answers.
        """
        arguments = (
            "own" if own else "other",
            turn.hex(),
            int(right),
            int(now.timestamp() * 1000),
            int(KEPT.total_seconds() * 1000),
            PAUSE_AFTER,
            int(PAUSE.total_seconds() * 1000),
            LOCK_AFTER,
        )
        try:
            verdict = self._script(keys=[self._key(case)], args=arguments)
        except redis.RedisError as error:
            raise StoreDown(type(error).__name__) from None
        return Verdict(verdict.decode() if isinstance(verdict, bytes) else verdict)

    def clear(self, case: str) -> None:
        """Staff helped: both counters start again. Raises StoreDown."""
        try:
            self._client.delete(self._key(case))
        except redis.RedisError as error:
            raise StoreDown(type(error).__name__) from None

    def _key(self, case: str) -> str:
        place = self._ciphers.address(f"case:{case}")
        return keys.attempts(place.shard, place.digest)
