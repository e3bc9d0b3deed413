"""Niamey is UTC+1 all year: 8:00 there is 7:00 UTC."""

from dataclasses import fields
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import Settings, load
from bot.engine.effects import Terms
from bot.errors import ConfigError
from bot.referrals import clocks
from bot.referrals.clocks import Clocks


def niamey(text):
    """`24 12:00` of November 2026; the 23rd is a Monday."""
    day, hour = text.split()
    return (datetime.strptime(f"2026-11-{day} {hour}", "%Y-%m-%d %H:%M") - timedelta(hours=1)).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "hours", "end"),
    [
        ("23 08:00", 4, "23 12:00"),
        ("23 07:00", 4, "23 12:00"),  # counts from the opening
        ("23 13:30", 4, "23 17:30"),  # ends at closing time, the same day
        ("23 13:31", 4, "24 08:01"),
        ("23 17:30", 4, "24 12:00"),  # closing time itself is no longer open
        ("26 15:30", 4, "27 10:00"),  # Thursday into Friday
        ("27 08:30", 4, "27 12:30"),  # Friday is short
        ("27 10:00", 4, "30 09:30"),  # over the weekend
        ("28 10:00", 4, "30 12:00"),
        ("23 08:00", 9.5, "23 17:30"),
        ("23 08:00", 19, "24 17:30"),
    ],
)
def test_office_time_runs_in_office_hours_only(at, hours, end):
    assert clocks.add_office_time(niamey(at), hours) == niamey(end)


def test_holidays_have_no_office_hours():
    closed = Clocks(holidays=frozenset({date(2026, 11, 24)}))
    assert clocks.add_office_time(niamey("23 16:30"), 2, clocks=closed) == niamey("25 09:00")
    assert clocks.add_working_days(niamey("23 10:00"), 1, clocks=closed) == niamey("25 10:00")
    assert clocks.next_digest(niamey("23 10:00"), clocks=closed) == niamey("25 08:00")


@pytest.mark.parametrize(
    ("at", "days", "end"),
    [
        ("23 10:00", 1, "24 10:00"),
        ("23 10:00", 3, "26 10:00"),
        ("26 16:00", 1, "27 12:30"),  # Friday has closed by then
        ("27 10:00", 1, "30 10:00"),
        ("27 11:00", 2, "01 11:00"),
        ("28 10:00", 1, "01 08:00"),  # a Saturday counts from Monday's opening
        ("23 22:00", 2, "26 08:00"),
    ],
)
def test_working_days(at, days, end):
    expected = niamey(end) if not end.startswith("01") else datetime(2026, 12, 1, int(end[3:5]) - 1, tzinfo=UTC)
    assert clocks.add_working_days(niamey(at), days) == expected


@pytest.mark.parametrize(
    ("level", "at", "alert", "rung"),
    [
        ("critical", "24 03:00", "24 03:00", "24 03:15"),
        ("high", "24 05:59", "24 06:00", None),
        ("high", "24 06:00", "24 06:00", "24 12:00"),
        ("high", "24 21:59", "24 21:59", "25 12:00"),
        ("high", "24 22:00", "25 06:00", None),
        ("high", "28 10:00", "28 10:00", "30 12:00"),  # told on Saturday; four hours of Monday to answer
        ("normal", "24 07:59", "24 08:00", None),
        ("normal", "24 08:00", "24 08:00", "26 08:00"),
        ("normal", "24 08:01", "25 08:00", None),
        ("normal", "27 09:00", "30 08:00", None),
    ],
)
def test_alerts_and_rungs_of_each_level(level, at, alert, rung):
    assert clocks.first_alert_at(level, niamey(at)) == niamey(alert)
    if rung:
        assert clocks.next_rung_at(level, niamey(at)) == niamey(rung)


@pytest.mark.parametrize(
    ("level", "round_", "at", "again"),
    [
        ("critical", 0, "24 12:00", "24 12:30"),
        ("critical", 5, "24 02:00", "24 02:30"),
        ("high", 0, "24 08:00", "24 12:00"),
        ("high", 1, "24 08:00", "24 08:30"),
        ("high", 1, "24 21:45", "25 06:00"),
        ("normal", 0, "24 08:00", "26 08:00"),
        ("normal", 1, "24 08:00", "25 08:00"),
    ],
)
def test_after_the_last_rung_again_from_the_first(level, round_, at, again):
    assert clocks.next_round_at(level, niamey(at), round_=round_) == niamey(again)


@pytest.mark.parametrize(
    ("window", "at", "allowed"),
    [
        ("any", "24 06:00", "24 06:00"),
        ("any", "24 21:59", "24 21:59"),
        ("any", "24 22:00", "25 06:00"),
        ("any", "24 03:00", "24 06:00"),
        ("morning", "24 06:59", "24 07:00"),
        ("morning", "24 12:00", "25 07:00"),
        ("afternoon", "24 12:00", "24 12:00"),
        ("afternoon", "24 17:00", "25 12:00"),
        ("evening", "24 17:00", "24 17:00"),
        ("evening", "24 20:59", "24 20:59"),
        ("evening", "24 21:00", "25 17:00"),
    ],
)
def test_next_safe_call(window, at, allowed):
    assert clocks.next_safe_call(Terms(may_call=True, window=window), niamey(at)) == niamey(allowed)


