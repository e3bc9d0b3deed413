"""Holding answers while they are sent, many in one script; writing down the end of many in another.

The value of a claim is `s<ms>:<tries>:<parts>` while somebody sends, `r<ms>:<tries>:<parts>` while it waits for
another try not before that moment. `parts`: of a long SMS, those that the gateway has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from redis import Redis

from bot.store import keys
from bot.store.journal import Answer

KEPT = 86_400  # seconds, so that no answer leaves twice
SENDING_FOR = 60_000  # milliseconds after which whoever claimed an answer is taken for dead
LOOK_AGAIN = 1_000  # milliseconds after which what somebody else is sending is looked at again

# Is each answer still in the stream, does somebody hold it, may it be tried again? Answers of one row (one address)
# follow each other: the first that can't be had holds those behind it.
_TAKE = """
local now, found, stopped, since = tonumber(ARGV[1]), {}, nil, nil
for i = 2, #KEYS do
  local id, row, answer = ARGV[2 * i + 1], ARGV[2 * i + 2], '-'
  if row == stopped then
    answer = '+' .. since
  elseif #redis.call('XRANGE', KEYS[1], id, id) > 0 then
    local held = redis.call('GET', KEYS[i])
    if not held then
      redis.call('SET', KEYS[i], 's' .. ARGV[1] .. ':0:0', 'EX', ARGV[2])
      answer = ''
    else
      local free = tonumber(string.match(held, '%d+'))
      local sending = string.sub(held, 1, 1) == 's'
      if sending then free = free + tonumber(ARGV[3]) end
      if now >= free then
        redis.call('SET', KEYS[i], 's' .. ARGV[1] .. (string.match(held, ':.*$') or ''), 'EX', ARGV[2])
        answer = held
      else
        if sending then free = math.min(free, now + tonumber(ARGV[4])) end
        stopped, since = row, string.format('%d', free)
        answer = '+' .. since
      end
    end
  end
  found[#found + 1] = answer
end
return found
"""
# journal and stream together: the history never lacks what left, the stream never keeps it
_SETTLE = """
local ended = tonumber(ARGV[2])
for i = 1, ended do
  redis.call('XADD', KEYS[1], '*', 'e', ARGV[1 + 2 * i])
  redis.call('XDEL', KEYS[2], ARGV[2 + 2 * i])
end
for i = 3, #KEYS do redis.call('SET', KEYS[i], ARGV[2 * ended + i], 'EX', ARGV[1]) end
return ended
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One entry of the answers stream."""

    shard: int
    entry_id: bytes
    answer: Answer


@dataclass(frozen=True, slots=True)
class Held:
    """An answer in our hands. `tries` made before; `lost`: whoever held it died in the middle."""

    waiting: Waiting
    tries: int = 0
    parts: int = 0
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """What could be had: the answers of an address in order. `later`: when to ask for others again, by entry, in ms."""

    rows: list[list[Held]]
    later: dict[bytes, int]


@dataclass(frozen=True, slots=True)
class Again:
    """A claim that waits until then (milliseconds)."""

    held: Held
    ms: int
    tries: int
    parts: int


class Claims:
    """The claims of the conversation store. All of it raises RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._take, self._settle = redis.register_script(_TAKE), redis.register_script(_SETTLE)

    def take(self, wanted: Mapping[int, Sequence[Sequence[Waiting]]], ms: int) -> Taken:
        """Rows of waiting answers, by shard: one script a shard, all in one round trip."""
        flat = {
            shard: [(place, one) for place, row in enumerate(rows) for one in row] for shard, rows in wanted.items()
        }
        with self._redis.pipeline(transaction=False) as asked:
            for shard, ones in flat.items():
                names = [keys.answers(shard), *(keys.claim(shard, one.answer.id) for _, one in ones)]
                arguments: list[bytes | int] = [ms, KEPT, SENDING_FOR, LOOK_AGAIN]
                for place, one in ones:
                    arguments += [one.entry_id, place]
                self._take(names, arguments, client=asked)
            answers = cast(list[list[bytes]], asked.execute())
        taken = Taken([], {})
        for shard, said in zip(flat, answers, strict=True):
            rows: list[list[Held]] = [[] for _ in wanted[shard]]
            for (place, one), held in zip(flat[shard], said, strict=True):
                if held.startswith(b"+"):
                    taken.later[one.entry_id] = int(held[1:])
                elif held != b"-":
                    rows[place].append(_read(one, held))
            taken.rows.extend(row for row in rows if row)
        return taken

    def settle(self, ended: Mapping[int, Sequence[tuple[bytes, Held]]], again: Mapping[int, Sequence[Again]]) -> None:
        """Journal entries of what has ended, and claims that wait, by shard."""
        with self._redis.pipeline(transaction=False) as told:
            for shard in ended.keys() | again.keys():
                names = [keys.journal(shard), keys.answers(shard)]
                entries = ended.get(shard, ())
                arguments: list[bytes | int | str] = [KEPT, len(entries)]
                for entry, held in entries:
                    arguments += [entry, held.waiting.entry_id]
                for one in again.get(shard, ()):
                    names.append(keys.claim(shard, one.held.waiting.answer.id))
                    arguments.append(f"r{one.ms}:{one.tries}:{one.parts}")
                self._settle(names, arguments, client=told)
            told.execute()


def _read(waiting: Waiting, held: bytes) -> Held:
    if not held:
        return Held(waiting)
    _, tries, parts = (held + b":0:0").split(b":")[:3]
    return Held(waiting, int(tries), int(parts), lost=held.startswith(b"s"))
