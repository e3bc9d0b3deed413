"""Broadcasts in words: where one stands, whom it goes to, who is left out, what a step answers."""

from __future__ import annotations

from collections.abc import Iterable

from bot.desk.words import codes, process, say, stages
from bot.outreach.broadcasts_group import Group


def state(code: str) -> str:
    """Where a broadcast stands."""
    return {
        "draft": say("draft"),
        "waiting": say("waits for a second person"),
        "running": say("running"),
        "paused": say("paused"),
        "done": say("done"),
        "cancelled": say("cancelled"),
    }[code]


def kinds() -> dict[str, str]:
    """By what a group is described, in the order of the form."""
    return {
        "regions": say("Region"),
        "offices": say("Office"),
        "stages": say("Stage"),
        "languages": say("Language"),
        "partners": say("Partner"),
        "project_types": say("Project"),
        "training_types": say("Training"),
    }


def value(kind: str, code: str) -> str:
    """One value of a kind: proper names as they stand."""
    if kind == "stages":
        return stages.stage(code)
    return (codes.spoken(code) or code) if kind == "languages" else process.named(code)


def group(found: Group) -> str:
    """`Region: Zinder or Tahoua. Stage: kit ready.` or that it is everybody."""
    names, parts = kinds(), []
    for kind, chosen in found.kept().items():
        told = say(" or ").join(value(kind, one) for one in chosen)
        parts.append(say("%(kind)s: %(values)s.", kind=names[kind], values=told))
    return " ".join(parts) or say("All files.")


def left_out(code: str) -> str:
    """Why a phone gets nothing."""
    return {
        "no_phone": say("no phone in the file"),
        "deceased": say("the person has died"),
        "person_first": say("a person speaks first: not eligible, cancelled, or contact lost"),
        "unreachable": say("the number was found dead"),
        "silent": say("nothing heard for 180 days: somebody else may have the number"),
        "stopped": say("wrote STOP, or asked for no announcements"),
        "blocked": say("blocked at the gateway"),
    }[code]


def refused(code: str) -> str:
    """Why a step was not taken."""
    return {
        "changed": say("Not done: a colleague changed it meanwhile. Read it again."),
        "own": say("Not done: somebody else than its author must agree."),
        "few": say("Not done: it reaches fewer than 5 phones. Write to those people from their own pages."),
    }.get(code, code)


def languages(found: Iterable[str]) -> str:
    """`Zarma, Tamasheq`."""
    return ", ".join(codes.spoken(one) or one for one in found)