@pytest.mark.parametrize("terms", [None, Terms(may_call=False), Terms(may_call=True, window="after_ramadan")])
def test_no_permission_is_no_moment(terms):
    assert clocks.next_safe_call(terms, niamey("24 12:00")) is None
    assert clocks.first_contact_due("critical", False, terms=terms, at=niamey("24 12:00")) is None
    assert clocks.lapses_at(terms, niamey("24 12:00")) is None


@pytest.mark.parametrize(
    ("level", "private", "window", "due"),
    [
        ("critical", False, "any", "24 13:00"),
        ("critical", True, "evening", "24 18:00"),  # the safe hour, not the hour after the turn
        ("high", True, "any", "24 13:00"),  # private is critical
        ("high", False, "any", "25 12:00"),
        ("normal", False, "any", "27 12:00"),
    ],
)
def test_first_contact(level, private, window, due):
    terms = Terms(may_call=True, window=window)
    assert clocks.first_contact_due(level, private, terms=terms, at=niamey("24 12:00")) == niamey(due)


def test_an_acceptance_is_counted_from_the_first_allowed_moment():
    assert clocks.lapses_at(Terms(may_call=True), niamey("24 12:00")) == niamey("24 12:45")
    assert clocks.lapses_at(Terms(may_call=True, window="morning"), niamey("24 12:00")) == niamey("25 07:45")


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))


@given(MOMENTS, st.sampled_from(["critical", "high", "normal"]), st.integers(0, 3))
def test_time_never_runs_backwards(at, level, round_):
    assert at <= clocks.first_alert_at(level, at)
    assert at < clocks.next_rung_at(level, at)
    assert at + timedelta(minutes=30) <= clocks.next_round_at(level, at, round_=round_)


@given(MOMENTS, st.floats(0.1, 30), st.floats(0.1, 30))
def test_office_time_adds_up(at, first, second):
    twice = clocks.add_office_time(clocks.add_office_time(at, first), second)
    assert abs(twice - clocks.add_office_time(at, first + second)) < timedelta(milliseconds=1)
    opening, closing = time(8), time(17, 30)
    assert opening <= clocks.STANDARD.local(twice).time() <= closing


@given(MOMENTS, st.sampled_from(["any", "morning", "afternoon", "evening"]))
def test_a_safe_call_is_inside_its_window(at, window):
    allowed = clocks.next_safe_call(Terms(may_call=True, window=window), at)
    first, last = clocks.STANDARD.windows[window]
    assert first <= clocks.STANDARD.local(allowed).time() < last
    assert at <= allowed < at + timedelta(days=1, hours=1)


def test_holidays_come_from_a_file(tmp_path):
    file = tmp_path / "holidays.txt"
    file.write_text("# two days\n2026-12-18  # Republic Day\n\n2026-12-25\n", encoding="utf-8")
    assert Clocks.of(Settings(holidays_file=file)).holidays == {date(2026, 12, 18), date(2026, 12, 25)}


@pytest.mark.parametrize(("content", "told"), [("2026-12-18\n25/12/2026\n", ":2:"), (None, "can't be read")])
def test_a_bad_holidays_file_is_told_with_its_line(tmp_path, content, told):
    file = tmp_path / f"holidays{len(told)}.txt"
    if content:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        Clocks.of(Settings(holidays_file=file))


def test_the_settings_begin_with_the_figures_of_safety_20(settings):
    assert Clocks.of(settings) == Clocks()


def test_every_figure_is_a_setting(settings):
    others = {
        "office_hours": "09:00-12:00 - - - - - -", "alert_hours": "07:00-20:00", "digest_at": "09:30", "critical_step": 10,
        "high_step": 2.0, "normal_step": 1, "again_after": 20, "accepted_for": 30, "confirm_within": 60, "call_now_for": 10,
        "critical_contact": 45, "high_contact": 2, "normal_contact": 5,
    }  # fmt: skip
    standard, changed = Clocks.of(settings), Clocks.of(settings.model_copy(update=others))
    kept = {"timezone", "holidays", "windows"}
    assert {one.name for one in fields(Clocks) if getattr(standard, one.name) == getattr(changed, one.name)} == kept
    assert changed.week == ((time(9), time(12)), *[None] * 6)


@pytest.mark.parametrize(
    "wrong",
    [{"office_hours": "08:00-17:30"}, {"office_hours": "- - - - - - -"}, {"office_hours": "17:00-08:00 - - - - - -"}, {"alert_hours": "6-22"}, {"digest_at": "25:00"}, {"critical_step": 0}, {"again_after": 600}],
)  # fmt: skip
def test_a_figure_that_would_leave_people_alone_is_refused(wrong):
    with pytest.raises(ConfigError):
        load(**wrong)
