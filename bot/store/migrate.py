"""Migrations, forward only. How to change the schema:

1. change `bot/store/models/`;
2. `make migration NAME="alerts know their office"` writes `migrations/versions/NNNN_….py` from the difference
   (it starts a scratch PostgreSQL of its own); read it, mend what the difference can't know (data, triggers);
3. there is no `downgrade`: a mistake is corrected by the next migration. Old and new code run side by side during
   an upgrade, so add columns with a default or as nullable first, and drop only what the running code left behind.

`tests/store/test_migrations.py` fails while models and migrations differ.
"""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool

from bot.store.models import Base

HERE = Path(__file__).resolve().parent / "migrations"


def upgrade(url: str, *, to: str = "head") -> None:
    """Bring the database to the newest schema, or to that of an older release; safe to call by several at once."""
    command.upgrade(_config(url), to)


def pending(url: str) -> bool:
    """True when this code knows migrations that the database has not had."""
    engine = create_engine(url, poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            held = set(MigrationContext.configure(connection).get_current_heads())
    finally:
        engine.dispose()
    script = ScriptDirectory.from_config(_config(url))
    known = {revision.revision for revision in script.walk_revisions()}
    # An unknown revision is a newer release's: its migrations ran before this process was replaced.
    return bool(set(script.get_heads()) - held) and held <= known


def newest() -> str:
    """The newest revision this code knows."""
    return str(ScriptDirectory.from_config(_config("")).get_current_head())


def differences(url: str) -> list[object]:
    """What models and database do not agree on; partitions aside."""
    engine = create_engine(url, poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            options = {"compare_type": True, "compare_server_default": True, "include_name": _include_name}
            return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))
    finally:
        engine.dispose()


def write(url: str, name: str) -> None:
    """Write the next migration from the difference between the models and this (up to date) database."""
    script = ScriptDirectory.from_config(_config(url))
    number = f"{len(list(script.walk_revisions())) + 1:04d}"
    command.revision(_config(url), message=name, autogenerate=True, rev_id=number)


def _include_name(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and name is not None and name.startswith(("turns_p", "turns_seen_", "turns_default")))


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["url"] = url.replace("postgresql://", "postgresql+psycopg://", 1)
    return config
