"""PostgreSQL: one engine a process, sessions that commit or roll back as a whole."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.orm import Session, sessionmaker

from bot.config import Settings

# A machine that vanishes says no goodbye. Without these both sides wait for it up to two hours, and a recorder's
# advisory locks, held by the server for a client that is gone, would keep its shards unrecorded as long.
NOTICE_THE_DEAD = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
    "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3",
}


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
            connect_args={"connect_timeout": connect_timeout, "application_name": "maraba", **NOTICE_THE_DEAD},
        )
        event.listen(self.engine, "handle_error", _without_values)
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


def _without_values(context: ExceptionContext) -> None:
    """Leave the first line of an error: those below quote the row ("Key (number)=(…)", "Failing row contains (…)").

    An exception ends in logs, and that of a job in the job store; `hide_parameters` hides our own parameters only.
    """
    original = context.original_exception
    kept = str(original).partition("\n")[0]
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (f"({type(original).__name__}) {kept}",)
    original.args = (kept,)
