"""Milestones: what is counted, what is hidden, and how long a stage takes."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import true

from bot.cases import milestones
from bot.cases.milestones import Filters, Stay
from bot.store.models import Case, StageChange


@pytest.fixture
def put(database):
    """Files; `moves`: stage and day of each move."""
    numbers = iter(range(1, 10_000))

    def add(many=1, *, moves=(), **fields):
        usual = {
            "name": "Salifou", "sex": "M", "language": "ha", "region": "Zinder", "department": "", "office": "Zinder",
            "partner": "Taagazt", "project_type": "individual", "stage": "FINALISED", "opened_on": date(2026, 1, 5),
            "stage_since": date(2026, 10, 5),
        }  # fmt: skip
        with database.transaction() as session:
            for _ in range(many):
                case = Case(number=f"{next(numbers):09d}", **usual | fields)
                session.add(case)
                session.flush()
                for before, after, day in moves:
                    at = datetime(2026, 1, 5, 10, tzinfo=UTC) + timedelta(days=day)
                    session.add(StageChange(case_id=case.id, at=at, by="staff:1", from_stage=before, to_stage=after))

    return add


def stays(database, *args):
    with database.transaction() as session:
        return milestones.stays(session, true(), *args)


def test_finalised_files_are_counted_as_they_stand(database, put):
    put(3)
    put(2, stage_since=date(2026, 9, 30), office="Tahoua", region="Tahoua")
    put(4, stage_since=date(2025, 12, 31))
    put(9, stage="MONITORING")
    with database.transaction() as session:
        found = milestones.finalised(session, true())
    assert milestones.total(found) == 9
    of_2026 = milestones.chosen(found, Filters(2026))
    assert milestones.by_month(of_2026) == {date(2026, 10, 1): 3, date(2026, 9, 1): 2}
    assert milestones.by_month(milestones.chosen(found, Filters(office="Tahoua"))) == {date(2026, 9, 1): 2}
    assert milestones.by_region(found) == [("Zinder", 7), ("Tahoua", 2)]
    assert [cell.count for cell in milestones.by_partner(found)] == [9]


@pytest.mark.parametrize(
    ("count", "goal", "left"), [(0, 1000, 1000), (999, 1000, 1), (1000, 2000, 1000), (1372, 2000, 628)]
)
def test_the_next_thousand(count, goal, left):
    assert milestones.next_thousand(count) == (goal, left)


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ([9, 7], [9, 7]),
        ([9, 7, 3], [9, None, None]),
        ([9, 1, 3], [None, None, None]),
        ([2], [None]),
        ([40, 8, 3, 4], [40, None, None, None]),
    ],
)
def test_what_could_point_at_a_person_is_hidden_with_what_would_give_it_away(counts, shown):
    cells = milestones.hide_small([(f"P{place}", "individual", one) for place, one in enumerate(counts)])
    known = [cell.count for cell in cells]
    assert all(one is None or one >= 5 for one in known)
    assert [one is None for one in known][: len(shown)].count(True) >= sum(one < 5 for one in counts)
    hidden = [one for one, told in zip(counts, known, strict=True) if told is None]
    assert not hidden or len(hidden) > 1 or len(counts) == 1
    assert sum(one is None for one in known) <= sum(one is None for one in shown)


def test_a_stay_is_from_one_move_to_the_next(database, put):
    put(10, moves=[("REGISTERED", "ELIGIBILITY", 7), ("ELIGIBILITY", "COUNSELLING", 20)])
    put(10, moves=[("REGISTERED", "ELIGIBILITY", 10), ("ELIGIBILITY", "ON_HOLD", 12), ("ON_HOLD", "ELIGIBILITY", 90)])
    put(10, moves=[("KIT_READY", "KIT_COLLECTED", 50)])  # found half-way by an import: nobody knows since when
    put(4, moves=[("REGISTERED", "ELIGIBILITY", 3)], office="Tahoua")
    milestones.count_stage_times(database, zone="Africa/Niamey")
    milestones.count_stage_times(database, zone="Africa/Niamey")
    assert stays(database, Filters()) == [
        Stay("REGISTERED", 24, 7, 10),
        Stay("ELIGIBILITY", 10, 13, 13),
    ]
    assert stays(database, Filters(office="Tahoua")) == []  # of four nobody is told
    assert stays(database, Filters(year=2025)) == []
