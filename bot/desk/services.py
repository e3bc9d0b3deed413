"""What the desk asks of the process that carries it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, cast

from flask import current_app
from redis import Redis

from bot.config import Settings
from bot.content.screens import Content
from bot.gateway import Gateway
from bot.store.ciphers import Ciphers
from bot.store.database import Database

Clock = Callable[[], datetime]


class Services(Protocol):
    """The narrow part of the application that the desk uses."""

    @property
    def settings(self) -> Settings:
        """The settings of this process."""

    @property
    def database(self) -> Database:
        """PostgreSQL."""

    @property
    def ciphers(self) -> Ciphers:
        """All keys."""

    @property
    def gateways(self) -> Mapping[str, Gateway]:
        """The gateways that are on: what their codes mean."""

    @property
    def content(self) -> Content:
        """What people read: the sentences that staff may write."""

    @property
    def redis_client(self) -> Redis:
        """The conversation store: which gateways are paused."""

    @property
    def queue_client(self) -> Redis:
        """The job store: is it there, and was the clock?"""

    def wake(self, name: str, *ids: object) -> object:
        """Wake a job (`climb`, `send_messages`); ids only. Never raises: what is lost a sweep finds."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The services and the clock, as one application holds them."""

    services: Services
    clock: Clock


def utc_now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


def desk() -> Desk:
    """The desk of the application that answers this request."""
    return cast(Desk, current_app.extensions["maraba_desk"])


def services() -> Services:
    """Settings, database, ciphers and `wake`."""
    return desk().services


def now() -> datetime:
    """Aware, UTC; the simulator may run it faster."""
    return desk().clock()
