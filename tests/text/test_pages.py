"""USSD screens."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.gsm7 import fold, septets
from bot.text.pages import TextTooLong, ussd_pages

MORE = "98 Suite"
WORDS = st.lists(
    st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzé€[]'.,0123456789"), min_size=1, max_size=14), max_size=90
)
TEXTS = st.tuples(WORDS, st.lists(st.sampled_from([" ", "\n", "  ", "\n\n"]), min_size=90, max_size=90)).map(
    lambda both: "".join(word + blank for word, blank in zip(*both, strict=False)).strip()
)


def bare(page):
    return page.removesuffix("\n" + MORE)


@given(TEXTS)
def test_each_screen_fits_and_nothing_but_blanks_is_lost(text):
    try:
        pages = ussd_pages(text, more=MORE)
    except TextTooLong:
        assert septets(text) > 2 * 160
        return
    assert len(pages) <= 5
    assert all(septets("CON " + page) <= 160 for page in pages)
    assert all(page.endswith("\n" + MORE) for page in pages[:-1])
    shown = "".join([*map(bare, pages[:-1]), pages[-1]])
    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", text)


@given(TEXTS)
def test_words_stay_whole(text):
    try:
        pages = ussd_pages(text, more=MORE)
    except TextTooLong:
        return
    assert " ".join([*map(bare, pages[:-1]), pages[-1]]).split() == text.split()


def test_a_text_that_fits_is_one_screen_as_it_is():
    text = "x" * 156
    assert ussd_pages(text, more=MORE) == [text]
    assert len(ussd_pages(text + "x", more=MORE)) == 2


def test_menu_lines_stay_whole():
    lines = [f"{n} Une ligne du menu, assez longue" for n in range(1, 9)]
    pages = ussd_pages("\n".join(lines), more=MORE)
    shown = [line for page in pages for line in page.split("\n") if line != MORE]
    assert shown == lines


def test_a_word_longer_than_a_screen_is_cut_where_it_must_be():
    pages = ussd_pages("€" * 100, more=MORE)
    assert bare(pages[0]) == "€" * 73  # 160 - 4 - 9, and no half of a pair
    assert pages[1] == "€" * 27


def test_past_five_screens_it_refuses():
    with pytest.raises(TextTooLong):
        ussd_pages("mot " * 250, more=MORE)


def test_five_screens_are_allowed():
    assert len(ussd_pages("a" * (147 * 4 + 156), more=MORE)) == 5
    with pytest.raises(TextTooLong):
        ussd_pages("a" * (147 * 4 + 157), more=MORE)


def test_arabic_screens_hold_seventy_units():
    pages = ussd_pages(fold("كلمة " * 40).strip(), more="98")
    assert all(len("CON " + page) <= 70 for page in pages)


def test_no_room_beside_the_more_line_is_an_error():
    with pytest.raises(ValueError, match="no room"):
        ussd_pages("abc", more="x" * 155)


def test_blanks_at_the_ends_make_no_screen():
    assert ussd_pages("\n " + "x" * 156 + " " * 20, more=MORE) == ["x" * 156]
    assert ussd_pages("", more=MORE) == [""]
