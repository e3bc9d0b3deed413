"""What an operation of the API is given, and what it asks of the process that carries it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, cast

from flask import current_app
from pydantic import BaseModel
from redis import Redis
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.data.pushing import Pusher
from bot.store.ciphers import Ciphers
from bot.store.database import Database

Clock = Callable[[], datetime]


class Services(Protocol):
    """The narrow part of the application that the API uses."""

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
    def redis_client(self) -> Redis:
        """The conversation store: how many requests a key has made this minute."""

    def wake(self, name: str, *ids: object) -> object:
        """Wake a job; never raises."""


@dataclass(frozen=True, slots=True)
class Api:
    """The services and the clock, as one application holds them."""

    services: Services
    clock: Clock


@dataclass(frozen=True, slots=True)
class Call:
    """One request: inside one transaction, for one key. `path`: what stands in braces."""

    session: Session
    pusher: Pusher
    settings: Settings
    path: dict[str, Any]
    query: Any = None
    body: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers; the model becomes JSON."""

    body: BaseModel
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def utc_now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


def api() -> Api:
    """The API of the application that answers this request."""
    return cast(Api, current_app.extensions["maraba_api"])
