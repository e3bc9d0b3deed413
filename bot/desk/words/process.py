"""Words of the process: why a file moves, what was found, who is who in a project, and why a step is not possible."""

from __future__ import annotations

from bot.cases import projects, visits
from bot.content.process import process
from bot.desk.words import mark, say
from bot.desk.words.stages import stage

Choices = list[tuple[str, str]]

# Why a step was not taken, said where it was asked for
WHY_NOT = {
    "moved_on": mark("A colleague was first: look where the file stands now."),
    "not_allowed": mark("This step is not yours to take, or not from this stage."),
    "reason_needed": mark("Choose a reason."),
    "note_needed": mark("Write in a sentence why."),
    "consent_needed": mark("Only once the person has agreed."),
    "review_needed": mark("Choose a day from tomorrow on, not later than the model allows."),
    "too_late": mark("Too late to take it back: move the file instead."),
    "no_file": mark("No file with this number, or not one of yours."),
    "in_another": mark("This file is in another project. It leaves that one first."),
    "other_partner": mark("Another organisation follows this person."),
    "full": mark("No place is left."),
    "over": mark("This training is over."),
    "wrong_day": mark("Not possible for this day."),
    "too_early": mark("Only from the last day on."),
    "not_arrived": mark("Note first that it has arrived."),
    "elsewhere": mark("in another stage"),
    "not_searched": mark("First three attempts on three days, over two ways."),
    "same_number": mark("The file has this number already."),
    "number_taken": mark("Other files have this number: tick that they share it, or ask again."),
}


def why_not(code: str) -> str:
    """The sentence for a code of CaseError."""
    return say(WHY_NOT.get(code, WHY_NOT["not_allowed"]))


def reason(code: str) -> str:
    """Why a file moved; the code itself where no word is known."""
    return {
        "security": say("security"),
        "illness": say("illness"),
        "travel": say("travel"),
        "budget": say("budget"),
        "identity": say("identity paper"),
        "birth": say("birth paper"),
        "wish": say("the person's wish"),
        "duplicate": say("the same person twice"),
        "contact": say("the person was heard of"),
        "undone": say("taken back"),
        "no_answer": say("no answer"),
        "no_shows": say("did not come three times"),
    }.get(code, code)


def reasons() -> dict[str, Choices]:
    """The reasons to choose from, by stage: groups of a list."""
    model = process()
    return {
        stage(code): [(f"{code}:{one}", reason(one)) for one in rule.reasons]
        for code, rule in model.exceptional.items()
        if rule.reasons
    }


def proposed(why: str) -> str:
    """Why a move is proposed."""
    return {
        "training": say("after the training"),
        "kit": say("because of the kit"),
        "second": say("a second person decides"),
    }.get(why, why)


def finding(code: str) -> str:
    """What a visit found."""
    return {
        "running": say("the activity runs"),
        "slow": say("it runs slowly"),
        "stopped": say("it has stopped"),
        "broken": say("equipment broken"),
        "stock": say("no stock left"),
        "animals": say("animals ill or dead"),
        "helped_by_others": say("others helped"),
        "not_found": say("nobody was there"),
        "again": say("one more visit is needed"),
    }.get(code, code)


def findings() -> Choices:
    """All that a visit may find."""
    return [(code, finding(code)) for code in visits.FINDINGS]


def way(code: str) -> str:
    """A visit or a call."""
    return {"visit": say("visit"), "call": say("call")}.get(code, code)


def fault(code: str) -> str:
    """What is wrong with a kit."""
    return {"broken": say("broken"), "incomplete": say("incomplete")}.get(code, code)


def kind(code: str) -> str:
    """The kind of a project."""
    return {
        "individual": say("of one person"),
        "collective": say("of a group"),
        "community": say("of a whole place"),
    }.get(code, code)


def kinds() -> Choices:
    """All kinds of projects."""
    return [(code, kind(code)) for code in projects.KINDS]


def role(code: str) -> str:
    """What somebody is in a project."""
    return {
        "member": say("member"),
        "head": say("head"),
        "treasurer": say("treasurer"),
        "secretary": say("secretary"),
    }.get(code, code)


def roles() -> Choices:
    """All roles of a project."""
    return [(code, role(code)) for code in projects.ROLES]


def stages_of(codes: tuple[str, ...]) -> Choices:
    """Stages to choose from."""
    return [(code, stage(code)) for code in codes]


def named(code: str) -> str:
    """A kind of project, training or kit; as it stands in the file where it has no word here."""
    words = {
        "individual": say("individual project"),
        "collective": say("collective project"),
        "community": say("community project"),
        "business_management": say("running a business"),
        "cattle_breeding": say("raising animals"),
        "horticulture": say("growing vegetables"),
        "livestock": say("animals"),
        "horticulture_tools": say("garden tools"),
        "grocery": say("grocery"),
        "motorcycle_taxi": say("motorcycle taxi"),
        "sewing": say("sewing"),
        "fabric": say("cloth"),
        "cosmetics": say("cosmetics"),
        "spare_parts": say("spare parts"),
        "rent_support": say("help with the rent"),
    }
    return words.get(code, code.replace("_", " "))


def mover(kind: str) -> str:
    """Who moved a file, where it was none of the staff: the first part of `StageChange.by`."""
    return {
        "import": say("import"),
        "undo": say("an import that was taken back"),
        "api": say("another system"),
        "turn": say("the person, on the line"),
    }.get(kind, kind)
