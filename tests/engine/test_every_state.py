"""Walks the whole menu by machine: every screen is reached, and what works everywhere works there."""

import copy
from collections import deque
from datetime import date

import pytest

from bot.cases.stages import STAGES
from bot.engine.effects import OpenReferral
from bot.engine.ports import File, Found
from tests.engine.speaker import NO_PHONE, Speaker

FOREIGN = File("482719368", "KIT_READY", date(2026, 11, 16), own=False)  # from another phone than its own
FILES = [
    {"file": File("482719368", stage, date(2026, 11, 16), told_by_person=told)}
    for stage in STAGES
    for told in ((False, True) if stage == "NOT_ELIGIBLE" else (False,))
] + [
    {"file": File("482719368", "KIT_PREPARATION", date(2026, 5, 1), minor=True)},
    {"file": File("482719368", "KIT_READY", date(2026, 11, 16), appointment=date(2026, 12, 1), place="Office Tahoua")},
    {
        "file": File(
            "482719368", "KIT_READY", date(2026, 11, 16), appointment=date(2026, 12, 1), place="Home visit Keita"
        )
    },
    {"file": File("482719368", "KIT_READY", date(2026, 11, 16), appointment=date(2026, 11, 3), place="Office Tahoua")},
    {"file": File("482719368", "TRAINING", date(2026, 11, 16), news=False)},
    {"file": File("482719368", "MONITORING", date(2026, 11, 2)), "found": {"check_in": Found("due", {"checkin": "7"})}},
    {"file": FOREIGN, "found": {"new_number": Found("ask")}},
    {"file": FOREIGN, "found": {"new_number": Found("limited")}},
    {"code": ""},
    {"away": True},
    {"call_now_for": "4821737"},
    {"closed": "4821737"},
]
NO_NUMBER = [{"address": NO_PHONE}, {"address": NO_PHONE, "call_now_for": "4821737"}]  # on WhatsApp alone  # fmt: skip
STARTS = {
    "ussd": ["(dials)"],
    "sms": ["482719368", "482719368 7306", "482719368 1111", "482-1737", "9", "STOP", "START", "RAPPEL", "MENU",
            "il veut me tuer", "(pushed checkin)"],
    "whatsapp": ["bonjour", "482719368 7306", "482-1737", "9", "STOP", "START", "RAPPEL", "il veut me tuer", "(voice note)"],
}  # fmt: skip
TYPED = {
    "case": ["482719368", "368", "116275678"],
    "secret": ["7306", "1991", "1111"],
    "new_code": ["1234", "7306"],
    "code": ["7306", "7307"],
    "phone": ["12", "90009988"],
}
FLAGS = ("minor", "ask_who", "talk", "window")
OWN = ("file.", "menu.")  # conversations that differ from file to file
EXTRA = ("482-1737", "il veut me tuer", "STOP", "START", "RAPPEL")


def _say(speaker: Speaker, text: str) -> None:
    if text == "(dials)":
        speaker.dials()
    elif text == "(voice note)":
        speaker.says("", media="audio")
    elif text.startswith("(pushed "):
        entry = text[8:-1]
        speaker.is_pushed(entry, **speaker.content.loaded.pushed[entry])
    else:
        speaker.says(text)


def _answers(speaker: Speaker) -> list[str]:
    state = speaker.content.flows.states[speaker.session.state]
    return [*state.choices[speaker.channel], *TYPED.get(state.answer, [])]


def _screens(content, channel: str) -> dict[str, Speaker]:
    """A speaker at each screen of a channel, found breadth first; screens that end the conversation included."""
    found: dict[str, Speaker] = {}
    seen: set[tuple] = set()
    for number, given in enumerate([*FILES, *(NO_NUMBER if channel == "whatsapp" else ())]):
        waiting: deque[Speaker] = deque()
        for start in STARTS[channel]:
            speaker = Speaker(content, channel=channel, language="", **given)
            _say(speaker, start)
            waiting.append(speaker)
        while waiting:
            speaker = waiting.popleft()
            name = speaker.session.state
            place = _place(speaker, number)
            if place in seen:
                continue
            seen.add(place)
            found.setdefault(name, speaker)
            if not speaker.session.open:
                continue
            for answer in [*_answers(speaker), *(EXTRA if channel == "ussd" and name == "menu.main" else ())]:
                waiting.append(_after(speaker, answer))
            if channel == "ussd":
                waiting.append(_after(speaker, "(dials)"))
    return found


