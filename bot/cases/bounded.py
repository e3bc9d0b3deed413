"""Queries that may not hold a turn up: a few threads, a time-out on our side, a breaker.

A PostgreSQL that hangs keeps a connection open and says nothing, so neither the pool's check nor a
statement time-out helps: the caller stops waiting, and the connection is cut under the thread.
"""

import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Generic, TypeVar

import structlog
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError

from bot.errors import LookupAway
from bot.store.database import Database

Result = TypeVar("Result")

FAILURES = 3  # in a row, after which nothing is asked
REST = 5.0  # seconds until one query is let through to see

log = structlog.get_logger(__name__)


class Bounded:
    """Runs one small transaction at a time per thread; all other failures end as LookupAway."""

    def __init__(self, database: Database, *, timeout: float, threads: int) -> None:
        # A pool of its own, without the check before use: that check would hang as the query does.
        self._engine = create_engine(
            database.engine.url,
            pool_size=threads,
            max_overflow=0,
            pool_timeout=timeout,
            hide_parameters=True,
            connect_args={"connect_timeout": 2, "application_name": "maraba-lookups"},
        )
        self._timeout = timeout
        self._free = threading.BoundedSemaphore(threads)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="lookup")
        self._breaker = Breaker()

    def run(self, query: Callable[[Connection], Result]) -> Result:
        """Raises LookupAway at once while the breaker is open, else within the time-out."""
        if not self._breaker.allows(time.monotonic()):
            raise LookupAway("not asked: the last queries failed")
        deadline = time.monotonic() + self._timeout
        if not self._free.acquire(timeout=self._timeout):
            self._breaker.failed(time.monotonic())
            raise LookupAway("all threads wait for the database")
        task = _Task(self._engine.connect, query)
        future: Future[Result] = self._threads.submit(self._work, task)
        try:
            result = future.result(max(0.01, deadline - time.monotonic()))
        except Exception as error:  # noqa: BLE001 - whatever it is, the turn goes on without the answer
            task.cut()
            self._breaker.failed(time.monotonic())
            log.warning("lookup_away", error=type(error).__name__)
            raise LookupAway(type(error).__name__) from None
        self._breaker.worked()
        return result

    def close(self) -> None:
        """Give threads and connections back; at most the 2 s that a connection may take to be made."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._engine.dispose()

    def _work(self, task: "_Task[Result]") -> Result:
        try:
            try:
                return task.run()
            except DBAPIError as error:
                # The server was restarted since this connection was made: a new one may do, in the time left.
                if not error.connection_invalidated or task.is_cut:
                    raise
                return task.run()
        finally:
            self._free.release()


class Breaker:
    """Closed, open for a rest, then one probe. Times are those of a monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._open_until = 0.0

    def allows(self, now: float) -> bool:
        """May a query go? While open, once per rest."""
        with self._lock:
            if self._in_a_row < FAILURES:
                return True
            if now < self._open_until:
                return False
            self._open_until = now + REST
            return True

    def failed(self, now: float) -> None:
        """A query took too long or broke."""
        with self._lock:
            self._in_a_row += 1
            if self._in_a_row >= FAILURES:
                self._open_until = now + REST

    def worked(self) -> None:
        """A query came back in time."""
        with self._lock:
            self._in_a_row = 0


class _Task(Generic[Result]):
    """One transaction, and the means to cut its connection from another thread."""

    def __init__(self, connect: Callable[[], Connection], query: Callable[[Connection], Result]) -> None:
        self._connect = connect
        self._query = query
        self._lock = threading.Lock()
        self._socket: int | None = None
        self.is_cut = False

    def run(self) -> Result:
        """Raises what the query raises; a cut connection raises OperationalError."""
        with self._connect() as connection:
            driver = connection.connection.driver_connection
            with self._lock:
                if self.is_cut:
                    raise LookupAway("too late")
                self._socket = driver.fileno() if driver is not None else None
            try:
                with connection.begin():
                    return self._query(connection)
            finally:
                with self._lock:
                    self._socket = None

    def cut(self) -> None:
        """End the wait of the thread that runs this, if it still runs."""
        with self._lock:
            self.is_cut = True
            if self._socket is None:
                return
            with suppress(OSError), socket.socket(fileno=os.dup(self._socket)) as end:
                end.shutdown(socket.SHUT_RDWR)
