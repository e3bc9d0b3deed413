"""How fast each gateway is given messages, and which one is paused: one truth for all workers, in the conversation store.

A gateway has one hash: a bucket of segments that fills with time, and a breaker. The breaker pauses a gateway that
keeps failing, then lets one message try it; the pauses grow until one is taken. Alerts may try it in between.
"""

from dataclasses import dataclass
from typing import cast

from redis import Redis

NAMES = "pace"  # the gateways that were ever paced
KEPT = 86_400  # seconds; a bucket that nobody asked for a day is full
FAILURES = 5  # in a row, over all workers
FIRST_PAUSE, LONGEST_PAUSE = 5_000, 300_000  # milliseconds
PROBE_TAKES = 15_000  # milliseconds after which whoever tried a paused gateway is taken for dead
ALERT_TRIES = 20_000  # milliseconds between two alerts that try a paused gateway

# grants some of the segments wanted, at least one message's; else says how long to wait, and why
TAKE = """
local h = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'paused', 'probe')
local now, rate, burst, reserve = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local wanted, least = tonumber(ARGV[5]), tonumber(ARGV[6])
local paused, probe = tonumber(h[3] or '0'), tonumber(h[4] or '0')
if paused > 0 then
  local open = paused
  if probe >= paused then open = probe + tonumber(ARGV[8]) end
  if ARGV[7] == '1' then open = math.min(open, probe + tonumber(ARGV[9])) end
  if now < open then return {0, open - now, 'paused'} end
  redis.call('HSET', KEYS[1], 'probe', ARGV[1])
  return {least, 0, 'probe'}
end
if rate == 0 then return {wanted, 0, ''} end
local at = tonumber(h[2] or ARGV[1])
local tokens = math.min(burst, tonumber(h[1] or ARGV[3]) + math.max(0, now - at) * rate / 1000)
local free = tokens - reserve * burst + 0.000001
local need = math.min(least, (1 - reserve) * burst)
local grant = 0
if free >= need then grant = math.max(least, math.min(wanted, math.floor(free))) end
redis.call('HSET', KEYS[1], 'tokens', tokens - grant, 'at', math.max(at, now))
redis.call('EXPIRE', KEYS[1], ARGV[10])
if grant > 0 then return {grant, 0, ''} end
return {0, math.max(1, math.ceil((need - free) / rate * 1000)), 'rate'}
"""

FAILED = """
local h = redis.call('HMGET', KEYS[1], 'pauses', 'paused')
local now, failures = tonumber(ARGV[1]), redis.call('HINCRBY', KEYS[1], 'failures', 1)
local pauses, paused = tonumber(h[1] or '0'), tonumber(h[2] or '0')
redis.call('HSET', KEYS[1], 'why', ARGV[6])
redis.call('EXPIRE', KEYS[1], ARGV[7])
if now < paused or (paused == 0 and ARGV[5] == '0' and failures < tonumber(ARGV[2])) then return {failures, paused} end
paused = now + math.min(tonumber(ARGV[3]) * 2 ^ pauses, tonumber(ARGV[4]))
redis.call('HSET', KEYS[1], 'pauses', pauses + 1, 'paused', paused, 'probe', now)
return {failures, paused}
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a gateway does. `paused_until` is seconds since the epoch, 0 where it is not paused.

    `failures` in a row; `pauses` in a row; `reason`: the code of the latest failure, "" after a success.
    """

    failures: int = 0
    pauses: int = 0
    paused_until: float = 0.0
    reason: str = ""

    @property
    def paused(self) -> bool:
        """Held back since it keeps failing; a paused gateway stays so until it took a message again."""
        return self.paused_until > 0


WELL = Standing()


def standings(redis: Redis) -> dict[str, Standing]:
    """Every gateway that a worker has handed messages to. Raises RedisError."""
    names = sorted(name.decode() for name in cast(set[bytes], redis.smembers(NAMES)))
    return {name: standing(redis, name) for name in names}


def standing(redis: Redis, gateway: str) -> Standing:
    """How one gateway does. Raises RedisError."""
    found = cast(list[bytes | None], redis.hmget(key(gateway), ["failures", "pauses", "paused", "why"]))
    failures, pauses, paused, why = (value or b"" for value in found)
    return Standing(int(failures or 0), int(pauses or 0), float(paused or 0) / 1000, why.decode())


def key(gateway: str) -> str:
    """Bucket and breaker of a gateway; a hash tag of its own."""
    return f"pace:{{{gateway}}}"


def recovered(redis: Redis, gateway: str) -> None:
    """It took a message: no failure in a row any more. Raises RedisError."""
    redis.hdel(key(gateway), "failures", "pauses", "paused", "probe", "why")
