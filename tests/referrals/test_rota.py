"""The rota: who has the shift is told first, who is away last, and a gap is seen before it comes."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ReferralError
from bot.referrals import rota, staffing
from bot.referrals.rota import Plan
from bot.store.models import Absence, Shift, Staff
from tests.referrals.conftest import NOON
from tests.referrals.test_chains import logins

NIAMEY = ZoneInfo("Africa/Niamey")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TODAY = NOON.date()


@pytest.fixture
def plan(office):
    """Plans a shift of somebody, by id."""

    def put(staff_id, start=NOON - HOUR, end=NOON + HOUR, *, queue="protection", at="", deputy=None, weeks=1):
        with office.database.transaction() as session:
            staff = session.get_one(Staff, staff_id)
            other = session.get_one(Staff, deputy) if deputy else None
            shifts = rota.put_shift(
                session, staff, queue=queue, office=at, staff=staff, deputy=other, starts_at=start, ends_at=end,
                weeks=weeks,
            )  # fmt: skip
            return [shift.id for shift in shifts]

    return put


@pytest.fixture
def away(office):
    def put(staff_id, first=TODAY, last=TODAY):
        with office.database.transaction() as session:
            staff = session.get_one(Staff, staff_id)
            rota.put_absence(session, staff, staff, first, last)

    return put


def calendar(office, start, end, queue="protection", of=""):
    with office.database.transaction() as session:
        return Plan.read(session, start, end, zone=NIAMEY).stretches(queue, of, start, end)


def test_who_has_the_shift_is_told_first(office, plan):
    office.on_duty("first")
    second = office.on_duty("second")
    need = office.need()
    assert logins(office, need) == ["first", "second"]
    plan(second)
    assert logins(office, need) == ["second", "first"]
    assert logins(office, need, at=NOON + HOUR) == ["first", "second"]


def test_the_deputy_stands_in_for_somebody_away(office, plan, away):
    first, deputy = office.on_duty("first"), office.on_duty("deputy")
    office.on_duty("third")
    plan(first, deputy=deputy)
    need = office.need()
    assert logins(office, need) == ["first", "deputy", "third"]
    away(first)
    assert logins(office, need) == ["deputy", "third", "first"]


def test_somebody_away_is_better_than_nobody(office, away):
    away(office.on_duty("only"))
    assert logins(office, office.need()) == ["only"]


def test_a_day_away_begins_and_ends_at_midnight_of_niamey(office, away):
    away(office.on_duty("first"), date(2026, 11, 24), date(2026, 11, 24))
    office.on_duty("second")
    need = office.need()
    midnight = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
    assert logins(office, need, at=midnight - timedelta(seconds=1)) == ["first", "second"]
    assert logins(office, need, at=midnight) == ["second", "first"]
    assert logins(office, need, at=midnight + DAY) == ["first", "second"]


def test_somebody_on_shift_who_stands_in_no_list_is_told_too(office, plan):
    office.on_duty("listed")
    plan(office.on_duty("guest", queue=""))
    assert logins(office, office.need()) == ["guest", "listed"]


def test_a_shift_lets_nobody_see_what_they_may_not(office, plan):
    office.on_duty("specialist", "gbv_specialist", "gbv")
    boss = office.on_duty("boss", "coordinator", queue="", queues=["gbv"])
    with pytest.raises(ReferralError, match="serves"):
        plan(boss, queue="gbv")
    with office.database.transaction() as session:  # planned before the role changed
        session.add(Shift(queue="gbv", staff_id=boss, starts_at=NOON - HOUR, ends_at=NOON + HOUR))
    assert logins(office, office.need(queue="gbv")) == ["specialist"]


def test_the_shift_of_the_own_office_comes_before_that_of_all(office, plan):
    everywhere = office.on_duty("everywhere")
    agadez = office.on_duty("agadez", office="Agadez", offices=["Agadez"])
    plan(everywhere)
    plan(agadez, at="Agadez")
    assert logins(office, office.need(office="Agadez")) == ["agadez", "everywhere"]


def test_weeks_are_planned_ahead_once(office, plan):
    staff = office.on_duty("first")
    assert plan(staff, weeks=4) == plan(staff, weeks=4)
    week = calendar(office, NOON - HOUR, NOON + timedelta(weeks=4))
    assert [one.start for one in week if not one.gap] == [NOON - HOUR + timedelta(weeks=n) for n in range(4)]


@pytest.mark.parametrize(
    ("start", "end", "weeks"),
    [(NOON, NOON, 1), (NOON, NOON - HOUR, 1), (NOON, NOON + 9 * DAY, 1), (NOON, NOON + HOUR, 27)],
)
def test_an_impossible_shift_is_refused(office, plan, start, end, weeks):
    with pytest.raises(ReferralError):
        plan(office.on_duty("first"), start, end, weeks=weeks)


def test_a_gap_is_told_with_its_hours(office, plan):
    staff = office.on_duty("first")
    plan(staff, NOON, NOON + 8 * HOUR)
    plan(staff, NOON + 10 * HOUR, NOON + 12 * HOUR)
    gaps = [one for one in calendar(office, NOON, NOON + 12 * HOUR) if one.gap]
    assert [(one.start, one.end) for one in gaps] == [(NOON + 8 * HOUR, NOON + 10 * HOUR)]


def test_an_absence_without_deputy_is_a_gap(office, plan, away):
    staff = office.on_duty("first")
    plan(staff, NOON - 2 * DAY, NOON + 2 * DAY)
    away(staff)
    gaps = [one for one in calendar(office, NOON - 2 * DAY, NOON + 2 * DAY) if one.gap]
    assert [(one.start.astimezone(NIAMEY).hour, one.end - one.start) for one in gaps] == [(0, DAY)]


def test_a_queue_without_shifts_has_no_calendar(office):
    office.on_duty("first")
    assert calendar(office, NOON, NOON + DAY) == []


def test_who_leaves_hands_their_shifts_to_the_deputy(office, plan):
    first, deputy = office.on_duty("first"), office.on_duty("deputy")
    soon = datetime.now(UTC) + DAY
    plan(first, soon, soon + HOUR, deputy=deputy)
    plan(first, soon + 2 * HOUR, soon + 3 * HOUR)
    with office.database.transaction() as session:
        staffing.leave(session, "first")
    with office.database.transaction() as session:
        [left] = session.query(Shift).all()
        assert (left.staff_id, left.deputy_id) == (deputy, None)


moments = st.integers(0, 96)
spans = st.tuples(moments, st.integers(1, 48), st.integers(1, 3), st.sampled_from([None, 1, 2, 3]))


@given(
    st.lists(spans, max_size=6),
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3), st.integers(0, 2)), max_size=3),
)
def test_the_calendar_says_at_every_hour_what_the_chain_says(shifts, absences):
    begin = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)  # midnight in Niamey
    plan = Plan(
        NIAMEY,
        [
            Shift(
                id=n, queue="q", office="", staff_id=who, deputy_id=deputy, starts_at=begin + start * HOUR,
                ends_at=begin + (start + long) * HOUR,
            )
            for n, (start, long, who, deputy) in enumerate(shifts) if deputy != who
        ],
        [
            Absence(
                staff_id=who, first_day=date(2026, 11, 23) + first * DAY, last_day=date(2026, 11, 23) + (first + more) * DAY
            )
            for who, first, more in absences
        ],
    )  # fmt: skip
    end = begin + 96 * HOUR
    stretches = plan.stretches("q", "", begin, end)
    if not plan.shifts:
        assert stretches == []
        return
    assert (stretches[0].start, stretches[-1].end) == (begin, end)
    assert all(one.end == other.start for one, other in itertools.pairwise(stretches))
    for hour in range(96):
        at = begin + hour * HOUR
        [stretch] = [one for one in stretches if one.start <= at < one.end]
        assert set(stretch.people) == set(plan.standing("q", "", at).on_shift)
        assert not set(stretch.people) & plan.away(at)
