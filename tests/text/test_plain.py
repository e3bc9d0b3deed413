"""The form in which words are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.plain import plain


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Arrêt !", "arret"),
        ("A’A", "aa"),
        ("  Ku   KIRA\nni. ", "ku kira ni"),
        ("Jerin zaɓi", "jerin zabi"),
        ("ÇA VA", "ca va"),
        ("نَعَمْ", "نعم"),
        ("œuf", "oeuf"),
        ("", ""),
        ("_-_", ""),
    ],
)
def test_plain_form(text, form):
    assert plain(text) == form


def test_an_apostrophe_may_cut_words():
    assert plain("j'ai d’eau", apostrophe=" ") == "j ai d eau"


@given(st.text(max_size=100))
def test_once_plain_always_plain(text):
    assert plain(plain(text)) == plain(text)
