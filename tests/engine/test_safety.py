"""Safety rules that the flows and the engine keep together; each test would fail without its rule."""

from datetime import date

import pytest

from bot.config import ROOT
from bot.content.loading import load
from bot.engine.effects import AttachReferral, OpenReferral, Terms
from bot.engine.ports import File
from handlers.choices import with_choices
from tests.engine.speaker import Speaker

REPEATABLE = {"KIT", "TRA", "DOC", "DEB", "BAS", "OTH", "DLY"}  # safety 4
CHILD = File("482719368", "KIT_READY", date(2026, 11, 16), minor=True)


def speaker(content, **given) -> Speaker:
    given = {"channel": "ussd", "language": "en"} | given
    person = Speaker(content, **given)
    person.says("hello") if person.channel == "whatsapp" else person.dials() if person.channel == "ussd" else None
    return person


def says(person: Speaker, *texts: str) -> str:
    heard = ""
    for text in texts:
        heard = person.says(text)
    return heard


def last(person: Speaker, kind=OpenReferral):
    return [effect for effect in person.effects if isinstance(effect, kind)][-1]


# --- 2: "not safe" has a way on


@pytest.mark.parametrize(
    ("channel", "end"),
    [
        ("ussd", "END Thank you. We will not call. Dial this code again when you can talk. Number: 482-"),
        ("whatsapp", "We will not call. Dial *321# when you can talk. Number: 482-"),
        ("sms", "Dial *321#. It is free. Delete this message."),
    ],
)
def test_not_safe_forbids_the_call_and_says_how_to_come_back_without_an_sms_that_tells(content, channel, end):
    person = speaker(content, channel=channel)
    heard = says(person, "rappel", "5")
    assert heard.startswith(end)
    assert [effect.terms for effect in person.effects[1:]] == [Terms(may_call=False)]


# --- 4: one phone, several people


MENU = load(ROOT / "flows").sources["needs"].data["menu"]  # keys after "2 I need help" -> code


@pytest.mark.parametrize("path", MENU)
def test_only_harmless_kinds_ask_whether_it_is_the_same_person_and_problem(content, path):
    person = speaker(content)
    says(person, "2", *path.split())
    first = last(person)
    person.waits(hours=23)
    person.dials()
    heard = says(person, "2", *path.split())
    again = last(person)
    assert again.id != first.id
    assert ("same person" in heard) is (MENU[path] in REPEATABLE)
    assert first.ticket not in heard.replace("-", "")
    person.says("1")
    attached = [(effect.id, effect.to) for effect in person.effects if isinstance(effect, AttachReferral)]
    assert attached == ([(again.id, first.id)] if MENU[path] in REPEATABLE else [])


def test_after_a_day_nobody_is_asked_about_the_day_before(content):
    person = speaker(content)
    says(person, "2", "2")
    person.waits(hours=25)
    person.dials()
    assert "same person" not in says(person, "2", "2")


# --- 6: minors


@pytest.mark.parametrize(
    "way",
    [
        ("1",),  # too long
        ("0", "3"),  # menu, call me back
        ("0", "2", "2"),  # menu, food
        ("0", "2", "1", "1"),  # menu, health
        ("0", "2", "5", "5"),  # menu, another complaint
        ("9",),  # talk in private
        ("0", "9"),
        ("il veut me tuer",),  # danger words
        ("rappel",),
    ],
)
@pytest.mark.parametrize("channel", ["ussd", "whatsapp"])
def test_once_the_file_said_under_18_whatever_is_opened_goes_to_child_protection(content, channel, way):
    person = speaker(content, channel=channel, file=CHILD)
    says(person, "1", "482719368", "7306", *way)
    opened = last(person)
    assert (opened.minor, opened.queue) == (True, "child")


@pytest.mark.parametrize(("minutes", "queue"), [(1, "child"), (11, "assistance")])
def test_what_the_file_said_outlives_a_dropped_line_and_nothing_else(content, minutes, queue):
    person = speaker(content, file=CHILD)
    says(person, "1", "482719368", "7306", "0", "2")
    person.waits(minutes=minutes)
    person.dials()
    if minutes < 10:
        person.says("2")  # no, the menu
    says(person, "2", "2")
    assert last(person).queue == queue


def test_a_need_told_for_a_child_makes_nobody_else_a_child(content):
    person = speaker(content)
    says(person, "2", "5", "2", "0", "2", "2")
    assert (last(person).minor, last(person).queue) == (False, "assistance")


def test_a_child_is_not_asked_by_machine_for_consent(content):
    person = speaker(content, file=CHILD)
    says(person, "1", "482719368", "7306", "0")
    heard = says(person, "2", "2")
    assert "Is it urgent" in heard
    assert person.contact.consent == ""


