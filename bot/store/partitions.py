"""Partitions of the tables that grow with traffic: `turns` by month, `turns_seen` by day. The clock calls both."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from bot.store.database import Database

SEEN_DAYS = 9  # longer than any gateway repeats a message
AHEAD_MONTHS = 2
AHEAD_DAYS = 3
_LOCK = 0x70617274


@dataclass(frozen=True, slots=True)
class Span:
    """A partition: rows of `table` from `first` (00:00 UTC) to before `end`."""

    table: str
    first: date
    end: date

    @property
    def name(self) -> str:
        """`turns_p202611`, `turns_seen_p20261122`."""
        return f"{self.table}_p{self.first:%Y%m}" if self.table == "turns" else f"{self.table}_p{self.first:%Y%m%d}"


def ensure(database: Database, *, today: date) -> list[str]:
    """Make the partitions of now and the near future; returns the names of new ones. Several clocks do no harm.

    Rows that already fell into the default partition move to where they belong.
    """
    with database.transaction() as session:
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        held = _held(session)
        missing = [span for span in _wanted(today) if span.name not in held]
        for span in missing:
            _create(session, span)
    return [span.name for span in missing]


def drop_old(database: Database, *, today: date, turn_months: int) -> list[str]:
    """Drop `turns_seen` past 9 days and `turns` past `turn_months` whole months; returns the names dropped."""
    first_seen = today - timedelta(days=SEEN_DAYS)
    first_turns = _month(today, -turn_months)
    with database.transaction() as session:
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        held = _held(session)
        old = [
            name
            for name in held
            if (name.startswith("turns_p") and name < f"turns_p{first_turns:%Y%m}")
            or (name.startswith("turns_seen_p") and name < f"turns_seen_p{first_seen:%Y%m%d}")
        ]
        for name in old:
            session.execute(text(f"DROP TABLE {name}"))
        # Late entries of days whose partition is gone end in the default one.
        session.execute(text("DELETE FROM turns_seen_default WHERE at < :first"), {"first": _midnight(first_seen)})
        session.execute(text("DELETE FROM turns_default WHERE at < :first"), {"first": _midnight(first_turns)})
    return old


def _wanted(today: date) -> list[Span]:
    months = [_month(today, n) for n in range(AHEAD_MONTHS + 1)]
    days = [today + timedelta(days=n) for n in range(-1, AHEAD_DAYS + 1)]
    return [Span("turns", month, _month(month, 1)) for month in months] + [
        Span("turns_seen", day, day + timedelta(days=1)) for day in days
    ]


def _month(day: date, ahead: int) -> date:
    index = day.year * 12 + day.month - 1 + ahead
    return date(index // 12, index % 12 + 1, 1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _held(session: Session) -> list[str]:
    found = session.scalars(
        text(
            "SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid "
            "WHERE inhparent IN ('turns'::regclass, 'turns_seen'::regclass) ORDER BY 1"
        )
    )
    return list(found)


def _create(session: Session, span: Span) -> None:
    first, end = _midnight(span.first).isoformat(), _midnight(span.end).isoformat()
    default = f"{span.table}_default"
    # Nobody may add to the default partition between the move and the attachment.
    session.execute(text(f"LOCK TABLE {default} IN ACCESS EXCLUSIVE MODE"))
    session.execute(text(f"CREATE TABLE {span.name} (LIKE {span.table} INCLUDING ALL)"))
    session.execute(
        text(
            f"WITH moved AS (DELETE FROM {default} WHERE at >= :first AND at < :end RETURNING *) "  # noqa: S608
            f"INSERT INTO {span.name} SELECT * FROM moved"
        ),
        {"first": first, "end": end},
    )
    session.execute(
        text(f"ALTER TABLE {span.table} ATTACH PARTITION {span.name} FOR VALUES FROM ('{first}') TO ('{end}')")
    )
