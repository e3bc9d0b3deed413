"""Words of the steps on a referral: reasons, flags, receivers of what is passed on, and why a step is not possible."""

from __future__ import annotations

from bot.desk.words import mark, say
from bot.referrals import consents, flags, handing_on, levels, reopening, said_terms

Choices = list[tuple[str, str]]

# Why a step was not taken, under the field that has to change
WHY_NOT = {
    "taken": mark("A colleague has it. Take it over first."),
    "same_queue": mark("It is in this queue already."),
    "sealed": mark("What is sealed stays sealed."),
    "code_first": mark("Set the code first: nobody there may hear of a request without one."),
    "nobody_there": mark("With its code nobody of that queue may see it. Change the code first."),
    "same_level": mark("This is its level already."),
    "not_yours": mark("Only whoever has it lowers the level."),
    "locked": mark("Open the sealed request first."),
    "no_consent": mark("First note, under Passing on, that the person says yes, or why it goes on without a yes."),
    "not_spoken": mark("First note a call in which you spoke with the person."),
    "wrong_day": mark("Choose a day from today on, within a year."),
    "not_a_child": mark("This right is for children only."),
    "unknown_reason": mark("This reason does not go with the choice above."),
}


def refusals() -> Choices:
    """Why somebody on duty cannot take it."""
    words = {
        "busy": say("busy with another emergency"),
        "away": say("not able to call now"),
        "language": say("not my language"),
        "known": say("I know the person or the family"),
        "other_caller": say("the person wishes another caller"),
    }
    return [(code, words[code]) for code in handing_on.REFUSED]


def handing_reasons() -> Choices:
    """Why it goes to another queue."""
    words = {
        "other_need": say("the need is another one"),
        "specialist": say("a specialist is needed"),
        "known": say("I know the person or the family"),
        "language": say("another language is needed"),
        "asked": say("the person asked for it"),
    }
    return [(code, words[code]) for code in handing_on.HANDED]


def taking_reasons() -> Choices:
    """Why it is taken over from a colleague."""
    words = {"away": say("away today"), "left": say("no longer here"), "agreed": say("agreed between us")}
    return [(code, words[code]) for code in handing_on.TAKEN_OVER]


def level_reasons() -> dict[str, Choices]:
    """Why the level changes, by direction."""
    up = {
        "danger": say("danger now"),
        "child": say("a child is concerned"),
        "health": say("health is at risk"),
        "worse": say("it has become worse"),
    }
    down = {
        "safe_now": say("the person says they are safe"),
        "no_hurry": say("the person says there is no hurry"),
        "misread": say("the words meant something else"),
        "helped": say("help has arrived"),
    }
    return {
        say("Higher"): [(code, up[code]) for code in levels.RAISED],
        say("Lower"): [(code, down[code]) for code in levels.LOWERED],
    }


def reopening_reasons() -> Choices:
    """Why a closed request is open again."""
    words = {
        "came_back": say("the person came back"),
        "not_solved": say("it is not solved"),
        "mistake": say("closed by mistake"),
    }
    return [(code, words[code]) for code in reopening.REOPENED]


def windows() -> Choices:
    """When a call is safe, as the person says it."""
    words = {
        "any": say("at any hour, 6 to 22"),
        "morning": say("in the morning, 7 to 12"),
        "afternoon": say("in the afternoon, 12 to 17"),
        "evening": say("in the evening, 17 to 21"),
    }
    return [(code, words[code]) for code in said_terms.WINDOWS]


def how() -> Choices:
    """How we heard it."""
    words = {"voice": say("by phone"), "in_person": say("face to face")}
    return [(code, words[code]) for code in said_terms.HOW]


def flag_words() -> Choices:
    """What to keep in mind."""
    words = {
        "medical": say("medical follow-up"),
        "document": say("wait for a paper"),
        "interpreter": say("call with an interpreter"),
        "safety": say("ask again about safety"),
        "call": say("call again"),
    }
    return [(code, words[code]) for code in flags.WORDS]


def receivers() -> Choices:
    """To whom something is passed on."""
    words = {
        "health": say("health centre"),
        "psychosocial": say("psychosocial support"),
        "specialist": say("specialist service"),
        "child_services": say("child protection service"),
        "rescue": say("rescue team"),
        "legal": say("legal aid"),
        "partner": say("partner organisation of the project"),
    }
    return [(code, words[code]) for code in consents.RECEIVERS]


def purposes() -> Choices:
    """For what."""
    words = {
        "care": say("care"),
        "safety": say("safety"),
        "papers": say("papers"),
        "assistance": say("kit or project"),
    }
    return [(code, words[code]) for code in consents.PURPOSES]


def rights() -> Choices:
    """What alone allows to act without a yes."""
    words = {"life": say("to save a life"), "child": say("in the best interest of a child")}
    return [(code, words[code]) for code in consents.RIGHTS]


def word(choices: Choices, code: object) -> str:
    """One of them; the code itself where it is not known."""
    return dict(choices).get(str(code), str(code))
