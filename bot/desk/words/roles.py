"""Roles of staff as words."""

from bot.desk.words import say


def role(code: str) -> str:
    """What a person is at work; the code itself where no word is known."""
    words = {
        "assistant": say("reintegration assistant"),
        "protection": say("protection"),
        "gbv_specialist": say("specialist, violence"),
        "child_specialist": say("child protection"),
        "psea_focal": say("focal point"),
        "complaints_officer": say("complaints"),
        "community_focal": say("community committee"),
        "coordinator": say("coordination"),
        "partner": say("partner organisation"),
        "admin": say("administration"),
        "data_protection": say("data protection"),
    }
    return words.get(code, code)
