"""The letters of the languages of Niger, on their way into an SMS. The plain forms await native speakers."""

import unicodedata

import gsm0338
import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from bot.text.gsm7 import fold, is_gsm7, segments, septets

OTHER = gsm0338.Codec()
# small letters beside a to z, as orthographies of Niger and its neighbours write them; tones and nasals included
LATIN = {
    "fr": "àâäæçéèêëîïôœùûüÿ",
    "ha": "ɓɗƙƴ'ʼ àáâãèéêìíîòóôùúû r̃ ā ē ī ō ū",
    "dje": "ŋɲãẽĩõũ ɛ̃ ɔ̃ ɛɔ ñ ăĕŏ",
    "ff": "ɓɗƴŋɲñ ʼ ɠ",
    "tmh": "ăəǝɣḍḷṇṛṣṭẓšžǧŋ âêîôû ā ʼ",
    "kr": "ǝəɍ ǝ́ àáèéìíòóùú ǝ̀",
    "gux": "ŋñ ã",  # Gulmancema
    "bm": "ɛɔɲŋ",  # Bambara, of Mali
    "mos": "ɩʋʊ ã ẽ ĩ õ ũ",  # Moore, of Burkina
    "fon": "ɖɛɔ ɔ̌ ɛ̌ ǎ",  # of Benin
    "ee": "ɖƒɣŋɔɛʋ",  # Ewe, of Togo
    "yo": "ẹọṣ ǹ ḿ gb",
}
ARABIC = "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچڤگڨࢎـ،؟٠١٢٣٤٥٦٧٨٩۵ َُِّْ"
EMOJI = ["👍", "🙏🏾", "❤️", "😀", "🇳🇪", "👩🏿‍🌾", "☎️", "✅", "1️⃣"]


def clusters(text):
    """Letters with the marks that belong to them: "ɔ̃" is one."""
    found = []
    for character in text:
        if unicodedata.combining(character) and found:
            found[-1] += character
        elif not character.isspace():
            found.append(character)
    return found


LETTERS = [
    (language, form)
    for language, letters in LATIN.items()
    for letter in clusters(letters)
    for form in (letter, letter.upper())
]
WORDS = {
    language: st.lists(st.sampled_from([*clusters(letters), *clusters(letters.upper()), *"aeimnrstu '-.?"])).map(
        "".join
    )
    for language, letters in LATIN.items()
}
SOME = st.one_of(*WORDS.values(), st.text(st.sampled_from(ARABIC)), st.lists(st.sampled_from(EMOJI)).map("".join))
IN_LANGUAGE = st.sampled_from(list(LATIN)).flatmap(lambda language: st.tuples(st.just(language), WORDS[language]))


@pytest.mark.parametrize(("language", "letter"), LETTERS)
def test_every_letter_has_a_plain_form_that_a_phone_shows(language, letter):
    for form in ("NFC", "NFD"):
        plain = fold(unicodedata.normalize(form, letter), language)
        assert is_gsm7(plain)
        assert plain.strip()
        assert OTHER.decode(OTHER.encode(plain)[0])[0] == plain
    assert any(c.isalpha() for c in plain) == any(c.isalpha() and unicodedata.category(c) != "Lm" for c in letter)


@pytest.mark.parametrize(("language", "letter"), LETTERS)
def test_a_capital_stays_a_capital(language, letter):
    plain = fold(letter, language)
    assert plain[:1].isupper() == letter[:1].isupper()


@given(IN_LANGUAGE)
def test_a_text_in_a_language_of_latin_letters_never_needs_ucs_2(case):
    language, text = case
    assert segments(fold(text, language)).encoding == "GSM-7"


@given(SOME, st.sampled_from(["", *LATIN]))
def test_composed_and_decomposed_spellings_leave_alike_and_once_is_enough(text, language):
    composed = fold(unicodedata.normalize("NFC", text), language)
    assert fold(unicodedata.normalize("NFD", text), language) == composed
    assert fold(composed, language) == composed


@given(SOME, st.sampled_from(["", *LATIN]))
def test_no_letter_and_no_digit_is_dropped(text, language):
    def counted(some):
        return sum(
            unicodedata.category(c) in {"Lu", "Ll", "Lo", "Lt", "Nd"} for c in unicodedata.normalize("NFC", some)
        )

    assert counted(fold(text, language)) >= counted(text)


def test_no_latin_letter_of_unicode_vanishes():
    for number in range(0x250):
        letter = chr(number)
        if letter.isalpha():
            assert fold(letter).strip(), f"U+{number:04X}"


@given(st.text(st.sampled_from(ARABIC), min_size=1, max_size=200))
def test_arabic_stays_arabic(text):
    assert fold(text, "ar") == unicodedata.normalize("NFC", text)


# --- where parts are cut


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("a" * 152 + "{" + "a" * 152, [152, 152, 1]),
        ("👍" * 36, [33, 3]),
        ("👍" * 35, [35]),
        ("a" * 159 + "€", [153, 7]),
        ("a" * 158 + "€", [159]),
        ("€" * 153, [76, 76, 1]),
        ("ƙ" * 66 + "👍", [67]),
        ("ƙ" * 69 + "👍", [67, 3]),
        ("م" * 134, [67, 67]),
    ],
)
def test_examples_of_parts(text, lengths):
    assert [len(part) for part in segments(text).parts] == lengths
    assert [len(part.content) for part in smsutil.split(text).parts] == lengths


@given(
    st.sampled_from([69, 70, 133, 152, 153, 159, 160, 305, 306]),
    st.integers(-2, 2),
    st.lists(st.sampled_from(["{", "€", "a", "👍", "ƙ", "\n"]), min_size=1, max_size=6).map("".join),
    st.integers(0, 200),
)
def test_no_pair_is_cut_where_parts_meet(before, shift, middle, after):
    text = "a" * (before + shift) + middle + "b" * after
    cut = segments(text)
    assert list(cut.parts) == [part.content for part in smsutil.split(text).parts]
    assert "".join(cut.parts) == text
    for part in cut.parts:
        if cut.encoding == "GSM-7":
            assert septets(part) == len(OTHER.encode(part)[0]) <= 160
        else:
            assert part.encode("utf-16-be").decode("utf-16-be") == part
            assert len(part.encode("utf-16-be")) <= 140
