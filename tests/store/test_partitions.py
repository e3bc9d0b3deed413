"""Partitions appear before they are needed, take late rows over, and go with their time."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from bot.store import partitions

TODAY = date(2026, 12, 30)


@pytest.fixture
def own(database):
    """Partitions are tables, which emptying leaves: none from an earlier test, none for a later one."""
    drop_partitions(database)
    yield database
    drop_partitions(database)


def drop_partitions(database):
    with database.transaction() as session:
        for name in session.scalars(
            text("SELECT relname FROM pg_class WHERE relname ~ '^turns(_seen)?_p[0-9]+$' AND relkind = 'r'")
        ):
            session.execute(text(f"DROP TABLE {name}"))


def seen(database, day):
    with database.transaction() as session:
        session.execute(
            text("INSERT INTO turns_seen (id, at) VALUES (:id, :at)"),
            {"id": f"{day:%Y%m%d}", "at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC)},
        )


def where(database):
    with database.transaction() as session:
        return dict(session.execute(text("SELECT id, tableoid::regclass::text FROM turns_seen")).all())


def test_ensure_makes_this_month_and_the_next_over_the_turn_of_the_year(own):
    made = partitions.ensure(own, today=TODAY)
    assert [name for name in made if name.startswith("turns_p")] == ["turns_p202612", "turns_p202701", "turns_p202702"]
    assert "turns_seen_p20261229" in made
    assert "turns_seen_p20270102" in made
    assert partitions.ensure(own, today=TODAY) == []


def test_rows_of_the_default_partition_move_to_the_new_one(own):
    seen(own, TODAY)
    assert where(own) == {"20261230": "turns_seen_default"}
    partitions.ensure(own, today=TODAY)
    assert where(own) == {"20261230": "turns_seen_p20261230"}


def test_a_day_without_a_partition_is_not_refused(own):
    partitions.ensure(own, today=TODAY)
    seen(own, date(2027, 6, 1))
    assert where(own) == {"20270601": "turns_seen_default"}


def test_drop_old_keeps_nine_days_and_the_months_asked_for(own):
    partitions.ensure(own, today=date(2026, 11, 15))
    partitions.ensure(own, today=TODAY)
    seen(own, date(2026, 11, 15))
    seen(own, TODAY)
    seen(own, date(2026, 10, 1))
    dropped = partitions.drop_old(own, today=TODAY, turn_months=1)
    assert "turns_seen_p20261115" in dropped
    assert not [name for name in dropped if name.startswith("turns_p")]
    assert where(own) == {"20261230": "turns_seen_p20261230"}
    assert partitions.drop_old(own, today=TODAY, turn_months=0) == ["turns_p202611"]
