"""A thread of its own for one kind of work: what hangs there holds up nothing else."""

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Lane:
    """Works when woken, and by itself every so many seconds; wake-ups that come meanwhile make one more run."""

    def __init__(self, work: Callable[[], bool], *, every: float) -> None:
        """`work` returns True to be called again at once. A fault of it is logged, and the next time comes."""
        self._work = work
        self._every = every
        self._woken = threading.Event()
        self._stopping = threading.Event()
        # A database that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="lane", daemon=True)

    def start(self) -> None:
        """Begin, with a first run at once."""
        self._woken.set()
        self._thread.start()

    def wake(self) -> None:
        """There is work; never waits."""
        self._woken.set()

    def stop(self, patience: float) -> None:
        """Let the run in hand end, for so many seconds at most."""
        self._stopping.set()
        self._woken.set()
        self._thread.join(patience)

    def _run(self) -> None:
        while True:
            self._woken.wait(self._every)
            if self._stopping.is_set():
                return
            self._woken.clear()
            try:
                if self._work():
                    self._woken.set()
            except Exception:
                log.exception("lane_fault")
