"""The one way to a Redis or Valkey but for turns (bot/store/wire.py): a client that says soon when the store is away."""

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as Broken
from redis.retry import Retry

AGAIN = 0.1  # seconds


def store_client(url: str, *, timeout: float | None = 5.0, connect_timeout: float = 2.0) -> Redis:
    """A client of the store at `url`; times are seconds. Nothing is asked of the store yet.

    A broken connection is tried once more, because a store that was restarted leaves idle ones behind: every call may
    run twice. redis-py by itself tries eleven times, four seconds in which a person waits for a page or a screen.
    """
    retry = Retry(ConstantBackoff(AGAIN), 1, supported_errors=(Broken,))
    return Redis.from_url(url, retry=retry, socket_timeout=timeout, socket_connect_timeout=connect_timeout)