def _place(speaker: Speaker, number: int) -> tuple:
    """A screen and what its way on depends on; which file it is matters in its own conversation only."""
    session = speaker.session
    flags = tuple((name, bool(session.values.get(name))) for name in FLAGS)
    return (
        session.state,
        session.returns,
        session.private,
        flags,
        speaker.address,
        number if session.state.startswith(OWN) else 0,
    )


def _after(speaker: Speaker, text: str) -> Speaker:
    """Another speaker at the same place who says one thing more."""
    following = copy.copy(speaker)
    following.lookups = copy.copy(speaker.lookups)
    following.effects = []
    _say(following, text)
    return following


@pytest.fixture(scope="module")
def screens(content):
    return {channel: _screens(content, channel) for channel in STARTS}


def _repeated(content) -> set[str]:
    """The screens that need the same need told twice."""
    speaker = Speaker(content, language="en")
    for text in ("(dials)", "2", "2", "1", "2", "1", "2", "(dials)", "2", "2"):
        _say(speaker, text)
    asked = speaker.session.state
    speaker.says("1")
    return {asked, speaker.session.state}


def _dropped(content) -> set[str]:
    """The screen that a dropped line leads to elsewhere."""
    speaker = Speaker(content, language="en")
    for text in ("(dials)", "5", "3", "1", "5"):
        _say(speaker, text)
    speaker.drops("sms")
    return {speaker.session.state}


def test_every_screen_is_reached(content, screens):
    speaking = {name for name, state in content.flows.states.items() if state.asks or state.says}
    reached = set().union(*screens.values()) | _repeated(content) | _dropped(content)
    assert speaking - reached == set()


@pytest.mark.parametrize("channel", STARTS)
def test_talk_in_private_works_from_every_screen_and_opens_one_critical_referral(content, screens, channel):
    for name, speaker in screens[channel].items():
        if speaker.session.values.get("talk"):
            continue  # under way already: the test below
        number = content.flows.states[name].number and speaker.session.open
        talking = (
            _after(speaker, "99" if number else "9") if channel != "ussd" or speaker.session.open else _redial(speaker)
        )
        opened = [effect for effect in talking.last.effects if isinstance(effect, OpenReferral)]
        assert [(one.private, one.level, one.queue, one.code, one.terms) for one in opened] == [
            (True, "critical", "child" if speaker.session.values.get("young") else "protection", None, None)
        ], name
        assert talking.session.private


def _redial(speaker: Speaker) -> Speaker:
    return _after(_after(speaker, "(dials)"), "9")


def test_talk_in_private_twice_is_one_talk(content, screens):
    within = [speaker for speaker in screens["ussd"].values() if speaker.session.open and speaker.session.private]
    assert within
    for speaker in within:
        if not speaker.session.values.get("talk"):
            continue
        number = content.flows.states[speaker.session.state].number
        again = _after(speaker, "99" if number else "9")
        assert again.last.effects == ()
        assert again.session.state == speaker.session.state


@pytest.mark.parametrize("channel", STARTS)
@pytest.mark.parametrize("word", ["STOP", "arrêt", "Ku tsaya"])
def test_stop_works_from_every_screen(screens, channel, word):
    for name, speaker in screens[channel].items():
        start = speaker if channel != "ussd" or speaker.session.open else _after(speaker, "(dials)")
        stopped = _after(start, word)
        assert stopped.session.state == "menu.stopped", name
        assert stopped.contact.stopped == ("whatsapp" if channel == "whatsapp" else "sms",)


@pytest.mark.parametrize("channel", ["ussd", "whatsapp"])
def test_the_menu_is_one_or_two_keys_away(content, screens, channel):
    for name, speaker in screens[channel].items():
        if not speaker.session.open:
            continue
        home = _after(speaker, "00" if content.flows.states[name].number else "0")
        assert home.session.state in ("menu.main", "menu.language"), name
        assert home.last.effects == ()


def test_private_screens_are_never_offered_again(screens):
    for name, speaker in screens["ussd"].items():
        if speaker.session.private:
            again = _after(speaker, "(dials)")
            assert again.session.state in ("menu.main", "menu.language"), name
            assert len(again.last.replies) == 1
