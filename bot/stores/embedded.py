"""The stores of a machine that has none: two Valkey servers and PostgreSQL in the data folder, under one lock.

The conversation store is durable and has a server of its own: jobs would otherwise wait for its disk, and its
turns for the jobs. The job store keeps nothing: losing it loses no message.
"""

import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from bot.config import Settings
from bot.stores.postgres import Postgres
from bot.stores.programs import Program, StartFault
from bot.stores.valkey import Valkey

LEAST_FREE = 150_000_000  # bytes: a new database takes 60 MB, and Valkey exits on a full disk
BALLAST = 32_000_000  # bytes kept to be given up when the disk is full
LOCK_WAIT = 5.0  # seconds: the stores of a killed supervisor need a moment to end


class EmbeddedStores:
    """Those stores that the settings do not name. Start, use `urls`, stop; also a context manager."""

    def __init__(self, settings: Settings, *, durable: bool = True, say: Callable[[str], None] = print) -> None:
        self.settings = settings
        self.folder = settings.data_dir.resolve()
        self.durable = durable
        self.say = say
        self.conversation: Valkey | None = None
        self.jobs: Valkey | None = None
        self.postgres: Postgres | None = None
        self._lock: int | None = None
        self._sockets: Path | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Lock the folder and start what is missing; raises StartFault and leaves nothing running."""
        try:
            self._lock = _lock(self.folder)
            _check_space(self.folder)
            self._sockets = _socket_folder(self.folder)
            self._start_all(self._sockets, self._lock)
            (self.folder / "running.json").write_text(json.dumps({"pid": os.getpid(), "urls": self.urls}))
        except BaseException:
            self.stop()
            raise

    def _start_all(self, sockets: Path, lock: int) -> None:
        if not self.settings.database_url:
            (sockets / "pg").mkdir(exist_ok=True)
            self.postgres = Postgres(
                folder=self.folder / "postgres", socket=sockets / "pg", durable=self.durable, keep=[lock]
            )
            self.postgres.start()
        if not self.settings.redis_url:
            self.conversation = self._valkey("conversation", sockets, lock, durable=self.durable)
            self.conversation.start()
        if not self.settings.queue_url:
            self.jobs = self._valkey("jobs", sockets, lock, durable=False)
            self.jobs.start()

    def _valkey(self, name: str, sockets: Path, lock: int, *, durable: bool) -> Valkey:
        return Valkey(
            name,
            folder=self.folder / name,
            socket=sockets / f"{name}.sock",
            durable=durable,
            keep=[lock],
            say=self.say,
        )

    @property
    def urls(self) -> dict[str, str]:
        """Settings (by field name) that lead to these stores."""
        found = {
            "database_url": self.postgres.url() if self.postgres else "",
            "redis_url": self.conversation.url if self.conversation else "",
            "queue_url": self.jobs.url if self.jobs else "",
        }
        return {name: url for name, url in found.items() if url}

    @property
    def servers(self) -> dict[str, Valkey | Postgres]:
        """The servers by name; each has `program`, `start` and `stop`."""
        found = {"postgres": self.postgres, "conversation": self.conversation, "jobs": self.jobs}
        return {name: server for name, server in found.items() if server}

    @property
    def programs(self) -> list[Program]:
        """What the supervisor watches."""
        return [server.program for server in self.servers.values()]

    def stop(self) -> None:
        """Stop all, wait for each, give the folder back."""
        (self.folder / "running.json").unlink(missing_ok=True) if self._lock is not None else None
        for server in self.servers.values():
            server.program.ask_to_stop()
        for server in self.servers.values():
            server.stop()
        if self._sockets:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def give_up_ballast(self) -> bool:
        """Free the reserve of a full disk; False when it was given up before."""
        ballast = self.folder / "ballast"
        if not ballast.exists():
            return False
        ballast.unlink()
        return True


def running_urls(settings: Settings) -> dict[str, str]:
    """The stores of a supervisor that runs on this data folder now, by settings field; {} when none does."""
    folder = settings.data_dir.resolve()
    try:
        held = json.loads((folder / "running.json").read_text())
        urls = {str(name): str(url) for name, url in held["urls"].items()}
        return urls if _alive(str(held["pid"])) else {}
    except (OSError, ValueError, KeyError):
        return {}


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _lock(folder: Path) -> int:
    """Hold the folder for this process and for the stores it starts; raises StartFault."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartFault(f"The data folder {folder} can't be used ({error.strerror}); set MARABA_DATA_DIR.") from None
    deadline = time.monotonic() + LOCK_WAIT
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(handle, 20, 0).decode(errors="replace").strip() or "unknown"
            if time.monotonic() < deadline and not _alive(holder):
                time.sleep(0.1)
                continue
            os.close(handle)
            raise StartFault(
                f"Maraba already runs on the data folder {folder} (process {holder}); "
                "stop it, or set MARABA_DATA_DIR to another folder."
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        return handle


def _check_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise StartFault(
            f"The disk of {folder} is full: {free // 1_000_000} MB free, {LEAST_FREE // 1_000_000} MB needed; "
            "free some space, then start again."
        )
    ballast = folder / "ballast"
    if not ballast.exists() and free > 4 * BALLAST + LEAST_FREE:
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST)


def _socket_folder(data: Path) -> Path:
    """A short private folder (a socket's path has some 107 bytes), the same for the same data where possible."""
    name = f"maraba-{os.geteuid()}-{hashlib.sha256(str(data).encode()).hexdigest()[:10]}"
    folder = Path(tempfile.gettempdir()) / name
    if len(str(folder)) > 70:
        folder = Path("/tmp") / name  # noqa: S108 - ours alone, as checked below
    folder.mkdir(mode=0o711, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return Path(tempfile.mkdtemp(prefix="maraba-"))
    folder.chmod(0o711)  # passed through, never listed: PostgreSQL may run as another user
    return folder
