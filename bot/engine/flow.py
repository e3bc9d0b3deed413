"""A flow as the engine runs it: frozen tables, made by bot.content from the files in flows/."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from bot.engine.effects import Level
from bot.triage import Roots

RETURN = "return"  # the target that comes back from a hand-over
CONTINUE = "continue"  # the target that goes on where the line dropped


@dataclass(frozen=True, slots=True)
class Order:
    """One line of `do`: a verb and its arguments, as the file has them."""

    verb: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a question. `key` is pressed, `go` is the next state."""

    key: str
    go: str
    do: tuple[Order, ...] = ()
    keep: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Branch:
    """Go on where every fact is as `when` says; an empty `when` always fits."""

    go: str
    when: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """One screen of a conversation, or a fork between two. `name` is `flow.state`.

    `answer` is the type of a typed answer ("" for choices alone), kept under `keep`, then `go`.
    `number`: the state takes a number, so `0` and `9` are values here (safety 21).
    `private`: leaves no trace and is never offered again (safety 3).
    `verified`: only shown after the code; names the state that asks it again (safety 11).
    `secret`: what is typed here is never recorded.
    `elsewhere`: the channels on which a dropped USSD line may go on here.
    `a_page`: how many items of a list a screen shows; 0 where none is picked from (bot/engine/picking.py).
    `open_for`: milliseconds during which a late message may still answer.
    """

    name: str
    do: tuple[Order, ...] = ()
    branches: tuple[Branch, ...] = ()
    look_up: str = ""
    outcomes: dict[str, str] = field(default_factory=dict)
    hand_over: str = ""
    back_to: str = ""
    choices: dict[str, dict[str, Choice]] = field(default_factory=dict)  # channel -> key -> choice
    answer: str = ""
    keep: str = ""
    go: str = ""
    wrong: str = ""
    a_page: int = 0
    asks: bool = False
    says: bool = False
    final: bool = False
    number: bool = False
    private: bool = False
    verified: str = ""
    secret: bool = False
    elsewhere: tuple[str, ...] = ()
    may_wait: bool = False  # this turn may be refused while the journal is too long
    open_for: int = 10 * 60_000
    questions: dict[str, int] = field(default_factory=dict)  # channel -> fingerprint
    placeholders: tuple[str, ...] = ()
    moved_to: str = ""
    yes: str = ""  # the keys of a question of yes or no, which may then be answered in words
    no: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """What a staff code means for a referral (flows/needs.yaml). `urgent` is the level after "urgent: yes"."""

    code: str
    queue: str
    level: Level
    urgent: Level
    repeatable: bool = False  # a repeat within 24 h may be attached (safety 4)
    urgent_code: str = ""  # another code once urgent: trouble in town now is a threat


@dataclass(frozen=True, slots=True)
class Stage:
    """How a stage is told (flows/stages.yaml). `screen` is the value of the fact `screen`."""

    code: str
    screen: str
    late_after: int = 0  # days; 0: never late


@dataclass(frozen=True, slots=True)
class LookUp:
    """A look-up of flows/data.yaml. `gives`: its facts, with the longest value of each; `a_list`: items to pick from.

    `claims`: it writes inside the turn, once, because what it takes may be gone a moment later. `forgets`: values
    that are gone from the conversation once asked, whatever the outcome: a code.
    """

    outcomes: tuple[str, ...]
    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    gives: dict[str, str] = field(default_factory=dict)
    a_list: bool = False
    claims: bool = False
    forgets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActOf:
    """An act of flows/data.yaml: the values it carries, and whether the person's own words go with it."""

    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    text: bool = False


@dataclass(frozen=True, slots=True)
class Flows:
    """Everything the engine needs to know, checked before the service starts."""

    states: dict[str, State]
    needs: dict[str, Need]
    stages: dict[str, Stage]
    entries: dict[str, str]  # where keywords, `9`, a new dial … lead: name -> state
    roots: Roots
    look_ups: dict[str, LookUp] = field(default_factory=dict)
    acts: dict[str, ActOf] = field(default_factory=dict)
    languages: tuple[str, ...] = ("fr", "ha", "en")
    default_language: str = "fr"


def fingerprint(*parts: str) -> int:
    """32 bits that tell whether a question is still the same; no secret."""
    return int.from_bytes(hashlib.blake2s("\x1f".join(parts).encode(), digest_size=4).digest(), "big")
