"""The migrated database is what the models say, and history can only be added to."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from bot.store import migrate


def test_models_and_migrated_schema_agree(database):
    assert migrate.differences(database.engine.url.render_as_string(hide_password=False)) == []


def test_a_migrated_database_has_nothing_pending_and_an_empty_one_has(database, store_urls):
    url = store_urls["database_url"]
    assert not migrate.pending(url)
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    fresh = f"fresh_{database.engine.url.database}"
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {fresh} TEMPLATE template0"))
    try:
        empty = url.replace(f"/{database.engine.url.database}?", f"/{fresh}?")
        assert migrate.pending(empty)
        migrate.upgrade(empty)
        assert not migrate.pending(empty)
        migrate.upgrade(empty)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {fresh} WITH (FORCE)"))
        admin.dispose()


def test_a_database_of_a_newer_release_is_not_pending(database, store_urls):
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        assert not migrate.pending(store_urls["database_url"])
    finally:
        head = migrate.newest()
        with database.transaction() as session:
            session.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": head})


@pytest.mark.parametrize("statement", ["UPDATE audit SET action = 'other'", "DELETE FROM audit"])
def test_audit_rows_can_neither_be_changed_nor_deleted(database, statement):
    with database.transaction() as session:
        session.execute(text("INSERT INTO audit (action, subject) VALUES ('read', 'case:1')"))
    with pytest.raises(IntegrityError, match="only ever added"), database.transaction() as session:
        session.execute(text(statement))


@pytest.mark.parametrize(
    "table",
    [
        "audit",
        "contact_attempts",
        "stage_changes",
        "referral_events",
        "proposal_events",
        "book_lines",
        "book_marks",
        "goal_payments",
    ],
)
def test_every_history_table_carries_the_refusal(database, table):
    with database.transaction() as session:
        found = session.scalars(
            text("SELECT tgname FROM pg_trigger WHERE tgrelid = CAST(:table AS regclass) AND tgname = 'only_added'"),
            {"table": table},
        ).all()
    assert found == ["only_added"]
