from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.errors import BadPayload
from handlers import forms
from tests.handlers.payloads import hook


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"a=1&b=2", [("a", "1"), ("b", "2")]),
        (b"a=1&&b=", [("a", "1"), ("b", "")]),
        (b"a", [("a", "")]),
        (b"a=x+y%2Bz=w", [("a", "x y+z=w")]),
        (b"a=100%&b=%zz", [("a", "100%"), ("b", "%zz")]),
        (b"a=%2500", [("a", "%00")]),
        ("a=ƙasa".encode(), [("a", "ƙasa")]),
        (b"", []),
    ],
)
def test_a_form_is_read_as_it_was_written(body: bytes, fields: list[tuple[str, str]]):
    assert forms.pairs(hook("/", body=body)) == fields


def test_a_query_is_read_as_strictly_as_a_form():
    assert forms.query(hook("/?a=x+y%2Bz&b=&a=%C6%99asa")) == [("a", "x y+z"), ("b", ""), ("a", "ƙasa")]
    for query in ("a=%E9", "a=%00", "a=" + "x" * 65_536, "&".join(["a=1"] * 101)):
        with pytest.raises(BadPayload):
            forms.query(hook("/?" + query))


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=20))
@hypothesis_settings(max_examples=100, deadline=None)
def test_every_clean_form_comes_back(fields: list[tuple[str, str]]):
    clean = [(name, value) for name, value in fields if "\0" not in name + value]
    assert forms.pairs(hook("/", body=urlencode(clean).encode())) == clean


@pytest.mark.parametrize("length", ["", "-1", "65537", "9" * 5000, "1e3", "٣", "x"])
def test_a_body_that_is_too_long_or_does_not_say_is_not_read(length: str):
    request = hook("/", body=b"a=1")
    request.environ["CONTENT_LENGTH"] = length
    with pytest.raises(BadPayload):
        forms.pairs(request)


def test_a_body_without_a_length_is_not_read():
    request = hook("/", body=b"a=1")
    del request.environ["CONTENT_LENGTH"]
    with pytest.raises(BadPayload):
        forms.pairs(request)


def test_a_field_counts_as_repeated_only_where_it_is_watched():
    fields = [("a", "1"), ("b", "1"), ("b", "2")]
    assert forms.once(fields, {"a"})["a"] == "1"
    for watched in ({"b"}, None):
        with pytest.raises(BadPayload):
            forms.once(fields, watched)


@pytest.mark.parametrize("number", ["+22790123456", "22790123456", " 22790123456", "90123456", "0022790123456"])
def test_an_address_is_e164_however_it_came(number: str):
    assert forms.address({"from": number}, "from") == "+22790123456"


def test_json_text_loses_only_what_no_store_can_hold():
    assert forms.storable("a\0ƙ\ud800🙏") == "aƙ?🙏"
