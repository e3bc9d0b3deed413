"""Keywords, yes and no, answers of staff."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.keywords import keyword, staff_answer, yes_no


@pytest.mark.parametrize(
    ("meaning", "forms"),
    [
        ("stop", "STOP|stop|Stop.|ARRET|Arrêt|arrêter !|TSAYA|Tsaya|DAINA|ku daina|STOP STOP|s\u0307top"),
        ("start", "START|REPRENDRE|reprendre.|FARA|Fara|ku fara"),
        ("help", "AIDE|Aide!|HELP|Help me|TAIMAKO|aidez-moi|J’ai besoin d’aide|Ina buƙatar taimako"),
        ("menu", "MENU|Menu|JERI|jerin zaɓi|  menu  "),
        ("callback", "RAPPEL|Rappelez-moi|rappelle moi|KIRA|Ku kira ni|call me back"),
    ],
)
def test_keywords_in_three_languages(meaning, forms):
    assert {form: keyword(form) for form in forms.split("|")} == dict.fromkeys(forms.split("|"), meaning)


@pytest.mark.parametrize(
    "text",
    ["", "1", "ok", "oui", "stop le camion", "je veux de l'aide pour mon fils", "menu 1", "o", "arretons", "aideur"],
)
def test_a_keyword_is_the_whole_message(text):
    assert keyword(text) is None


@pytest.mark.parametrize(
    "text",
    ["oui", "Oui!", "OUI", "ouiii", "wi", "ui", "ok", "OK.", "d'accord", "D’accord", "daccord", "i", "ee", "eh", "Eh", "na'am", "naʼam",
     "to", "نعم", "نَعَم", "yes", "👍", "👍🏿", "👍️", "oui oui", "o"],
)  # fmt: skip
def test_yes(text):
    assert yes_no(text) is True


@pytest.mark.parametrize(
    "text", ["non", "NON", "Non.", "no", "nooon", "a'a", "A’A", "aʼa", "aa", "a a", "ha'a", "لا", "👎", "pas d'accord"]
)
def test_no(text):
    assert yes_no(text) is False


@pytest.mark.parametrize(
    "text", ["", " ", "1", "2", "a", "peut-être", "oui mais non", "non oui", "je ne sais pas", "🙂", "x" * 100]
)
def test_neither_yes_nor_no(text):
    assert yes_no(text) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("OK 5093", "ok"), ("ok5093", "ok"), ("Ok  5093.", "ok"), ("OK-5093", "ok"), ("OK: 5093", "ok"), ("OK ٥٠٩٣", "ok"), ("OK 5O93", "ok"),
        ("oui 5093", "ok"), ("5093 OK", "ok"), ("OK 50 93", "ok"), ("\nOK 5093\n", "ok"), ("YES 5093", "ok"), ("D’accord 5093", "ok"),
        ("NO 5093", "no"), ("NON 5093", "no"), ("non5093", "no"), ("A'A 5093", "no"), ("A’A5093", "no"), ("aʼa 5093", "no"), ("a a 5093", "no"), ("AA 5093", "no"),
        ("LATER 5093", "later"), ("plus tard 5093", "later"), ("PLUSTARD5093", "later"), ("anjima5093", "later"), ("Sai anjima 5093", "later"),
    ],
)  # fmt: skip
def test_answers_of_staff(text, answer):
    assert staff_answer(text) == (answer, "5093", 0)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("CAME 5093", "came"), ("VENU 5093", "came"), ("venue5093", "came"), ("5093 venu", "came"), ("ZO 5093", "came"), ("Ya zo 50 93", "came"), ("ta zo 5093.", "came"),
        ("ABSENT 5093", "absent"), ("absente 5093", "absent"), ("5093 absent", "absent"), ("BAI ZO 5093", "absent"), ("baizo5093", "absent"), ("Ba ta zo 5093", "absent"),
    ],
)  # fmt: skip
def test_who_came(text, answer):
    assert staff_answer(text) == (answer, "5093", 0)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("DONE 5093 2", 2), ("done5093 2", 2), ("FAIT 5093-2", 2), ("Fait 50 93, 5.", 5), ("gama 5093 1", 1), ("An gama 5093 3", 3),
        ("DONE 5093", 0), ("fait 5093 9", 9),
    ],
)  # fmt: skip
def test_what_came_of_a_call(text, result):
    assert staff_answer(text) == ("done", "5093", result)


@pytest.mark.parametrize(
    "text",
    ["OK 509", "OK 5093 6127", "OK 50931", "OK 482-1737", "DONE 482-1737 2", "fait 50", "okk 5093", "merci 5093"],
)
def test_a_wrong_number_or_word_is_unclear_and_keeps_no_digits(text):
    assert staff_answer(text) == ("unclear", "", 0)


def test_a_code_may_begin_with_nought_typed_as_a_letter():
    assert staff_answer("NO O093")[:2] == ("no", "0093")
    assert staff_answer("OK l093")[:2] == ("ok", "1093")


@pytest.mark.parametrize(
    "text",
    ["", "OK", "5093", "509312", "mon code est 5093", "OK NON 5093", "482173745", "ok 482173745", "OK 5093 mais plus tard", "ok lolo", "1", "NO" + " 5093" * 20],
)  # fmt: skip
def test_anything_else_is_no_answer_of_staff(text):
    assert staff_answer(text) is None


@given(st.text(max_size=60))
def test_no_text_breaks_them(text):
    assert keyword(text) in {None, "stop", "start", "help", "menu", "callback"}
    assert yes_no(text) in {None, True, False}
    answer = staff_answer(text)
    assert answer in (None, ("unclear", "", 0)) or (
        len(answer.code) == 4 and answer.code.isascii() and answer.code.isdigit() and 0 <= answer.result <= 9
    )
