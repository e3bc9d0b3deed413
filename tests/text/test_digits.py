"""Menu answers and numbers as people type them."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.digits import choice, fold_digits, numbers


@given(st.text(st.characters(categories=["Nd", "L"])))
def test_every_decimal_digit_becomes_its_value_and_letters_stay(text):
    expected = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    assert fold_digits(text) == expected


def test_every_digit_of_unicode_is_known():
    every = [chr(c) for c in range(sys.maxunicode + 1) if chr(c).isdecimal()]
    assert len(every) > 600
    assert all(fold_digits(c) == str(int(c)) for c in every)


@pytest.mark.parametrize(
    "text",
    ["1", "1.", "1)", " 1 ", "n°1", "N° 1", "no 1", "(1)", "1#", "un", "UN", "une", "daya", "ɗaya", "one", "١", "۱", "１", "①",
     "1️⃣", "choix 1", "Numéro 1", "lamba 1", '"1"', "1!", "Un.", "1\n"],
)  # fmt: skip
def test_one_in_many_ways(text):
    assert choice(text) == "1"


@pytest.mark.parametrize("text", ["0", "9", "00", "99", "98", "10", "01"])
def test_digits_come_back_at_once(text):
    assert choice(text) == text


@pytest.mark.parametrize(
    ("digit", "words"),
    [("2", "deux biyu two"), ("3", "trois uku three"), ("4", "quatre huɗu four"), ("5", "cinq biyar five"),
     ("6", "six shida"), ("7", "sept bakwai seven"), ("8", "huit takwas eight"), ("9", "neuf tara nine")],
)  # fmt: skip
def test_number_words(digit, words):
    assert [choice(word) for word in words.split()] == [digit] * len(words.split())


@pytest.mark.parametrize(
    "text",
    ["", " ", "1 2", "1,2", "1 ou 2", "12/10", "123", "482719368", "oui", "un deux", "je veux 1 kit", "1 kit", "l", "O", "1" * 50],
)  # fmt: skip
def test_anything_else_is_no_answer(text):
    assert choice(text) is None


@given(st.text(max_size=60))
def test_an_answer_is_one_or_two_digits(text):
    found = choice(text)
    assert found is None or (found.isascii() and found.isdigit() and len(found) <= 2)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mon numero est 482 719 368 merci", ["482719368"]),
        ("482-1737", ["4821737"]),
        ("90 12 34 56", ["90123456"]),
        ("+227 90 12 34 56 ou 96 11 22 33", ["22790123456", "96112233"]),
        ("227 90 12 34 56", ["22790123456"]),
        ("le 12/10/1994", ["12", "10", "1994"]),
        ("482 719 368 5093", ["482719368", "5093"]),
        ("1 9 9 4", ["1994"]),
        ("1 2", ["1", "2"]),
        ("١٩٩٤", ["1994"]),
        ("", []),
        ("rien", []),
    ],
)
def test_numbers_in_a_text(text, found):
    assert numbers(text) == found


@given(st.text(max_size=80))
def test_numbers_lose_no_digit(text):
    assert "".join(numbers(text)) == "".join(c for c in fold_digits(text) if c in "0123456789")
