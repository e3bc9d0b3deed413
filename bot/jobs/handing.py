"""Many messages through a few threads: how many are taken in hand at once, and what came back, as it comes."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

SENDERS = 16  # messages handed to gateways at once
MOST = 256  # messages taken in hand at once, at most
IN_HAND = 0.25  # seconds that the sending of what was taken should last
BUNDLE = 0.05  # seconds that what is done may wait to be written down together


class Appetite:
    """How many messages to take in hand: as many as leave within a quarter of a second.

    What a killed process had in hand is in doubt, so that a slow gateway must not have much of it.
    """

    def __init__(self) -> None:
        self.size = SENDERS
        self._began = 0.0

    def begin(self) -> int:
        """As many now."""
        self._began = time.monotonic()
        return self.size

    def end(self, handed: int) -> None:
        """They are gone: learn from the time it took."""
        took = time.monotonic() - self._began
        if took > IN_HAND:
            self.size = max(SENDERS, self.size // 2)
        elif handed >= self.size and took < IN_HAND / 2:
            self.size = min(MOST, self.size * 2)


def in_hands(
    senders: ThreadPoolExecutor, work: Callable[[Item], Result], items: Sequence[Item]
) -> Iterator[list[tuple[Item, Result]]]:
    """Do the work in the threads; yields what is done in bundles, as it comes. `work` must not raise."""
    waiting: SimpleQueue[Item] = SimpleQueue()
    done: SimpleQueue[tuple[Item, Result]] = SimpleQueue()
    for item in items:
        waiting.put(item)

    def hand() -> None:
        while True:
            try:
                item = waiting.get_nowait()
            except Empty:
                return
            done.put((item, work(item)))

    for _ in range(min(SENDERS, len(items))):
        senders.submit(hand)
    left = len(items)
    while left:
        bundle = [done.get()]
        until = time.monotonic() + BUNDLE
        while len(bundle) < left and (patience := until - time.monotonic()) > 0:
            try:
                bundle.append(done.get(timeout=patience))
            except Empty:
                break
        left -= len(bundle)
        yield bundle
