"""Counts under 5 stay hidden from whoever adds and subtracts all that the page shows."""

from itertools import product

from hypothesis import assume, given
from hypothesis import strategies as st

from bot.referrals.small_numbers import MANY, SMALLEST, Count, may_show, protect, ranges

few_or_many = st.integers(0, 7) | st.integers(0, 60)
HIGHEST = 14  # past it a hidden count that is not "under 5" is as good as unknown to the reader in `possible`


@st.composite
def two_cuts(draw, most=12):
    """The same requests by week and by office."""
    weeks = draw(st.lists(few_or_many, min_size=1, max_size=most))
    left, offices = sum(weeks), []
    for _ in range(draw(st.integers(0, 5))):
        offices.append(draw(st.integers(0, min(left, 8)) | st.integers(0, left)))
        left -= offices[-1]
    return weeks, [*offices, left]


def possible(cuts):
    """Every value that each hidden count may have, found by trying out all of them."""
    free = [[range(one.range[0], min(one.range[1], HIGHEST) + 1) for one in cut] for cut in cuts]
    by_total = [{}, {}]
    for found, cut in zip(by_total, free, strict=True):
        for guess in product(*cut):
            found.setdefault(sum(guess), []).append(guess)
    fitting = by_total[0].keys() & by_total[1].keys()
    return [
        [set(values) for values in zip(*(guess for total in fitting for guess in found[total]), strict=True)]
        for found in by_total
    ]


@given(two_cuts())
def test_nobody_reckons_a_small_count_back(cuts):
    shown = protect(*cuts)
    for cut, known in zip(shown, ranges(shown), strict=True):
        for one, (low, high) in zip(cut, known, strict=True):
            assert one.value is None or one.value >= SMALLEST
            assert one.value is not None or low < high or low == 0 or low >= SMALLEST


@given(two_cuts(most=3))
def test_trying_out_everything_finds_no_small_count(cuts):
    shown = protect(*cuts)
    assume(sum(one.value is None for cut in shown for one in cut) <= 6)
    assume(all(count < HIGHEST for cut in cuts for count in cut))
    for cut, values in zip(shown, possible(shown), strict=True):
        for one, found in zip(cut, values, strict=True):
            assert one.value is not None or len(found) != 1 or found <= {0} or min(found) >= SMALLEST


@given(two_cuts())
def test_what_is_shown_is_true(cuts):
    for cut, true in zip(protect(*cuts), cuts, strict=True):
        for one, count in zip(cut, true, strict=True):
            assert one.value in (None, count)
            assert one.range[0] <= count <= one.range[1] or (one.value, one.few) == (None, False)


def test_one_small_office_hides_another_with_it():
    weeks, offices = protect([30, 22], [41, 8, 3])
    assert weeks == [Count(30), Count(22)]
    assert offices == [Count(41), Count(None), Count(None, few=True)]


def test_two_that_can_only_be_four_each_are_covered():
    _, offices = protect([20, 20], [32, 4, 4])
    assert offices == [Count(None), Count(None, few=True), Count(None, few=True)]


def test_large_counts_are_all_shown():
    assert protect([9, 11], [20]) == [[Count(9), Count(11)], [Count(20)]]
    assert ranges([[Count(None)]]) == [[(SMALLEST, MANY)]]


def test_a_share_hides_what_is_left_too():
    assert may_show(20, 40)
    assert may_show(12, 12)
    assert may_show(0, 12)
    assert not may_show(38, 40)
    assert not may_show(2, 40)
    assert not may_show(4, 4)
