"""Dates in words."""

from datetime import date

import pytest

from bot.text.dates import day_month, weekday, weekday_day_month
from bot.text.gsm7 import is_gsm7

MONDAY = date(2026, 11, 30)


def test_day_comes_before_month():
    assert day_month(date(2026, 10, 12)) == "12/10"
    assert day_month(date(2026, 1, 2)) == "02/01"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "lundi 30/11"),
        ("ha", "Litinin 30/11"),
        ("en", "Monday 30/11"),
        ("dje", "lundi 30/11"),
        ("", "lundi 30/11"),
    ],
)
def test_weekday_with_date(language, text):
    assert weekday_day_month(MONDAY, language) == text


def test_capital_for_the_start_of_a_line():
    assert weekday(MONDAY, "fr", capital=True) == "Lundi"
    assert weekday_day_month(MONDAY, "fr", capital=True) == "Lundi 30/11"
    assert weekday(MONDAY, "ha", capital=True) == "Litinin"


def test_seven_names_a_language_all_plain():
    for language in ("fr", "ha", "en"):
        names = {weekday(date(2026, 11, day), language) for day in range(23, 30)}
        assert len(names) == 7
        assert all(is_gsm7(name) for name in names)
