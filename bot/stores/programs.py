"""Programs that the supervisor runs: how they are started, watched and stopped so that none outlives it."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from bot.errors import BotError

NOBODY = 65534
QUICK = 5.0  # seconds a probe may take


class StartFault(BotError):
    """The service can't start or go on here; the message is one sentence with its remedy."""


@lru_cache
def _setpriv() -> str | None:
    """The program that binds a child's life to ours, where it is present and knows how (util-linux)."""
    found = shutil.which("setpriv")
    return found if found and _runs([found, "--pdeathsig", "TERM", "true"]) else None


@lru_cache
def own_namespace() -> tuple[str, ...]:
    """Prefix that lets PostgreSQL run for root without changing an owner, or () where it is refused."""
    prefix = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
    return prefix if shutil.which("unshare") and _runs([*prefix, "true"]) else ()


def bound(command: Sequence[str], *, death: str = "TERM") -> list[str]:
    """The command, told by the kernel to end with signal `death` when the thread that started it is gone."""
    setpriv = _setpriv()
    return [setpriv, "--pdeathsig", death, *command] if setpriv else list(command)


def _runs(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=QUICK, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class Program:
    """One child with a log file and a process group of its own.

    Start it from the main thread: the kernel binds a child's life to the thread that made it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path | None = None,
        environment: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        patience: float = 10.0,
        user: int | None = None,
        keep: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.environment = environment
        self.stop_signal = stop_signal
        self.patience = patience  # seconds between the stop signal and the end by force
        self.user = user
        self.keep = tuple(keep)  # open files the child shares, so that a lock lives as long as it
        self.process: subprocess.Popen[bytes] | None = None
        self._swept = True

    def start(self) -> None:
        """Start it; raises StartFault when the program is not there."""
        self._swept = False
        out = self.log.open("ab") if self.log else None
        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT if out else None,
                env=dict(self.environment) if self.environment is not None else None,
                start_new_session=True,  # Ctrl-C reaches the supervisor only, which then stops all in order
                pass_fds=self.keep,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user is not None else None,
            )
        except FileNotFoundError as error:
            raise StartFault(f"{error.filename} is missing; run `make setup`, then start again.") from None
        finally:
            if out:
                out.close()

    @property
    def running(self) -> bool:
        """True while its first process lives."""
        return self.process is not None and self.process.poll() is None

    @property
    def ended(self) -> int | None:
        """Exit status, negative for a signal; None while it runs or was never started."""
        return self.process.poll() if self.process else None

    def ask_to_stop(self) -> None:
        """Send the stop signal; a program that is gone is fine."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the end, then end by force what is left of its group."""
        if not self.process:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(self.patience if seconds is None else seconds)
        self.kill()

    def stop(self) -> None:
        """Stop and wait."""
        self.ask_to_stop()
        self.wait()

    def kill(self) -> None:
        """End the whole group by force: a web server killed with -9 may leave workers behind on its port."""
        self.strike()
        if self.process:
            self.process.wait()
        self._swept = True  # the number may be another's from now on

    def strike(self) -> None:
        """The same without waiting, for signal handlers."""
        if self.process and not self._swept:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def last_words(self, characters: int = 4000) -> str:
        """The end of its log, for a fault's message."""
        try:
            return self.log.read_bytes()[-characters:].decode("utf-8", "replace") if self.log else ""
        except OSError:
            return ""


def disk_full(words: str) -> bool:
    """True when a program's last words say that the disk is full."""
    return "No space left on device" in words or "Disk quota exceeded" in words
