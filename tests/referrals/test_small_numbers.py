"""Counts under 5 stay hidden from whoever adds and subtracts all that the page shows."""

from itertools import product

from hypothesis import assume, given
from hypothesis import strategies as st

from bot.referrals.small_numbers import MANY, SMALLEST, Count, may_show, protect, protect_table, ranges

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


tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(few_or_many, min_size=width, max_size=width), min_size=1, max_size=4)
)


def guesses(line, total):
    """What each hidden count of a row or column can be, for whoever knows its sum, found by trying out all of them."""
    hidden = [range(one.range[0], min(one.range[1], total) + 1) for one in line if one.value is None]
    left = total - sum(one.value for one in line if one.value is not None)
    fitting = [guess for guess in product(*hidden) if sum(guess) == left]
    return [set(values) for values in zip(*fitting, strict=True)]


@given(tables)
def test_nobody_reckons_a_small_count_of_a_table_back_by_a_sum_of_its_row_or_column(rows):
    shown = protect_table(rows)
    for line, counts in [
        *zip(shown, rows, strict=True),
        *zip(zip(*shown, strict=True), zip(*rows, strict=True), strict=True),
    ]:
        if sum(counts) < 25:  # trying out larger sums takes long
            assert all(len(found) > 1 or found <= {0} or min(found) >= SMALLEST for found in guesses(line, sum(counts)))


@given(tables)
def test_what_a_table_shows_is_true_and_never_small(rows):
    for line, counts in zip(protect_table(rows), rows, strict=True):
        for one, count in zip(line, counts, strict=True):
            assert one.value in (None, count)
            assert one.value is None or one.value >= SMALLEST
            assert not one.few or count < SMALLEST


def test_one_small_count_of_a_row_hides_another_with_it():
    assert protect_table([[12, 3, 9], [0, 0, 0]])[0] == [Count(12), Count(None, few=True), Count(None)]


def test_large_and_empty_tables_are_shown_as_they_are():
    assert protect_table([[9, 12], [7, 8]]) == [[Count(9), Count(12)], [Count(7), Count(8)]]
    assert protect_table([[0, 6]]) == [[Count(None, few=True), Count(6)]]
