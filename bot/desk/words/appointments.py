"""Appointments in words: what for, where they stand, what the person said, and why a step was not taken."""

from __future__ import annotations

from babel.dates import get_day_names

from bot.desk.services import services
from bot.desk.words import language, say


def purpose(code: str) -> str:
    """What the person comes for."""
    return dict(purposes()).get(code, code)


def purposes() -> list[tuple[str, str]]:
    """To choose from."""
    return [
        ("kit", say("collect the kit")), ("training", say("training")), ("visit", say("visit")),
        ("call", say("call")), ("document", say("bring a paper")),
    ]  # fmt: skip


def state(code: str) -> str:
    """Where it stands."""
    words = {
        "PROPOSED": say("no answer yet"), "CONFIRMED": say("said yes"), "REMINDED": say("reminded"),
        "MOVED": say("moved"), "CANCELLED": say("taken off"), "ATTENDED": say("came"), "NO_SHOW": say("did not come"),
    }  # fmt: skip
    return words.get(code, code)


def said(code: str) -> str:
    """The person's last answer; "" where there is none."""
    words = {"coming": say("“I come”"), "other_day": say("“another day”"), "cannot": say("“I cannot”")}
    return words.get(code, "")


def place(name: str) -> str:
    """“Office Zinder” as the screens of the line say it; a home visit without a town has no words there."""
    if name == "Home visit":
        return say("At home")
    told = services().content.value("place", f"p:{name}", language())
    return told[:1].upper() + told[1:]


def kinds() -> list[tuple[str, str]]:
    """Of places."""
    return [
        ("office", say("office")), ("training", say("training place")), ("home", say("at people's homes")),
        ("phone", say("by phone")), ("other", say("another place")),
    ]  # fmt: skip


def weekdays() -> list[tuple[int, str]]:
    """Monday is 1."""
    names = get_day_names("abbreviated", locale=language())
    return [(number, str(names[number - 1])) for number in range(1, 8)]


def why_not(code: str) -> str:
    """Why a step was not taken, with a way on."""
    words = {
        "too_soon": say("That day is less than a week away. Tick “the person agreed” once they have said yes to you."),
        "closed_day": say("The place is closed that day, or the way there is: choose another day."),
        "full": say("That day is full. Choose another day, or give the place more room."),
        "has_one": say("This file has an appointment already: move it instead."),
        "not_followed": say("At this stage nobody is asked to come."),
        "not_live": say("This appointment was moved or taken off meanwhile."),
        "not_due": say("That day is still to come."),
        "not_marked": say("Nobody has marked it."),
        "unknown_purpose": say("Choose what the person comes for."),
    }
    return words.get(code, code)
