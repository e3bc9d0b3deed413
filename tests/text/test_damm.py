"""Damm's promise: every single slip and every swap of neighbours is caught."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.damm import check_digit, valid

DIGITS = st.text("0123456789", min_size=1, max_size=12)


@given(DIGITS)
def test_exactly_one_check_digit_holds(digits):
    assert [d for d in "0123456789" if valid(digits + d)] == [check_digit(digits)]


@given(DIGITS, st.data())
def test_a_single_wrong_digit_is_caught(digits, data):
    whole = digits + check_digit(digits)
    place = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != whole[place]]))
    assert not valid(whole[:place] + other + whole[place + 1 :])


@given(DIGITS, st.data())
def test_swapped_neighbours_are_caught(digits, data):
    whole = digits + check_digit(digits)
    place = data.draw(st.integers(0, len(whole) - 2))
    swapped = whole[:place] + whole[place + 1] + whole[place] + whole[place + 2 :]
    assert swapped == whole or not valid(swapped)


@pytest.mark.parametrize("number", ["482719368", "4821737", "116275678", "116433507"])
def test_known_numbers(number):
    assert valid(number)


@pytest.mark.parametrize("text", ["", "٤٨٢٧١٩٣٦٨", "48271936a", "-1", " 4821737"])
def test_other_text_is_not_valid(text):
    assert not valid(text)


def test_other_text_has_no_check_digit():
    with pytest.raises(ValueError, match="digits only"):
        check_digit("12a")
