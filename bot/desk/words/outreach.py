"""Words of the outreach: how somebody was tried, what became of a message, what was answered."""

from __future__ import annotations

from bot.desk.words import say


def way(code: str) -> str:
    """How somebody was tried."""
    return {
        "call": say("call"),
        "sms": "SMS",
        "whatsapp": "WhatsApp",
        "visit": say("visit"),
        "relative": say("through family or neighbours"),
    }[code]


def told(outcome: str) -> str:
    """What the person heard. Why a machine may not write is told to nobody: one reason is a talk in private (safety 19)."""
    return {
        "told": say("told by SMS"),
        "verify": say("asked for the code first"),
        "seen": say("read it on the phone"),
        "withheld": say("not told by machine: call, if a call is allowed"),
    }[outcome]


def number_state(state: str) -> str:
    """Where a new number stands."""
    return {
        "new": say("waits a day, then it counts"),
        "doubted": say("two phones gave the code: you decide"),
        "joined": say("counts already: nobody has called yet"),
    }[state]


def why(code: str) -> str:
    """Why somebody is searched for."""
    return {
        "no_shows": say("three appointments missed"),
        "no_answer": say("three attempts in vain"),
    }[code]


def problem(code: str) -> str:
    """What the person said of problems."""
    return {"no": say("no problem"), "kit": say("problem with equipment or animals"), "other": say("another problem")}[
        code
    ]
