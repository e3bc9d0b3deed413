"""Reads and plays the files of tests/transcripts: one person, one story, one language.

# what the story is about
= channel=ussd stage=TRAINING_WAIT      the set-up, before the first turn
= activities=some,+7|Couture            what a look-up of flows/data.yaml answers; (then …) another answer from here on
(dials)                                 a new USSD session; (waits 11 minutes); (taps 1) an offered button
> 1                                     what is typed; `>> ` arrives late, with its delay: `>> 20 minutes | 1`;
                                        `>+ ` comes two seconds after the last; (image), (sticker), (place);
                                        (drops to sms): the line drops, and what is then sent there
< CON Welcome                           each line of the screen
! OpenReferral code=MED                 what the turn orders
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import msgspec

from bot.content.screens import Content
from bot.engine.ports import File, Found, Item
from tests.engine.speaker import NO_PHONE, PHONE, Speaker

SPAN = re.compile(r"(\d+) (seconds|minutes|hours|days)")
HEARD = ("<", "!")
MEDIA = {"(voice note)": "audio", "(image)": "image", "(sticker)": "other", "(place)": "location"}


@dataclass(frozen=True)
class Story:
    """One file. `written`: its lines; those heard are rewritten by `--update-transcripts`."""

    path: Path

    @property
    def language(self) -> str:
        return self.path.name.split(".")[1]

    @property
    def written(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines()

    def played(self, content: Content) -> list[str]:
        """The file's lines as the conversation goes now."""
        asked = [line for line in self.written if not line.startswith(HEARD)]
        speaker = _speaker(content, self.language, _set_up(asked))
        lines: list[str] = []
        for line in asked:
            lines.append(line)
            before = len(speaker.effects)
            heard = _act(speaker, line)
            if heard is None:
                continue
            lines += [f"< {text}" for text in heard.split("\n")] if heard else ["< "]
            lines += [f"! {_shown(effect)}" for effect in speaker.effects[before:]]
        return lines


def _set_up(lines: list[str]) -> dict[str, str]:
    pairs = [pair for line in lines if line.startswith("= ") for pair in line[2:].split()]
    return dict(pair.split("=", 1) for pair in pairs)


def _speaker(content: Content, language: str, given: dict[str, str]) -> Speaker:
    place = given.pop("place", "").replace("_", " ")
    channel = given.pop("channel", "ussd")
    known = given.pop("language", language)
    file = File(
        "482719368",
        given.pop("stage", "TRAINING_WAIT"),
        date.fromisoformat(given.pop("since", "2026-11-02")),
        appointment=date.fromisoformat(given.pop("appointment")) if "appointment" in given else None,
        place=place,
        told_by_person=given.pop("told", "no") == "yes",
        news=given.pop("news", "yes") == "yes",
        minor=given.pop("minor", "no") == "yes",
        own=given.pop("own", "yes") == "yes",
    )
    lookups = {
        "code": given.pop("code", "7306"),
        "away": given.pop("away", "no") == "yes",
        "call_now_for": given.pop("call_now", ""),
        "closed": given.pop("closed", ""),
        "found": _found(content, given),
    }
    address = NO_PHONE if given.pop("phone", "yes") == "no" else PHONE
    texts = given.pop("texts", "")
    pushed = given.pop("pushed", "")
    asked, human = given.pop("asked", ""), given.pop("human", "").replace("yes", channel)
    consent = given.pop("consent", "yes")
    assert not given, f"unknown set-up: {', '.join(given)}"
    language = "" if known == "none" else known
    speaker = Speaker(content, channel=channel, language=language, address=address, file=file, **lookups)
    speaker.contact = msgspec.structs.replace(
        speaker.contact, consent="" if consent == "none" else consent, texts=texts
    )
    if pushed:
        speaker.is_pushed(pushed, **content.loaded.pushed[pushed])
    if asked:
        speaker.is_asked(asked)
    if human:
        speaker.hears_from_staff(human)
    return speaker


def _found(content: Content, given: dict[str, str]) -> dict[str, Found]:
    """`look_up=outcome,fact:value,+item|label` for the look-ups of flows/data.yaml; `~` is a blank."""
    found = {}
    for name in [name for name in given if name in content.flows.look_ups]:
        outcome, *told = given.pop(name).replace("~", " ").split(",")
        facts = dict(one.split(":", 1) for one in told if not one.startswith("+"))
        items = tuple(Item(*one[1:].split("|")) for one in told if one.startswith("+"))
        found[name] = Found(outcome, facts, items)
    return found


def _act(speaker: Speaker, line: str) -> str | None:
    """Do one line; what was then heard, or None where nothing was said."""
    if line == "(dials)":
        return speaker.dials()
    if line.startswith("(waits"):
        speaker.waits(**_span(line))
        return None
    if line.startswith("(then "):
        speaker.lookups.found |= _found(speaker.content, _set_up([f"= {line[6:-1]}"]))
        return None
    if line.startswith("(pushed "):
        entry = line[8:-1]
        return speaker.is_pushed(entry, **speaker.content.loaded.pushed[entry])
    if line == "(taps the kept button)":
        return speaker.says("", choice=speaker.kept)
    if line.startswith("(taps "):
        return speaker.taps(line[6:-1])
    if line.startswith("(keeps the button "):
        speaker.keeps(line[18:-1])
        return None
    if line.startswith("(drops to "):
        return speaker.drops(line[10:-1])
    if line in MEDIA:
        return speaker.says("", media=MEDIA[line])
    if line.startswith(">"):
        return _say(speaker, line)
    if line.startswith(("#", "=")) or not line:
        return None
    raise AssertionError(f"what does this line mean: {line}")


def _say(speaker: Speaker, line: str) -> str:
    how, _, text = line.partition(" ")
    if how == ">>":
        delay, _, text = text.partition(" | ")
        return speaker.says(text, sent=timedelta(**_span(delay)))
    if how == ">+":
        speaker.hurries()
    return speaker.says(text)


def _span(text: str) -> dict[str, float]:
    found = SPAN.search(text)
    assert found, text
    return {found[2]: float(found[1])}


def _shown(effect: msgspec.Struct) -> str:
    """`OpenReferral code=MED …`: what differs from the defaults; the referral by its last digits."""
    fields = msgspec.to_builtins(effect)
    kind = fields.pop("type")
    parts = [f"{name}={_value(name, value)}" for name, value in fields.items()]
    return " ".join([kind, *parts])


def _value(name: str, value: object) -> str:
    if name in ("id", "to"):
        return str(value)[-4:].lstrip("0")
    if isinstance(value, dict):
        return "(" + " ".join(f"{key}={_value(key, inner)}" for key, inner in value.items()) + ")"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
