"""What `make run` runs: the embedded stores and the four processes, watched, restarted, stopped in order.

Rules: children start from the main thread (the kernel ends them with it); signals have explicit handlers (a shell's
background job starts with SIGINT ignored); web stops first, then the others, then the stores.
"""

import contextlib
import os
import selectors
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType

from bot.cases import development
from bot.config import ROOT, Settings
from bot.store import migrate
from bot.stores import EmbeddedStores, Program, StartFault, running_urls
from bot.stores.programs import bound, disk_full

PAUSES = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before a dead child starts again, growing
SETTLED = 60.0  # seconds after which a child counts as well again
PORT_PATIENCE = 3.0  # seconds: the web server of a killed supervisor needs a moment to let go
WEB_PATIENCE = 30.0  # seconds before saying that it takes long
LOW_SPACE = 300_000_000  # bytes below which every minute says so
NO_SPACE = 4_000_000  # bytes below which a store that ended has ended of it
SPACE_EVERY = 60.0


@dataclass
class Watched:
    """A child or a store, how it is started, and how often that went wrong lately."""

    program: Program
    start: Callable[[], None]
    started: float = 0.0
    failures: int = 0
    again_at: float | None = None


class Supervisor:
    """Everything on one machine. `children` are the commands of the four processes, for tests others; `patience` is what
    each may take to stop, in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        children: Mapping[str, list[str]] | None = None,
        prepare: Callable[[Settings], None] | None = None,
        say: Callable[[str], None] | None = None,
        patience: float = 8.0,
    ) -> None:
        self.settings = settings
        self.patience = patience
        self.say = say or _say
        self.stores = EmbeddedStores(settings, say=self.say)
        self.prepare = prepare or prepare_stores
        self._commands = children if children is not None else commands(settings)
        self._watched: dict[str, Watched] = {}
        self._signals = 0
        self._wake, self._woken = socket.socketpair()
        self._space_at = 0.0

    def run(self) -> None:
        """Start all, watch until a signal, stop all; raises StartFault with one sentence."""
        self._catch_signals()
        try:
            self._start()
            while not self._stopping():
                self._watch()
                self._nap(0.2)
        finally:
            self._stop()

    def _catch_signals(self) -> None:
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, self._on_signal)
        self._woken.setblocking(False)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        if self._signals > 1:  # whoever insists does not want to wait for anything
            for program in [*self.stores.programs, *(watched.program for watched in self._watched.values())]:
                program.strike()
            os._exit(128 + number)
        with contextlib.suppress(OSError):
            self._woken.send(b"!")

    def _stopping(self) -> bool:
        return self._signals > 0

    def _nap(self, seconds: float) -> None:
        """Sleep, but wake for a signal."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            selector.select(seconds)

    def _start(self) -> None:
        begun = time.monotonic()
        _check_port(self.settings)
        self.stores.start()
        if self.stores.servers:
            self.say(f"stores are up in {self.stores.folder}: {', '.join(self.stores.servers)}")
        if self._stopping():
            return
        ready = self.settings.model_copy(update=self.stores.urls)
        self.prepare(ready)
        for name, server in self.stores.servers.items():
            self._watched[name] = Watched(server.program, server.start, started=time.monotonic())
        environment = self._environment(ready)
        for name, command in self._commands.items():
            if self._stopping():
                return
            program = Program(name, bound(command), environment=environment, patience=self.patience)
            self._watched[name] = Watched(program, program.start, started=time.monotonic())
            program.start()
        self.say(f"started {', '.join(self._commands)}")
        if self._web_answers():
            self.say(f"ready after {time.monotonic() - begun:.1f} s")
            _tell_where_to_go(self.settings, self.say)

    def _environment(self, settings: Settings) -> dict[str, str]:
        told = {f"MARABA_{name.upper()}": url for name, url in self.stores.urls.items()}
        return {**os.environ, **told, "MARABA_DATA_DIR": str(settings.data_dir.resolve()), "PYTHONUNBUFFERED": "1"}

    def _web_answers(self) -> bool:
        """Watch everything until the web process answers; False when a signal came first."""
        slow_at = time.monotonic() + WEB_PATIENCE
        while not self._stopping() and "web" in self._commands:
            self._watch()
            if _alive(self.settings):
                return True
            if slow_at and time.monotonic() > slow_at:
                slow_at = 0.0
                self.say("web does not answer yet; a reason, if there is one, stands above")
            self._nap(0.1)
        return not self._stopping()

    def _watch(self) -> None:
        """Start again what has died, after a pause that grows with each failure in a row."""
        now = time.monotonic()
        for name, watched in self._watched.items():
            if watched.program.running:
                if watched.failures and now - watched.started > SETTLED:
                    watched.failures = 0
                continue
            if watched.again_at is None:
                watched.program.kill()  # what it may have left behind
                pause = PAUSES[min(watched.failures, len(PAUSES) - 1)]
                watched.failures += 1
                watched.again_at = now + pause
                self.say(f"{name} ended ({_reason(watched.program.ended)}); starting it again in {pause:g} s")
                # A full disk keeps the log from saying so.
                if disk_full(watched.program.last_words()) or self._free() < NO_SPACE:
                    self._make_room()
            elif now >= watched.again_at:
                self._restart(name, watched)
        if now >= self._space_at:
            self._space_at = now + SPACE_EVERY
            self._check_space()

    def _restart(self, name: str, watched: Watched) -> None:
        watched.again_at = None
        watched.started = time.monotonic()
        try:
            watched.start()
            self.say(f"{name} is up again")
        except StartFault as fault:
            self.say(f"{name}: {fault}")

    def _make_room(self) -> None:
        given = "; gave up the reserve file so that the stores can go on" if self.stores.give_up_ballast() else ""
        self.say(f"the disk of {self.stores.folder} is full{given}: free some space now")

    def _check_space(self) -> None:
        """Say it while there is still time: Valkey exits on a full disk."""
        free = self._free()
        if self.stores.servers and free < LOW_SPACE:
            self.say(f"only {free // 1_000_000} MB free in {self.stores.folder}: free some space")

    def _free(self) -> int:
        return shutil.disk_usage(self.stores.folder).free

    def _stop(self) -> None:
        if self._stopping():
            self.say("stopping")
        web = [watched.program for name, watched in self._watched.items() if name == "web"]
        rest = [watched.program for name, watched in self._watched.items() if name in self._commands and name != "web"]
        for programs in (web, rest):
            for program in programs:
                program.ask_to_stop()
            for program in programs:
                program.wait()
        self.stores.stop()
        self._wake.close()
        self._woken.close()
        if self._stopping():
            self.say("stopped; everything is kept for the next start" if self.stores.folder.exists() else "stopped")


