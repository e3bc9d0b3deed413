"""Plain spelling and segments, against two libraries that know nothing of ours."""

import unicodedata

import gsm0338
import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from bot.text.gsm7 import Segments, fold, is_gsm7, segments, septets

OTHER = gsm0338.Codec()
# No lone surrogates: they are in no message. ESC is no character: smsutil counts it, the network reads it as a shift.
ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1b"), max_size=500)
BASIC = "".join(chr(c) for c in range(0x10000) if is_gsm7(chr(c)))
GSM = st.text(st.sampled_from(BASIC), max_size=800)
LATIN = st.text(st.characters(max_codepoint=0x24F, exclude_categories=["Cs"], exclude_characters="\x1b"), max_size=200)


def test_the_alphabet_is_that_of_two_other_libraries_over_the_basic_plane():
    ours = {chr(c) for c in range(0x10000) if is_gsm7(chr(c))}
    smsutils = {chr(c) for c in range(0x10000) if smsutil.is_valid_gsm(chr(c))}
    assert len(ours) == 137
    assert smsutils - ours <= {"\x1b"}
    assert ours <= smsutils
    assert not is_gsm7("\x1b")


@given(GSM)
def test_septets_are_as_many_as_the_codec_makes(text):
    assert septets(text) == len(OTHER.encode(text)[0])


def test_septets_refuse_what_is_outside():
    with pytest.raises(ValueError, match="outside GSM-7"):
        septets("ƙasa")


@given(st.one_of(ANY, GSM))
def test_parts_are_those_of_smsutil(text):
    ours, theirs = segments(text), smsutil.split(text)
    assert [part.content for part in theirs.parts] == list(ours.parts)
    assert ours.encoding == ("GSM-7" if not text or smsutil.is_valid_gsm(text) else "UCS-2")


@given(st.one_of(ANY, GSM))
def test_parts_joined_are_the_text_and_each_fits(text):
    cut = segments(text)
    assert "".join(cut.parts) == text
    measure = septets if cut.encoding == "GSM-7" else lambda part: len(part.encode("utf-16-be")) // 2
    limit = {("GSM-7", True): 160, ("GSM-7", False): 153, ("UCS-2", True): 70, ("UCS-2", False): 67}
    assert all(measure(part) <= limit[cut.encoding, len(cut.parts) == 1] for part in cut.parts)
    assert sum(measure(part) for part in cut.parts) == cut.units


@pytest.mark.parametrize(
    ("text", "encoding", "units", "lengths"),
    [
        ("", "GSM-7", 0, [0]),
        ("a" * 160, "GSM-7", 160, [160]),
        ("a" * 161, "GSM-7", 161, [153, 8]),
        ("€" * 80, "GSM-7", 160, [80]),
        ("a" * 152 + "€" + "a" * 20, "GSM-7", 174, [152, 21]),  # the pair would straddle
        ("ƙ" * 70, "UCS-2", 70, [70]),
        ("ƙ" * 71, "UCS-2", 71, [67, 4]),
        ("ƙ" * 66 + "👍" + "ƙ" * 10, "UCS-2", 78, [66, 11]),  # so would the surrogates
    ],
)
def test_borders_of_segments(text, encoding, units, lengths):
    cut = segments(text)
    assert (cut.encoding, cut.units, [len(part) for part in cut.parts]) == (encoding, units, lengths)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Ƙasa, ɗaya, ɓace, ƴan’uwa", "Kasa, daya, bace, yan'uwa"),
        ("Kuɗin haya; kaɗai; ƙungiya; saƙo", "Kudin haya; kadai; kungiya; sako"),
        ("Reçu : « forêt » — où ? À bientôt…", 'Recu : " foret " - où ? A bientot...'),
        ("l’œuvre, N° 3, Noël, Ève", "l'oeuvre, No 3, Noel, Eve"),
        ("peut\u202f?\u00a0oui", "peut ? oui"),
        ("e\u0301te\u0301", "été"),  # decomposed accents
        ("zero\u200bwidth\u200e", "zerowidth"),
        ("Ça coûte 5\u00a0000 €", "Ça coute 5 000 €"),
        ("ﬁn ½ １ ②", "fin 1/2 1 2"),
        ("a\tb", "a b"),
        ("`x` ´y", "'x' 'y"),
    ],
)
def test_plain_spelling(written, plain):
    assert fold(written) == plain
    assert is_gsm7(plain)


@pytest.mark.parametrize(
    ("language", "written", "plain"),
    [
        ("dje", "ŋwaari, ɲaŋo, cẽ, fõ, ãda", "ngwaari, nyango, ce, fo, ada"),
        ("tmh", "ăsəkkər, ɣur, šaša, žeḍ, ṭeẓṣ, ǧ", "asekker, ghur, shasha, jed, tezs, j"),
        ("", "š ž ǧ", "s z g"),
        ("ha", "ƴaƴa", "yaya"),
    ],
)
def test_plain_spelling_follows_the_language(language, written, plain):
    assert fold(written, language) == plain


@pytest.mark.parametrize("text", ["مرحبا بكم", "ⵜⴰⵎⴰⵌⴰⵆ", "نَعَم", "👍", "Привет", "你好"])
def test_scripts_without_a_plain_form_stay(text):
    assert fold(text) == unicodedata.normalize("NFC", text)
    assert segments(fold(text)).encoding == "UCS-2"


def test_what_is_sendable_stays_as_it_is():
    assert fold(BASIC) == BASIC


@given(st.one_of(ANY, LATIN), st.sampled_from(["", "fr", "ha", "dje", "tmh"]))
def test_folding_twice_changes_nothing(text, language):
    once = fold(text, language)
    assert fold(once, language) == once


@given(LATIN)
def test_no_latin_letter_is_lost(text):
    """Letters and digits never vanish: at least as many come out as went in."""

    def letters(some):
        return sum(character.isalnum() for character in unicodedata.normalize("NFC", some))

    assert letters(fold(text)) >= letters(text)


def test_segments_compare_by_value():
    assert segments("Sannu") == Segments("GSM-7", 5, ("Sannu",))
