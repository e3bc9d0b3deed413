"""Phone numbers, of Niger and of people who come back from elsewhere."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from bot.text.phones import callable_back, mobile


@pytest.mark.parametrize(
    "text",
    ["+22790001234", " 22790001234", "22790001234", "90001234", "90 00 12 34", "90-00-12-34", "0022790001234", "whatsapp:+22790001234", "whatsapp: 22790001234",
     "tel:+22790001234", "٩٠٠٠١٢٣٤", "+٢٢٧٩٠٠٠١٢٣٤", "+227 90 00 12 34", "(227) 90.00.12.34", "+22790001234\n"],
)  # fmt: skip
def test_one_number_in_many_ways(text):
    assert mobile(text) == "+22790001234"


@pytest.mark.parametrize(
    "number", ["+213551234567", "+218912345678", "+2348031234567", "+22376543210", "+2250707070707"]
)
def test_foreign_sims_are_served_also_without_their_plus(number):
    assert mobile(number) == number
    assert mobile(number[1:]) == number
    assert mobile("00" + number[1:]) == number
    assert mobile("whatsapp: " + number[1:]) == number


def test_a_region_where_mobile_and_fixed_look_alike():
    assert mobile("+12025550123") == "+12025550123"


@pytest.mark.parametrize(
    "text",
    ["", "+", "abc", "090123456", "+22720123456", "+22708123456", "+22709123456", "+22790123", "+2279012345678", "+99990001234", "9O001234", "1" * 100,
     "+22790001234;ext=5", "+22790001234\x00", "482719368", "٣"],
)  # fmt: skip
def test_what_no_sms_can_reach(text):
    assert mobile(text) is None


def test_without_a_country_code_the_region_decides():
    assert mobile("0803 123 4567", region="NG") == "+2348031234567"


@pytest.mark.parametrize("prefix", [f"{n:02}" for n in range(100)])
def test_the_quick_way_takes_only_what_the_library_calls_mobile(prefix):
    number = phonenumbers.parse(f"+227{prefix}001234")
    is_mobile = phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) == PhoneNumberType.MOBILE
    assert (mobile(f"+227{prefix}001234") is not None) == is_mobile


@given(st.text(max_size=40))
def test_what_comes_out_is_e164_and_stays_itself(text):
    found = mobile(text)
    assert found is None or (found[0] == "+" and found[1:].isascii() and found[1:].isdigit() and mobile(found) == found)


@pytest.mark.parametrize("number", ["+22790001234", "+22720723456", "+33145678901", "+2348031234567"])
def test_mobiles_and_fixed_lines_can_be_called_back(number):
    assert callable_back(number) == number


@pytest.mark.parametrize("text", ["", "anonymous", "+266696687", "+22709123456", "+22708123456", "+33899123456", "17"])
def test_hidden_short_and_premium_numbers_cannot(text):
    assert callable_back(text) is None