def commands(settings: Settings) -> dict[str, list[str]]:
    """The children by name."""
    maraba = [sys.executable, "-m", "bot.cli"]
    workers = {
        "worker" if number == 0 else f"worker{number + 1}": [*maraba, "worker"]
        for number in range(settings.worker_processes)
    }
    return {"recorder": [*maraba, "recorder"], **workers, "clock": [*maraba, "clock"], "web": [*maraba, "web"]}


def prepare_stores(settings: Settings) -> None:
    """Migrations and, in development, the invented cases and staff."""
    migrate.upgrade(settings.database_url)
    if settings.development:
        development.load(settings)


def _check_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    deadline = time.monotonic() + PORT_PATIENCE
    while True:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, settings.port))
            except PermissionError:
                raise StartFault(f"Port {settings.port} needs more rights; set MARABA_PORT above 1023.") from None
            except OSError as error:
                if running_urls(settings):
                    return  # the lock of the data folder says more clearly who is there
                if time.monotonic() > deadline:
                    raise StartFault(
                        f"Port {settings.port} of {settings.host} can't be used ({error.strerror}); "
                        "stop what uses it, or set MARABA_PORT to another."
                    ) from None
            else:
                return
        time.sleep(0.1)


def _local_url(settings: Settings) -> str:
    host = "127.0.0.1" if settings.host in ("", "0.0.0.0", "::") else settings.host  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _alive(settings: Settings) -> bool:
    try:
        with urllib.request.urlopen(f"{_local_url(settings)}/health/live", timeout=2) as answer:  # noqa: S310 - ours
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False
    except OSError:
        return False


def _reason(status: int | None) -> str:
    if status is None:
        return "never started"
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"


def _tell_where_to_go(settings: Settings, say: Callable[[str], None]) -> None:
    if not settings.development:
        return
    url = _local_url(settings)
    own = settings.hook_secret != Settings.model_fields["hook_secret"].default  # whoever set it knows it
    secret = "$MARABA_HOOK_SECRET" if own else settings.hook_secrets[0]
    maraba = ROOT / ".venv" / "bin" / "maraba"
    program = os.path.relpath(maraba) if maraba.exists() else "maraba"
    say("")
    say("Everybody here is invented. Three ways to try it; Ctrl-C stops all:")
    say(f"  open {url}/simulator")
    say(
        f"  curl {url}/hooks/africastalking/{secret}/ussd -d sessionId=try1 -d phoneNumber=%2B22790001234 "
        f"-d 'serviceCode={settings.short_code}' -d text="
    )
    say(f"  {program} talk --channel ussd --phone +22790001234")


def _say(line: str) -> None:
    print(f"{datetime.now(UTC).astimezone():%H:%M:%S} {line}" if line else "", flush=True)
