"""The matters of a community in words: kinds, states, roles, what a step answers."""

from __future__ import annotations

from datetime import date

from babel.dates import format_date

from bot.desk.words import language, say


def tension(kind: str) -> str:
    """What a tension is about."""
    return {
        "": say("every kind"),
        "water": say("Water"),
        "market": say("Market, prices"),
        "work": say("Work"),
        "housing": say("Housing"),
        "insult": say("Insults, rumours"),
        "fight": say("A fight"),
    }[kind]


def state(code: str) -> str:
    """Where a proposal stands."""
    return {
        "PROPOSED": say("proposed"),
        "EXAMINED": say("being examined"),
        "ACCEPTED": say("accepted"),
        "DECLINED": say("declined"),
        "MORE_INFO": say("more is asked"),
        "WORKS": say("works under way"),
        "DELIVERED": say("delivered"),
        "IN_USE": say("in use"),
    }[code]


def decision(code: str) -> str:
    """The step to a state, as the committee decides it."""
    return {
        "EXAMINED": say("Examine it"),
        "ACCEPTED": say("Accept it"),
        "DECLINED": say("Decline it"),
        "MORE_INFO": say("Ask for more"),
        "WORKS": say("The works begin"),
        "DELIVERED": say("It is delivered"),
        "IN_USE": say("It is in use"),
    }[code]


def activity(kind: str) -> str:
    """What people come for."""
    return {
        "sewing": say("sewing"),
        "knitting": say("knitting"),
        "training": say("training"),
        "meeting": say("meeting"),
    }[kind]


def member(role: str) -> str:
    """What somebody is in a group."""
    return {"asking": say("asks to join"), "member": say("member"), "officer": say("officer")}[role]


def mark(code: str) -> str:
    """What became of a month that an officer entered."""
    return {
        "confirmed": say("confirmed by two officers"),
        "refused": say("refused by the second officer"),
        "void": say("void: its officer left or was locked out"),
        "waiting": say("waits for a second officer"),
        "lapsed": say("lapsed: nobody confirmed within 72 hours"),
    }[code]


def month(day: date) -> str:
    """`octobre 2026`."""
    return format_date(day, "MMMM y", locale=language())


def short_month(day: date) -> str:
    """`oct.`."""
    return format_date(day, "MMM", locale=language())


def refused(code: str) -> str:
    """Why a step was not taken, and what to do."""
    words = {
        "there": say("There is a community with this name already."),
        "name": say("A name of at most 24 letters, without signs of other scripts."),
        "nobody": say("Only somebody with the role “community committee” can sit in a committee."),
        "changed": say("A colleague was first. Look again before you decide."),
        "step": say("This step does not follow from where it stands now."),
        "title": say("First give it a public title, of at most 40 letters."),
        "reason": say("Give a public reason, of at most 70 letters."),
        "never_send": say("These words must not be read by everybody: a name, a number or a protected word. Write them anew."),
        "last_officer": say("A group cannot be without an officer. Make somebody else an officer first."),
        "amount": say("This amount is not possible here."),
        "capacity": say("Between 1 and 999 places."),
        "period": say("From a day to a later one, three months at most."),
    }  # fmt: skip
    return words.get(code, say("Not saved. Look at the fields again."))
