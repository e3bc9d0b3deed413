"""When we write unasked, and when nobody is asked to travel."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.content.calendar import REGIONS, CalendarSpec
from bot.outreach.calendar import Calendar

WINDOWS = {"quiet": "20:00-08:00", "friday": "13:00-15:00"}


def calendar(settings, **changes):
    spec = {
        **WINDOWS,
        "ramadan": {"quiet": "17:30-09:00", "dates": [{"first": date(2026, 2, 18), "last": date(2026, 3, 19)}]},
        "rains": [{"region": "Diffa", "first": "06-15", "last": "09-30"}],
        **changes,
    }
    return Calendar(CalendarSpec.model_validate(spec), Calendar.of(settings).clocks)


def niamey(month, day, hour, minute=0):
    return datetime(2026, month, day, hour, minute, tzinfo=UTC) - timedelta(hours=1)


@pytest.mark.parametrize(
    ("at", "leaves"),
    [
        (niamey(11, 24, 12), niamey(11, 24, 12)),  # a Tuesday
        (niamey(11, 24, 7, 59), niamey(11, 24, 8)),
        (niamey(11, 24, 20), niamey(11, 25, 8)),
        (niamey(11, 27, 13), niamey(11, 27, 15)),  # a Friday
        (niamey(11, 27, 12, 59), niamey(11, 27, 12, 59)),
        (niamey(2, 24, 17, 30), niamey(2, 25, 9)),  # fasting
        (niamey(2, 24, 8, 30), niamey(2, 24, 9)),
        (niamey(2, 17, 20), niamey(2, 18, 9)),  # the night before the first day of it
        (niamey(3, 19, 20, 30), niamey(3, 20, 9)),  # the last evening
        (niamey(2, 27, 14), niamey(2, 27, 15)),  # a Friday of it
    ],
)
def test_what_we_push_leaves_by_day_outside_prayer_and_fast(settings, at, leaves):
    it = calendar(settings)
    assert it.next_push(at) == leaves
    assert it.may_push(at) == (leaves == at)


def test_a_moment_it_gives_is_one_at_which_it_may(settings):
    it, at = calendar(settings), niamey(2, 16, 0)
    for _ in range(24 * 40):
        at += timedelta(hours=1)
        assert it.may_push(it.next_push(at))
        assert it.next_push(at) >= at


def test_nobody_travels_on_holidays_in_the_rains_or_while_a_place_is_closed(settings, tmp_path):
    holidays = tmp_path / "holidays.txt"
    holidays.write_text("2026-12-18  # Republic day\n", encoding="utf-8")
    closure = {"first": date(2026, 12, 1), "last": date(2026, 12, 2), "regions": ["Agadez"]}
    it = calendar(settings.model_copy(update={"holidays_file": holidays}), closures=[closure])
    assert it.closed(date(2026, 12, 18))
    assert it.closed(date(2026, 12, 18), "Zinder")
    assert it.closed(date(2026, 7, 1), "Diffa")
    assert it.closed(date(2031, 9, 30), "Diffa")
    assert not it.closed(date(2026, 7, 1), "Zinder")
    assert not it.closed(date(2026, 7, 1))
    assert it.closed(date(2026, 12, 2), "Agadez")
    assert not it.closed(date(2026, 12, 2), "Zinder")
    assert not it.closed(date(2026, 12, 3), "Agadez")


def test_people_meet_on_office_days_alone(settings):
    it = calendar(settings)
    assert it.may_meet(date(2026, 11, 24))
    assert it.may_meet(date(2026, 11, 27))
    assert not it.may_meet(date(2026, 11, 28))  # a Saturday
    assert not it.may_meet(date(2026, 7, 1), "Diffa")


def test_a_closure_may_hold_messages_back(settings):
    mourning = {"first": date(2026, 12, 1), "last": date(2026, 12, 3), "messages": False}
    it = calendar(settings, closures=[mourning])
    assert it.next_push(niamey(12, 1, 12)) == niamey(12, 4, 8)
    away = {"first": date(2026, 12, 1), "last": date(2026, 12, 3), "messages": False, "regions": ["Agadez"]}
    it = calendar(settings, closures=[away])
    assert it.next_push(niamey(12, 1, 12), "Agadez") == niamey(12, 4, 8)
    assert it.may_push(niamey(12, 1, 12), "Zinder")
    assert it.may_push(niamey(12, 1, 12))


def test_the_file_of_the_product_is_used(settings):
    it = Calendar.of(settings)
    assert not it.may_push(niamey(2, 24, 18))
    assert it.may_push(niamey(11, 24, 18))
    assert {one.region for one in it.spec.rains} <= set(REGIONS)
