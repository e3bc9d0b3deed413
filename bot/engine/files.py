"""Looking data up: a file, and what its stage means for the next screen; and whatever flows/data.yaml declares."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.engine import picking
from bot.engine.ports import File
from bot.errors import LookupAway

if TYPE_CHECKING:
    from bot.engine.walk import Walk

AWAY = "away"  # PostgreSQL did not answer, or not what was declared
LONGEST_FACT = 200  # characters: what is longer is no screen
OLD_AFTER = 30  # days after which a screen says of when it knows what it tells
WITHOUT_TRIP = ("Home visit", "Phone call")  # places of an appointment to which nobody travels


def look_up(walk: Walk, what: str) -> str:
    """Ask for data; returns the outcome that the flow branches on. "away" when PostgreSQL does not answer."""
    try:
        return LOOKUPS[what](walk) if what in LOOKUPS else _declared(walk, what)
    except LookupAway:
        return AWAY


def _declared(walk: Walk, what: str) -> str:
    """Facts become values of the conversation, a list waits for the next screen that picks from it.

    Only what flows/data.yaml declares counts. Facts of an earlier answer never stay beside those of this one.
    """
    declared = walk.flows.look_ups[what]
    asked = (*declared.needs, *declared.optional)
    values = {name: walk.values[name] for name in asked if walk.values.get(name)}
    for secret in declared.forgets:
        walk.values.pop(secret, None)
    if not values.keys() >= set(declared.needs):
        return AWAY
    found = walk.lookups.find(what, values)
    if found.outcome not in declared.outcomes:
        return AWAY
    for name in declared.gives:
        walk.values.pop(name, None)
        if name in found.facts:
            walk.values[name] = found.facts[name][:LONGEST_FACT]
    if declared.a_list:
        walk.lists[picking.LAST] = tuple((item.id, item.label[:LONGEST_FACT]) for item in found.items[: picking.MOST])
    return found.outcome


def _file(walk: Walk) -> str:
    """Case number and secret, as kept by the flow. The secret is dropped whatever the outcome."""
    checked = walk.lookups.check(walk.values.get("case", ""), walk.values.pop("secret", ""))
    if checked.case:
        walk.values["case"] = checked.case
    if checked.file is not None:
        walk.verified = True
        walk.values.pop("young", None)  # this file, not the one before it
        walk.values.update(told(walk, checked.file))
    return checked.outcome


def _choose_code(walk: Walk) -> str:
    """Set the code that was typed twice the same, and open the file with it."""
    first, second = walk.values.pop("new_code", ""), walk.values.pop("again", "")
    if first != second:
        return "different"
    if not walk.lookups.choose_code(walk.values["case"], first):
        return "no_match"
    walk.values["secret"] = first
    return _file(walk)


def _ticket(walk: Walk) -> str:
    """What is asked of whoever types this number. One that never was answers like any other (safety 19)."""
    return walk.lookups.ticket(walk.values["ticket"])


def told(walk: Walk, file: File) -> dict[str, str]:
    """The facts and words of a status screen. `screen` picks the screen, as flows/stages.yaml says."""
    stage = walk.flows.stages[file.stage]
    today = walk.now.date()
    late = bool(stage.late_after) and (today - file.since).days > stage.late_after
    screen = stage.screen
    if file.stage == "NOT_ELIGIBLE" and not file.told_by_person:
        screen = "person"
    elif late and screen == "usual":
        screen = "late"
    facts = {
        "screen": screen,
        "news": "yes" if file.news else "no",
        "stage": file.stage,
        "since": f"d:{file.since.isoformat()}",
        "minor": "yes" if file.minor else "no",
        "own": "yes" if file.own else "no",
        "appointment": "none",
        "known": "fresh",
    }
    if file.known_on is not None:
        facts["known_on"] = f"d:{file.known_on.isoformat()}"
        if (today - file.known_on).days > OLD_AFTER:
            facts["known"] = "old"
    if file.minor:
        facts["young"] = "yes"
    if file.appointment is not None:
        facts["appointment"] = "past" if file.appointment < today else "coming"
        facts["day"] = f"w:{file.appointment.isoformat()}"
        facts["place"] = f"p:{file.place}"
        facts["trip"] = "no" if file.place.startswith(WITHOUT_TRIP) else "yes"
    return facts


LOOKUPS: dict[str, Callable[[Walk], str]] = {"file": _file, "choose_code": _choose_code, "ticket": _ticket}
OUTCOMES: dict[str, tuple[str, ...]] = {
    "file": ("ok", "choose_code", "no_match", "away"),
    "choose_code": ("ok", "different", "no_match", "away"),
    "ticket": ("call_now", "closed", "waiting", "away"),
}
