"""Alembic's entry: one connection, one transaction, one migrator at a time."""

import re

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text

from bot.store.models import Base

LOCK = 0x6D617261  # two `maraba migrate` at once: the second waits, then finds nothing to do
PARTITION = re.compile(r"^(turns|turns_seen)_(default|p\d+)$")


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Partitions come and go with the days (bot/store/partitions.py): no migration speaks of them."""
    return not (kind == "table" and PARTITION.match(name or ""))


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=include_name,
        compare_server_default=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as made:
        run(made)
    engine.dispose()
