"""Numbers of proposals as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.proposals import number_of, proposal_number, show_proposal

NUMBER = number_of(123)


@pytest.mark.parametrize("typed", ["{}", "p{}", "P {}", "P-{}", "p.{}", " P-{}. ", "P/{}"])
def test_all_the_ways_in_which_it_is_typed(typed):
    assert proposal_number(typed.format(NUMBER)) == NUMBER


def test_digits_of_other_scripts_and_apart():
    assert proposal_number("P " + NUMBER.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))) == NUMBER
    assert proposal_number(f"p{NUMBER[:2]} {NUMBER[2:]}") == NUMBER


@pytest.mark.parametrize("typed", ["", "P", "P-12", "hello", "P0000", "Q-1234", "1" * 13])
def test_what_is_no_number(typed):
    assert proposal_number(typed) is None


@given(st.integers(100, 10**7))
def test_a_wrong_digit_never_names_another_proposal(running):
    number = number_of(running)
    assert proposal_number(show_proposal(number)) == number
    for place in range(len(number)):
        other = str((int(number[place]) + 1) % 10)
        assert proposal_number(number[:place] + other + number[place + 1 :]) is None
