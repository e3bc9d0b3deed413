"""Case numbers, codes and tickets out of whole messages."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.cases import (
    case_and_code,
    case_number,
    code,
    last_three,
    obvious_code,
    show_case,
    show_ticket,
    start_code,
    ticket,
)
from bot.text.damm import check_digit, valid

CASE = "482719368"


@pytest.mark.parametrize(
    "text",
    [CASE, "482 719 368", "482-719-368", "482.719.368", "482/719/368", "N482719368", "n°482719368", "N° 482.719.368",
     "NO482719368", "No. 482 719 368", "R482719368", "R 482719368", "mon numero est 482719368", "Lambar fayil: 482719368.",
     "48 27 19 36 8", "4 8 2 7 1 9 3 6 8", "4827l9368", "482 7l9 368", "482 7I9 368", "٤٨٢٧١٩٣٦٨", "٤٨٢ ٧١٩ ٣٦٨", "４８２７１９３６８",
     "482719368 5093", "dossier 482719368, dossier 482719368", " 482719368 \n", "numero482719368", "482\u00a0719\u202f368"],
)  # fmt: skip
def test_a_case_number_in_many_ways(text):
    assert case_number(text) == CASE


@pytest.mark.parametrize(
    "text",
    ["", "bonjour", "482719369", "482719", "4827193680", "90123456", "+227 90 12 34 56", "482719368 et 116275678", "lol",
     "12/10/2026", "482719 est 368"],
)  # fmt: skip
def test_anything_else_is_no_case_number(text):
    assert case_number(text) is None


def test_a_nought_typed_as_a_letter():
    number = "10203040"
    number += check_digit(number)
    assert case_number(number.replace("0", "O")) == number
    assert case_number(number.replace("0", "o").replace("1", "l")) == number
    assert case_number("NO" + number.replace("0", "O")) == number


def test_a_case_number_never_begins_with_nought():
    number = "01234567"
    assert case_number(number + check_digit(number)) is None


@given(st.integers(10_000_000, 99_999_999), st.sampled_from(["", " ", "-", ".", "/", " - "]))
def test_groups_of_three_with_any_separator(digits, separator):
    number = str(digits) + check_digit(str(digits))
    shown = separator.join((number[:3], number[3:6], number[6:]))
    assert case_number(f"mon numero est {shown}.") == number


@given(st.text(max_size=80))
def test_what_is_found_is_always_valid(text):
    found = case_number(text)
    assert found is None or (len(found) == 9 and valid(found))


@pytest.mark.parametrize(
    "text", ["368", " 368.", "les derniers 368", "les 3 derniers: 368", "3 6 8", "36 8", "٣٦٨", "N368", "3b8 368"]
)
def test_last_three(text):
    assert last_three(text) == "368"


@pytest.mark.parametrize("text", ["", "36", "3680", "482-1737", "482 719 368", "482719368", "368 369", "oui"])
def test_no_last_three(text):
    assert last_three(text) is None


@pytest.mark.parametrize(
    "text",
    ["5093", " 5093 ", "50 93", "5 0 9 3", "mon code est 5093", "code:5093", "5O93", "5o93", "٥٠٩٣", "Code 5093."],
)
def test_code(text):
    assert code(text) == "5093"


def test_code_of_ones_typed_as_letters():
    assert code("l234") == "1234"
    assert code("I2O4") == "1204"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "509",
        "50931",
        "5093 ou 5094",
        "482-1737",
        "12/10/1994",
        "le 1/2/1994",
        "+227 90 00 5093",
        "482719368",
        "lolo",
        "oooo",
    ],
)
def test_no_code(text):
    assert code(text) is None


@pytest.mark.parametrize(
    "text",
    ["482719368 5093", "482 719 368 5093", "482-719-368 / 5093", "dossier 482719368 code 5093", "482719368,5093", "482 719 368 50 93",
     "mon code est 5093 et mon dossier N482719368", "5093 482719368", "N°482719368\n5O93", "482719368 - 5093", "4827l9368 code:5o93"],
)  # fmt: skip
def test_case_and_code_in_one_message(text):
    assert case_and_code(text) == (CASE, "5093")


@pytest.mark.parametrize("text", ["", "482719368", "5093", "482719369 5093", "482719368 50931", "482719368 5093 1994"])
def test_no_case_and_code(text):
    assert case_and_code(text) is None


@pytest.mark.parametrize(
    "text",
    ["482-1737", "4821737", "482 1737", "ticket 482-1737", "482 17 37", "N° 4821737", "48217E7 482-1737", "٤٨٢١٧٣٧"],
)
def test_ticket(text):
    assert ticket(text) == "4821737"


def test_a_ticket_may_begin_with_nought():
    number = "000042"
    number += check_digit(number)
    assert ticket(show_ticket(number)) == number


@pytest.mark.parametrize("text", ["", "482-1738", "482719368", "90123456", "5093"])
def test_no_ticket(text):
    assert ticket(text) is None


def test_start_code():
    assert start_code("734 182") == start_code("code 734182") == start_code("7341B2 734182") == "734182"
    assert start_code("73418") is None
    assert start_code("482719368") is None


def test_shown_with_dashes():
    assert show_case(CASE) == "482-719-368"
    assert show_ticket("4821737") == "482-1737"


def test_last_three_and_code_side_by_side():
    assert last_three("368 5094") == "368"
    assert code("368 5094") == "5094"


OBVIOUS = [
    "0000",
    "7777",
    "1234",
    "4321",
    "0123",
    "9876",
    "7890",
    "0987",
    "1940",
    "1994",
    "2026",
    "1212",
    "9090",
    "1234",
    "9368",
]


@pytest.mark.parametrize("digits", OBVIOUS)
def test_obvious_codes(digits):
    assert obvious_code(digits, phone="+22790001234", case=CASE, today=date(2026, 11, 21))


def test_phone_and_case_endings_are_obvious():
    day = date(2026, 11, 21)
    assert obvious_code("7306", phone="+22790007306", case=CASE, today=day)
    assert not obvious_code("7306", phone="+22790007307", case="", today=day)


@pytest.mark.parametrize("digits", ["5093", "1939", "2027", "1325", "8046", "1357"])
def test_codes_that_are_fine(digits):
    assert not obvious_code(digits, phone="+22790007306", case=CASE, today=date(2026, 11, 21))


def test_the_coming_year_is_obvious_once_it_is_here():
    assert obvious_code("2027", phone="", case="", today=date(2027, 1, 1))


def test_a_code_that_is_none_is_an_error():
    with pytest.raises(ValueError, match="4 digits"):
        obvious_code("٥٠٩٣", phone="", case="", today=date(2026, 1, 1))
