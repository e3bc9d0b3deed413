"""Walks the whole menu by machine: every screen is reached, and what works everywhere works there."""

import copy
from collections import deque
from datetime import date

import pytest

from bot.cases.stages import STAGES
from bot.engine.effects import OpenReferral
from bot.engine.flow import Flows
from bot.engine.ports import File, Found, Item
from bot.errors import LookupAway
from tests.engine.speaker import NO_PHONE, FakeLookups, Speaker

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
    {"file": File("482719368", "TRAINING", date(2026, 9, 16), known_on=date(2026, 10, 3))},
    {"file": File("482719368", "KIT_PREPARATION", date(2026, 5, 1), known_on=date(2026, 10, 3))},
    {"file": FOREIGN},
    {"code": ""},
    {"away": True},
    {"call_now_for": "4821737"},
    {"closed": "4821737"},
]
NO_NUMBER = [{"address": NO_PHONE}, {"address": NO_PHONE, "call_now_for": "4821737"}]  # on WhatsApp alone  # fmt: skip
STARTS = {
    "ussd": ["(dials)"],
    "sms": ["482719368", "482719368 7306", "482719368 1111", "482-1737", "9", "STOP", "START", "RAPPEL", "MENU",
            "P-1007", "il veut me tuer"],
    "whatsapp": ["bonjour", "482719368 7306", "482-1737", "9", "STOP", "START", "RAPPEL", "il veut me tuer", "(voice note)"],
}  # fmt: skip
TYPED = {
    "case": ["482719368", "368", "116275678"],
    "secret": ["7306", "1991", "1111"],
    "new_code": ["1234", "7306"],
    "code": ["7306", "7307"],
    "phone": ["12", "90009988"],
    "number": ["12 500"],
    "words": ["Un puits"],
    "proposal": ["P-1007"],
}
FLAGS = ("minor", "ask_who", "talk", "window", "role", "kind", "by", "limited")
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


class Scripted(FakeLookups):
    """Answers declared look-ups in turn by the outcomes of its script; `asked` tells what it was asked beyond it."""

    script: tuple[str, ...] = ()
    flows: Flows

    def find(self, what, values):
        if self.away:
            raise LookupAway("away")
        self.asked.append((what, dict(values)))
        declared = self.flows.look_ups[what]
        place = len(self.asked) - 1
        outcome = self.script[place] if place < len(self.script) else declared.outcomes[0]
        return Found(outcome, declared.gives, tuple(Item(str(n), f"Item {n}") for n in range(9)))


def _every_after(speaker: Speaker, text: str) -> list[Speaker]:
    """What saying it leads to, with each outcome of each look-up on the way."""
    found: list[Speaker] = []
    scripts: list[tuple[str, ...]] = [()]
    while scripts:
        script = scripts.pop()
        following = _after(speaker, text, script=script)
        asked = following.lookups.asked
        if len(asked) <= len(script):
            found.append(following)
            continue
        outcomes = speaker.content.flows.look_ups[asked[len(script)][0]].outcomes
        scripts += [(*script, outcome) for outcome in outcomes]
    return found


def _answers(speaker: Speaker) -> list[str]:
    state = speaker.content.flows.states[speaker.session.state]
    picked = ["1", "7"] if state.a_page else []
    return [*state.choices[speaker.channel], *TYPED.get(state.answer, []), *picked]


def _screens(content, channel: str) -> dict[str, Speaker]:
    """A speaker at each screen of a channel, found breadth first; screens that end the conversation included."""
    found: dict[str, Speaker] = {}
    seen: set[tuple] = set()
    for number, given in enumerate([*FILES, *(NO_NUMBER if channel == "whatsapp" else ())]):
        waiting: deque[Speaker] = deque()
        pushed = [f"(pushed {entry})" for entry in content.loaded.pushed if channel != "ussd"]
        for start in [*STARTS[channel], *pushed]:
            speaker = Speaker(content, channel=channel, language="", **given)
            speaker.lookups = Scripted(**vars(speaker.lookups))
            speaker.lookups.flows = content.flows
            waiting += _every_after(speaker, start)
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
                waiting += _every_after(speaker, answer)
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


def _after(speaker: Speaker, text: str, *, script: tuple[str, ...] = ()) -> Speaker:
    """Another speaker at the same place who says one thing more."""
    following = copy.copy(speaker)
    following.lookups = copy.copy(speaker.lookups)
    following.lookups.asked, following.lookups.script = [], script
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
