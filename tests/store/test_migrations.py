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


def test_days_that_files_held_before_there_were_appointments_become_appointments(database, store_urls):
    url = store_urls["database_url"]
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    fresh = f"upgraded_{database.engine.url.database}"
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {fresh} TEMPLATE template0"))
    before = url.replace(f"/{database.engine.url.database}?", f"/{fresh}?")
    engine = create_engine(before, isolation_level="AUTOCOMMIT")
    try:
        migrate.upgrade(before, to="0005")
        with engine.connect() as connection:
            connection.execute(
                text("""
                insert into cases (number, name, sex, language, region, department, office, stage, opened_on,
                  stage_since, next_appointment, appointment_place)
                select n, 'Salifou', 'M', 'ha', 'Zinder', 'Mirriah', 'Zinder', stage, current_date - 90,
                  current_date - 5, current_date + days, place
                from (values ('482719368', 'KIT_READY', 9, 'Office Zinder'), ('482719371', 'MONITORING', 9,
                  'Home visit Mirriah'), ('482719384', 'MONITORING', -4, ''), ('482719397', 'REGISTERED', null, ''))
                  as v(n, stage, days, place)
                """)
            )
        migrate.upgrade(before)
        with engine.connect() as connection:
            found = connection.execute(
                text("""
                select c.number, p.name, p.kind, a.detail, a.purpose, a.remind_at is not null, a.day = c.next_appointment
                from appointments a join cases c on c.id = a.case_id join places p on p.id = a.place_id order by 1
                """)
            ).all()
        assert [tuple(row) for row in found] == [
            ("482719368", "Office Zinder", "office", "", "kit", True, True),
            ("482719371", "Home visit", "home", "Mirriah", "visit", True, True),
            ("482719384", "Office Zinder", "office", "", "visit", False, True),
        ]
    finally:
        engine.dispose()
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {fresh} WITH (FORCE)"))
        admin.dispose()
