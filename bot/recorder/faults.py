"""Which errors pass by themselves, and which sit in the data."""

import redis.exceptions
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# Classes of SQLSTATE: connection, rollback (deadlock, serialization), resources (disk, memory), object in use,
# operator (shutdown), system, internal; and 42, a table or column that a migration has still to make.
_PASSING = frozenset({"08", "40", "53", "55", "57", "58", "XX", "42"})


def transient(error: BaseException) -> bool:
    """True for what is tried again, the same batch, for as long as it takes; never quarantined."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None)
        if error.connection_invalidated or state is None:
            # psycopg raises OperationalError without a state when the connection breaks under it.
            return error.connection_invalidated or type(error.orig).__name__ in {"OperationalError", "InterfaceError"}
        return state[:2] in _PASSING or "no partition of relation" in str(error.orig)
    return isinstance(error, PoolTimeout | OSError | redis.exceptions.ConnectionError | redis.exceptions.TimeoutError)
