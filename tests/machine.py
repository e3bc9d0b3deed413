"""What tests ask of the machine they run on, and of the stores there."""

import socket
import time
from pathlib import Path


def free_port():
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(condition, *, within=15.0, every=0.05):
    """The first true value of `condition` within the time; what raises counts as not yet."""
    deadline = time.monotonic() + within
    fault = None
    while time.monotonic() < deadline:
        try:
            found = condition()
        except Exception as error:  # noqa: BLE001 - a store that is being killed may answer anything
            fault, found = error, None
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"not within {within} s; last error: {fault!r}")


def with_children(*roots):
    """The numbers of these processes and of all below them, now."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            continue
    found, grown = set(roots), True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        grown = bool(more)
        found |= more
    return found


def stored(client):
    """Every value in a store, whatever its kind, as bytes."""
    for key in client.scan_iter():
        yield from _values(client, key)


def _values(client, key):
    match client.type(key):
        case b"string":
            return [client.get(key)]
        case b"stream":
            return [field for _, fields in client.xrange(key) for field in fields.values()]
        case b"hash":
            return [part for pair in client.hgetall(key).items() for part in pair]
        case b"list":
            return client.lrange(key, 0, -1)
        case b"set":
            return list(client.smembers(key))
        case b"zset":
            return client.zrange(key, 0, -1)
        case b"none":  # it expired meanwhile
            return []
        case kind:
            raise AssertionError(f"a value of a kind that nobody looks into: {kind!r}")
