"""What tests ask of the machine they run on, and of the stores there."""

import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

KANNEL = {"bearerbox": "/usr/sbin", "smsbox": "/usr/sbin", "fakesmsc": "/usr/lib/kannel/test"}  # as Debian has them
COUNTRY = 100_000 if os.environ.get("MARABA_TEST_COUNTRY") else 10_000  # `make country`: in full, else a tenth
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET of unshare(2)
_SET_FLAGS, _UP = 0x8914, 0x1  # SIOCSIFFLAGS and IFF_UP of netdevice(7)


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


def lacks_kannel():
    """Why the tests of Kannel can't run here; "" where they can."""
    missing = [name for name, folder in KANNEL.items() if not shutil.which(name, path=folder)]
    if missing:
        return f"no {missing[0]}: as root, apt-get install kannel kannel-extras"
    allowed = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
    return "" if allowed else "no network of its own: unshare -n wants root"


@contextmanager
def own_network():
    """A network with a loopback of its own and nothing else, for this thread and all that it starts.

    Stores on Unix sockets stay within reach; every port is free, and who listens everywhere is heard by nobody else.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(_NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "unshare")
        with socket.socket() as any_socket:
            fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP))
        yield
    finally:
        libc.setns(before, _NEW_NETWORK)
        os.close(before)


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