# --- 11: what was shown after the code dies


@pytest.mark.parametrize("typed", ["7", "8", "1 2", "00", "2"])
def test_after_three_idle_minutes_no_key_shows_a_file_again_by_whatsapp(content, typed):
    person = speaker(
        content, channel="whatsapp", file=File("482719368", "KIT_READY", date(2026, 11, 16), date(2026, 12, 1))
    )
    assert "What you need is ready" in says(person, "1", "482719368", "7306")
    person.waits(minutes=4)
    heard = person.says(typed)
    assert "is ready" not in heard
    assert "01/12" not in heard


def test_within_three_minutes_a_wrong_key_shows_it_again(content):
    person = speaker(content, channel="whatsapp", file=File("482719368", "KIT_READY", date(2026, 11, 16)))
    says(person, "1", "482719368", "7306")
    assert "What you need is ready" in person.says("7")


# --- the language of an answer to somebody unknown


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("taimako", "ha"),
        ("Ku kira ni", "ha"),
        ("zai kashe ni", "ha"),
        ("sun yi min fyade", "ha"),
        ("he wants to kill me", "en"),
        ("il veut me tuer", "fr"),
        ("rappel", ""),  # French is what is spoken where nothing is known
        ("suicide", ""),  # two languages claim it
    ],
)
@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
def test_somebody_unknown_is_answered_in_the_language_of_the_first_words(content, channel, text, language):
    person = Speaker(content, channel=channel, language="")
    person.says(text)
    assert person.contact.language == language


def test_words_of_another_language_change_nothing_for_somebody_known(content):
    person = Speaker(content, channel="sms", language="fr")
    assert "Peut-on vous appeler" in person.says("zai kashe ni")


# --- 13: a person says it first


@pytest.mark.parametrize("stage", ["NOT_ELIGIBLE", "DECEASED", "LOST_CONTACT", "CANCELLED"])
@pytest.mark.parametrize("channel", ["ussd", "whatsapp", "sms"])
def test_what_a_person_says_first_opens_a_request_without_permission_to_call(content, channel, stage):
    person = Speaker(content, channel=channel, language="en", file=File("482719368", stage, date(2026, 11, 2)))
    if channel == "ussd":
        person.dials()
        heard = says(person, "1", "482719368", "7306")
    else:
        heard = person.says("482719368 7306")
    told = "There is news for you." if channel == "sms" else "A person should talk with you about your file."
    assert told in heard
    assert (last(person).code, last(person).terms, last(person).case) == ("OTH", None, "482719368")


# --- 3, 5: what a shared phone shows afterwards


@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
@pytest.mark.parametrize("talk", [("9",), ("il veut me tuer", "2"), ("il veut me tuer", "1", "1")])
@pytest.mark.parametrize("next_words", ["bonjour", "1 2", "menu", "3x", "👍"])
def test_whoever_writes_next_from_the_phone_sees_the_plain_menu(content, channel, talk, next_words):
    person = Speaker(content, channel=channel, language="en")
    says(person, *talk)
    if talk == ("9",) and channel == "whatsapp":
        says(person, "2", "5", "1")
    asked = "Hello. 1 My file" if channel == "sms" else "Welcome. It is free."
    assert person.says(next_words).startswith(asked)


@pytest.mark.parametrize("minutes", [11, 60, 60 * 24 * 14])
def test_a_talk_in_private_that_was_left_is_not_taken_up_by_whoever_writes_later(content, minutes):
    person = Speaker(content, channel="whatsapp", language="en")
    person.says("9")
    person.waits(minutes=minutes)
    before = len(person.effects)
    assert person.says("1").startswith("Welcome. It is free.")
    assert len(person.effects) == before


@pytest.mark.parametrize("channel", ["ussd", "sms", "whatsapp"])
def test_danger_words_during_or_after_a_talk_in_private_are_a_critical_request_of_their_own(content, channel):
    person = speaker(content, channel=channel)
    says(person, "9")
    private = last(person)
    heard = person.says("il veut me tuer")
    hush = last(person)
    assert hush.id != private.id
    assert (hush.level, hush.source, hush.text, hush.terms) == ("critical", "hush", True, None)
    assert "tuer" not in heard
    assert private.ticket[:3] + "-" not in heard


# --- 21: a key means the same on every gateway


def test_a_gateway_without_buttons_adds_nothing_to_a_screen_that_lists_its_choices(content):
    asking = [name for name, state in content.flows.states.items() if state.asks]
    assert asking
    for name in asking:
        for language in content.flows.languages:
            spoken = content.speak(name, {}, channel="whatsapp", language=language)
            assert with_choices(spoken.text, spoken.buttons) == spoken.text, name
