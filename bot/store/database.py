"""PostgreSQL: one engine a process, sessions that commit or roll back as a whole."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

from bot.config import Settings


class Database:
    """The pool of a process. `url` takes psycopg 3: `postgresql+psycopg://…` (plain `postgresql://` is mended)."""

    def __init__(self, url: str, *, pool_size: int = 5, connect_timeout: int = 2) -> None:
        if url.startswith("postgresql://"):
            url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        self.engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_pre_ping=True,
            pool_timeout=5,
            hide_parameters=True,  # an error must not quote a number or a name
            connect_args={"connect_timeout": connect_timeout, "application_name": "maraba"},
        )
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @classmethod
    def of(cls, settings: Settings, *, pool_size: int = 5) -> "Database":
        """The database that the settings name."""
        return cls(settings.database_url, pool_size=pool_size)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits at the end, or rolls back on any error. No network call belongs inside."""
        with self._sessions() as session, session.begin():
            yield session

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()
