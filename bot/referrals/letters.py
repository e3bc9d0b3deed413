"""The neutral letter of a queue, A to F: what an alert says instead of the kind of need (safety 15)."""

import hashlib
import hmac
from functools import lru_cache

from bot.config import Settings
from bot.errors import ConfigError

LETTERS = "ABCDEF"
LETTERED = ("protection", "gbv", "child", "complaints", "assistance", "community")


def letter(settings: Settings, queue: str) -> str:
    """The letter of a queue in this installation; a sealed ticket looks like one of protection."""
    return letters(settings.index_key.get_secret_value(), settings.queue_letters)[
        "protection" if queue == "sealed" else queue
    ]


@lru_cache(maxsize=8)
def letters(index_key: str, configured: str = "") -> dict[str, str]:
    """Queue to letter: shuffled by the installation's own key, so that a letter learnt in one says nothing in another.

    `configured` is a permutation of ABCDEF in the order of `LETTERED`; raises ConfigError for anything else.
    """
    if configured:
        if sorted(configured) != list(LETTERS):
            raise ConfigError(f"queue letters must be the letters {LETTERS}, each once, not {configured!r}")
        return dict(zip(LETTERED, configured, strict=True))
    shuffled = sorted(
        LETTERS, key=lambda one: hmac.digest(index_key.encode(), f"letter {one}".encode(), hashlib.sha256)
    )
    return dict(zip(LETTERED, shuffled, strict=True))
