"""Where a file stands, as staff say it; and what comes next."""

from __future__ import annotations

from bot.content.process import process
from bot.desk.words import say


def stage(code: str) -> str:
    """The stage in words; the code itself where no word is known."""
    words = {
        "REGISTERED": say("registered"),
        "ELIGIBILITY": say("eligibility"),
        "COUNSELLING": say("counselling"),
        "PLAN_REVIEW": say("plan under review"),
        "TRAINING_WAIT": say("waiting for training"),
        "TRAINING": say("in training"),
        "KIT_PREPARATION": say("kit being bought"),
        "KIT_READY": say("kit ready"),
        "KIT_COLLECTED": say("kit collected"),
        "MONITORING": say("followed up"),
        "FINALISED": say("finalised"),
        "ON_HOLD": say("on hold"),
        "WAITING_DOCUMENT": say("waiting for a paper"),
        "LOST_CONTACT": say("contact lost"),
        "CANCELLED": say("cancelled"),
        "NOT_ELIGIBLE": say("not eligible"),
        "TRANSFERRED": say("transferred"),
        "DECEASED": say("deceased"),
    }
    return words.get(code, code)


def following(code: str, resumes: str) -> str:
    """`waiting for training, or kit being bought`; "" where nothing follows. `resumes`: where it goes back to."""
    model = process()
    apart = tuple(one for one, rule in model.exceptional.items() if code in rule.only_from)
    after = (resumes,) if resumes else (*model.rule(code).next, *apart)
    return say(" or ").join(stage(one) for one in after)
