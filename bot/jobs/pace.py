"""The pace of this process towards each gateway: what the gate asks before it hands a message over.

Segments are fetched from the shared bucket in small bundles, and the breaker is read once a second, so that a fast
gateway costs no call of the conversation store per message. Without that store a bucket of this process does.
"""

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError

from bot.config import Settings
from bot.errors import ConfigError
from bot.gate import Leave
from bot.kinds import RULES, Kind
from bot.store import pacing

log = structlog.get_logger(__name__)

BUNDLE = 0.05  # seconds of a gateway's rate that are fetched at once
FRESH = 1.0  # seconds that a bundle and what is known of a breaker may be used


@dataclass(slots=True)
class _Bundle:
    """Segments that this process may hand over for one kind, and up to when."""

    segments: int
    until: float


@dataclass(slots=True)
class _Bucket:
    """What stands in for the shared bucket while the conversation store is away."""

    segments: float
    at: float


class Paces:
    """One object a process, for all its threads. Times are taken from the caller."""

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self._rates = {name: _rate(name, amount) for name, amount in settings.rates.items()}
        self._redis = redis
        self._take, self._fail = redis.register_script(pacing.TAKE), redis.register_script(pacing.FAILED)
        self._lock = threading.Lock()
        self._bundles: dict[tuple[str, Kind], _Bundle] = {}
        self._known: dict[str, tuple[pacing.Standing, float]] = {}
        self._held: dict[str, tuple[int, float, str]] = {}
        self._own: dict[str, _Bucket] = {}
        self._away_until = 0.0

    def take(self, gateway: str, kind: Kind, segments: int, *, least: int, now: datetime) -> Leave:
        """Leave for `segments`, or for fewer, but never for less than `least` (one message)."""
        with self._lock:
            at = now.timestamp()
            bundle = self._bundles.get((gateway, kind))
            if bundle is not None and bundle.until > at and bundle.segments >= least:
                granted = min(segments, bundle.segments)
                bundle.segments -= granted
                return Leave(granted)
            if gateway not in self._rates and not self._standing(gateway, at).paused:
                return Leave(segments)
            return self._fetch(gateway, kind, segments, least=least, at=at)

    def failed(self, gateway: str, code: str, *, account: bool, now: datetime) -> None:
        """The gateway did not do its part; enough of it in a row, or a refused account, pauses it."""
        at = now.timestamp()
        arguments: list[int | str] = [
            pacing.FAILURES,
            pacing.FIRST_PAUSE,
            pacing.LONGEST_PAUSE,
            int(account),
            code,
            pacing.KEPT,
        ]
        with self._lock:
            before = self._standing(gateway, at)
            if self._away_until > at:
                return
            try:
                failures, paused = self._fail([pacing.key(gateway)], [round(at * 1000), *arguments])
            except RedisError as error:
                self._gone(error, at)
                return
            known = pacing.Standing(int(failures), before.pauses, float(paused) / 1000, code)
            self._known[gateway] = (known, at)
            for kind in Kind:
                self._bundles.pop((gateway, kind), None)
        if known.paused and known.paused_until != before.paused_until:
            log.warning("gateway_paused", gateway=gateway, reason=code, seconds=round(known.paused_until - at))

    def worked(self, gateway: str, *, now: datetime) -> None:
        """The gateway answered as it should, be it with a refusal of this one message."""
        at = now.timestamp()
        with self._lock:
            before = self._standing(gateway, at)
            if not before.failures or self._away_until > at:
                return
            try:
                pacing.recovered(self._redis, gateway)
            except RedisError as error:
                self._gone(error, at)
                return
            self._known[gateway] = (pacing.WELL, at)
            self._held.pop(gateway, None)
        if before.paused:
            log.info("gateway_open_again", gateway=gateway)

    def paused(self, gateway: str, *, now: datetime) -> bool:
        """Is it held back, since it keeps failing?"""
        with self._lock:
            return self._standing(gateway, now.timestamp()).paused

    def held(self, *, now: datetime) -> dict[str, tuple[int, float]]:
        """Gateways that lately refused leave: from which priority on (bot.kinds), and for how many seconds more."""
        at = now.timestamp()
        with self._lock:
            self._held = {name: hold for name, hold in self._held.items() if hold[1] > at}
            return {name: (priority, until - at) for name, (priority, until, _) in self._held.items()}

    def _fetch(self, gateway: str, kind: Kind, segments: int, *, least: int, at: float) -> Leave:
        rate = self._rates.get(gateway, 0.0)
        wanted = max(segments, round(rate * BUNDLE))
        granted, wait, why = self._ask(gateway, kind, rate, wanted=wanted, least=least, at=at)
        if not granted:
            self._hold(gateway, RULES[kind].priority, at + wait, why)
            return Leave(0, datetime.fromtimestamp(at + wait).astimezone(), why)
        if rate and why != "probe" and granted > segments:
            self._bundles[gateway, kind] = _Bundle(granted - segments, at + FRESH)
        return Leave(min(granted, segments))

    def _hold(self, gateway: str, priority: int, until: float, why: str) -> None:
        """What is refused to one kind is refused to those behind it; a pause, to all but alerts."""
        first = 1 if why == "paused" else priority
        known = self._held.get(gateway)
        if known is None or first <= known[0]:
            self._held[gateway] = (first, until, why)

    def _ask(
        self, gateway: str, kind: Kind, rate: float, *, wanted: int, least: int, at: float
    ) -> tuple[int, float, str]:
        """Segments granted; else seconds to wait, and why."""
        burst, reserve = max(rate, 1.0), RULES[kind].reserve
        alert = int(kind is Kind.ALERT)
        tries = [pacing.PROBE_TAKES, pacing.ALERT_TRIES, pacing.KEPT]
        if self._away_until <= at:
            try:
                answer: Any = self._take(
                    [pacing.key(gateway)], [round(at * 1000), rate, burst, reserve, wanted, least, alert, *tries]
                )
                return int(answer[0]), int(answer[1]) / 1000, answer[2].decode()
            except RedisError as error:
                self._gone(error, at)
        return self._by_ourselves(gateway, rate, reserve, least=least, at=at)

    def _by_ourselves(
        self, gateway: str, rate: float, reserve: float, *, least: int, at: float
    ) -> tuple[int, float, str]:
        """As the script, for one message, from a bucket of this process."""
        if not rate:
            return least, 0.0, ""
        burst = max(rate, 1.0)
        bucket = self._own.setdefault(gateway, _Bucket(burst, at))
        bucket.segments = min(burst, bucket.segments + max(0.0, at - bucket.at) * rate)
        bucket.at = max(bucket.at, at)
        free, need = bucket.segments - reserve * burst, min(least, (1 - reserve) * burst)
        if free + 1e-6 < need:
            return 0, (need - free) / rate, "rate"
        bucket.segments -= least
        return least, 0.0, ""

    def _standing(self, gateway: str, at: float) -> pacing.Standing:
        """As known for a second; while the store is away, as last known."""
        known, read_at = self._known.get(gateway, (None, 0.0))
        if known is not None and (abs(at - read_at) < FRESH or self._away_until > at):
            return known
        try:
            if known is None:
                self._redis.sadd(pacing.NAMES, gateway)
            known = pacing.standing(self._redis, gateway)
        except RedisError as error:
            self._gone(error, at)
            known = known or pacing.WELL
        self._known[gateway] = (known, at)
        return known

    def _gone(self, error: RedisError, at: float) -> None:
        """Not asked again for a second: each time-out would hold up every sender."""
        self._away_until = at + FRESH
        log.warning("conversation_store_away", job="pace", error=type(error).__name__)


def _rate(name: str, amount: str) -> float:
    try:
        rate = float(amount)
    except ValueError:
        rate = 0.0
    if not 0.0 < rate <= 10_000.0:
        raise ConfigError(f"MARABA_RATES: {name}={amount} is no number of segments a second; write `{name}=10`.")
    return rate
