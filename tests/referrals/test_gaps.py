"""A gap of the rota is told days before and once more the day before, to whoever plans it, and to nobody else."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bot.referrals import gaps, rota
from bot.store.models import Message, Staff
from tests.referrals.conftest import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NIAMEY = ZoneInfo("Africa/Niamey")


@pytest.fixture
def coordinator(office):
    return office.on_duty("ousmane", role="coordinator", queue=None)


@pytest.fixture
def plan(office):
    def put(staff_id, start, end, *, queue="protection", at=""):
        with office.database.transaction() as session:
            staff = session.get_one(Staff, staff_id)
            rota.put_shift(
                session, staff, queue=queue, office=at, staff=staff, deputy=None, starts_at=start, ends_at=end
            )

    return put


def warn(office, after=timedelta(0)):
    return gaps.warn(office.database, now=NOON + after, settings=office.settings, ciphers=office.ciphers)


@pytest.fixture
def hole(office, plan):
    """Nobody from four days after NOON on, for ten hours."""
    someone = office.on_duty("hadiza")
    plan(someone, NOON - DAY, NOON + 4 * DAY)
    plan(someone, NOON + 4 * DAY + 10 * HOUR, NOON + 9 * DAY)


def test_told_days_before_and_the_day_before_and_never_twice(office, coordinator, hole):
    told = [warn(office, after * HOUR) for after in range(0, 100, 4)]
    assert sum(told) == 2
    first, eve = office.texts(coordinator, "staff")
    assert first == eve
    assert first.startswith("Maraba, tour de garde: personne pour la file ")
    assert "samedi 28/11 12:00-22:00" in first


def test_a_gap_further_away_is_not_told_yet(office, coordinator, plan):
    someone = office.on_duty("hadiza")
    plan(someone, NOON - DAY, NOON + 6 * DAY)
    warn(office)
    assert office.texts(coordinator) == []
    warn(office, 2 * DAY)
    [said] = office.texts(coordinator)
    assert "des lundi 30/11 12:00" in said


def test_by_night_it_waits_for_the_morning(office, coordinator, hole):
    warn(office, 11 * HOUR)  # 23:00 in Niamey
    with office.database.transaction() as session:
        [row] = session.scalars(select(Message)).all()
    assert row.due_at.astimezone(NIAMEY).hour == 6


def test_a_queue_without_shifts_and_one_whose_rota_has_not_begun_have_no_gap(office, coordinator, plan):
    someone = office.on_duty("hadiza")
    assert warn(office) == 0
    plan(someone, NOON + 3 * DAY, NOON + 10 * DAY)
    assert warn(office) == 0


def test_of_the_sealed_queue_its_own_are_told(office, coordinator, plan):
    focal = office.on_duty("zeinabou", role="psea_focal", queue="sealed")
    plan(focal, NOON - DAY, NOON + DAY, queue="sealed")
    warn(office)
    assert len(office.texts(focal)) == 1
    assert office.texts(coordinator) == []


def test_a_day_away_without_a_deputy_is_a_gap(office, coordinator, plan):
    someone = office.on_duty("hadiza")
    plan(someone, NOON - DAY, NOON + 7 * DAY)
    assert warn(office) == 0
    with office.database.transaction() as session:
        staff = session.get_one(Staff, someone)
        day = (NOON + 2 * DAY).date()
        rota.put_absence(session, staff, staff, day, day)
    warn(office)
    [said] = office.texts(coordinator)
    assert "jeudi 26/11 00:00-00:00" in said


def test_who_plans_another_office_alone_is_not_told(office, plan):
    here = office.on_duty("a", role="coordinator", queue=None, offices=["Maradi"])
    there = office.on_duty("b", role="coordinator", queue=None, offices=["Zinder"])
    plan(office.on_duty("hadiza"), NOON - DAY, NOON + DAY, at="Maradi")
    warn(office)
    assert (len(office.texts(here)), office.texts(there)) == (1, [])
