import string
from datetime import UTC, datetime, timedelta

import pytest

from bot.referrals import words
from bot.referrals.letters import LETTERED, LETTERS, letter, letters
from bot.text.gsm7 import is_gsm7, septets

NOW = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
FORBIDDEN = ("protection", "violence", "vbg", "gbv", "enfant", "child", "yaro", "sante", "health", "plainte", "migrant")


def longest(language):
    days = [words.when(NOW + timedelta(days=n), language, now=NOW) for n in range(9)]
    return {
        "ticket": "482-1737",
        "letter": "B",
        "code": "5093",
        "by": max(days, key=len),
        "since": max((words.since(timedelta(minutes=m), language) for m in (1, 119, 2879, 999_999)), key=len),
        "count": 999,
        "login": "x" * 20,
        "by_login": "x" * 20,
        "span": max((words.span(NOW, NOW + timedelta(days=n), language) for n in range(1, 9)), key=len),
        "tickets": words.listed(["482-1737 B"] * 999),
    }


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("name", words.TEXTS)
@pytest.mark.parametrize("level", ["critical", "high", "normal"])
def test_every_text_fits_one_sms_with_its_longest_values(name, language, level):
    text = words.say(name, language, level=level, **longest(language))
    assert is_gsm7(text)
    assert septets(text) <= 160, (septets(text), text)
    assert not any(word in text.lower() for word in FORBIDDEN)


@pytest.mark.parametrize("name", words.TEXTS)
def test_every_language_says_the_same_things(name):
    fields = [{f for _, f, _, _ in string.Formatter().parse(text) if f} for text in words.TEXTS[name].values()]
    assert list(words.TEXTS[name]) == list(words.LANGUAGES)
    if name != "next":
        assert all(one == fields[0] for one in fields)


def test_the_drafts_of_the_alerts():
    at = NOW + timedelta(hours=1, minutes=20)
    by = words.when(at, "fr", now=NOW)
    text = words.say("first", "fr", level="critical", ticket="482-1737", letter="B", code="5093", by=by)
    assert text == "Maraba: CRITIQUE 482-1737, file B. Repondez OK 5093 avant 13:20. Sinon NON 5093."


def test_a_language_without_texts_reads_french():
    assert words.say("refused", "dje") == words.say("refused", "fr")


@pytest.mark.parametrize(
    ("at", "told"),
    [("24 11:20", "12:20"), ("25 11:00", "mercredi 12:00"), ("30 11:00", "lundi 12:00"), ("01 11:00", "01/12 12:00")],
)
def test_a_moment_is_told_as_one_says_it(at, told):
    month = 12 if at.startswith("01") else 11
    moment = datetime(2026, month, int(at[:2]), int(at[3:5]), int(at[6:]), tzinfo=UTC)
    assert words.when(moment, "fr", now=NOW) == told


def test_letters_are_one_a_queue_and_the_seal_does_not_show(settings):
    assert sorted(letter(settings, queue) for queue in LETTERED) == list(LETTERS)
    assert letter(settings, "sealed") == letter(settings, "protection")


def test_letters_differ_between_installations_and_stay_in_one():
    assert letters("one key") == letters("one key")
    assert len({tuple(letters(f"key {n}").values()) for n in range(20)}) > 10


def test_configured_letters():
    assert letters("any", "FEDCBA")["protection"] == "F"
    with pytest.raises(Exception, match="each once"):
        letters("any", "AABCDE")
