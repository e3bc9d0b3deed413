"""The timeline of a referral as sentences. What is not known is shown as its code, never left out."""

from __future__ import annotations

from typing import Any

from bot.desk.services import services
from bot.desk.words import codes, mark, say, steps
from bot.engine.effects import MISSED_CALL
from bot.referrals import letters
from bot.referrals.lapsing import UNCONFIRMED

BY_THE_PERSON = frozenset(
    {
        "opened", "updated", "attached", "repeated", "called_again", "call_now_answered", "wrote", "wrote_back",
        "solved", "not_solved",
    }
)  # fmt: skip
BY_ITSELF = frozenset({"alerted", "alert_failed", "lapsed", "nobody_to_alert"})  # a name here is whom it concerns
SENTENCES = {
    "opened": mark("Request opened at the first choice"),
    "repeated": mark("The same request told again"),
    "called_again": mark("The person called again"),
    "updated": mark("The person added something"),
    "attached": mark("The same request told again"),
    "wrote": mark("The person wrote something"),
    "alerted": mark("Alert sent, number and queue only"),
    "alert_failed": mark("Alert not delivered"),
    "accepted": mark("Accepted"),
    "postponed": mark("Later"),
    "lapsed": mark("No call was noted in time; the next person is told"),
    "noted": mark("Note"),
    "call_now_left": mark("“Call you now?” is left for the person"),
    "call_now_withdrawn": mark("“Call you now?” is withdrawn"),
    "call_now_answered": mark("The person answered “call you now?”"),
    "moved": mark("Moved to another queue"),
    "nobody_to_alert": mark("Nobody to tell: this queue has nobody on duty"),
    "reopened": mark("Opened again"),
    "replied": mark("Written to the person"),
    "wrote_back": mark("The person wrote back"),
    "asked": mark("Asked whether it is solved"),
    "not_asked": mark("Not asked whether it is solved"),
    "solved": mark("The person says: solved"),
    "not_solved": mark("The person says: not solved"),
    "undone": mark("The step before is taken back"),
    "refused": mark("Cannot take it; the next person is told"),
}


def happened(kind: str, detail: dict[str, Any]) -> str:
    """One event in words; `detail` holds codes and numbers only."""
    return _particular(kind, detail) or _step(kind, detail) or say(SENTENCES.get(kind, kind))


def _particular(kind: str, detail: dict[str, Any]) -> str:
    """What says more with its detail; "" for what does not."""
    if kind == "call_logged":
        results = dict(codes.call_results())
        return say("Call: %(result)s", result=results.get(str(detail.get("result", "")), "").lower())
    if kind == "opened" and detail.get("source") == MISSED_CALL:
        return say("The person let the line ring")
    if kind == "closed":
        outcomes = dict(codes.outcomes())
        return say("Closed: %(outcome)s", outcome=outcomes.get(str(detail.get("outcome", "")), ""))
    if kind == "call_now_answered" and detail.get("yes"):
        return say("The person says: call me now")
    if kind in ("code_set", "coded"):
        return say("Code set: %(code)s", code=codes.need(str(detail.get("code", ""))))
    if kind == "lapsed" and detail.get("why") == UNCONFIRMED:
        return say("Answered by SMS alone, and the desk was not opened; the next person is told")
    return ""


def _step(kind: str, detail: dict[str, Any]) -> str:
    """A step of a colleague with its reason; "" for what is none."""
    reason = str(detail.get("reason", ""))
    if kind == "refused" and reason:
        return say("Cannot take it: %(reason)s; the next person is told", reason=steps.word(steps.refusals(), reason))
    if kind == "handed_over":
        to = letters.letter(services().settings, str(detail.get("to", "")))
        why = steps.word(steps.handing_reasons(), reason)
        return say("Handed over to queue %(letter)s: %(reason)s", letter=to, reason=why)
    if kind == "taken_over":
        return say("Taken over: %(reason)s", reason=steps.word(steps.taking_reasons(), reason))
    if kind == "level_set":
        why = steps.word([pair for group in steps.level_reasons().values() for pair in group], reason)
        return say("Level %(level)s: %(reason)s", level=codes.level(str(detail["level"])), reason=why)
    if kind == "reopened" and reason:
        return say("Opened again: %(reason)s", reason=steps.word(steps.reopening_reasons(), reason))
    if kind == "terms_said":
        how = steps.word(steps.how(), detail.get("how"))
        return (
            say("Call allowed, said %(how)s", how=how)
            if detail.get("may_call")
            else say("Call not allowed, said %(how)s", how=how)
        )
    if kind in ("flagged", "flag_ended"):
        word = steps.word(steps.flag_words(), detail.get("word"))
        return say("Reminder: %(word)s", word=word) if kind == "flagged" else say("Reminder done: %(word)s", word=word)
    return _passing(kind, detail)


def _passing(kind: str, detail: dict[str, Any]) -> str:
    """Steps about passing on; "" for others."""
    receiver = steps.word(steps.receivers(), detail.get("receiver"))
    if kind == "consent_said":
        said = say("yes") if detail.get("answer") == "yes" else say("no")
        return say("Passing on to %(receiver)s: the person says %(answer)s", receiver=receiver, answer=said)
    words = {
        "consent_withdrawn": say("Passing on to %(receiver)s: taken back", receiver=receiver),
        "without_asked": say("Passing on to %(receiver)s without a yes: waits for a second person", receiver=receiver),
        "without_agreed": say("Passing on to %(receiver)s without a yes: a second person agrees", receiver=receiver),
    }
    return words.get(kind, "")


def doer(kind: str, name: str, channel: str) -> str:
    """Who did it: the person, by their channel; a colleague, by name; or the service itself, and whom it concerns."""
    if kind in BY_THE_PERSON:
        return codes.channel(channel)
    if kind in BY_ITSELF and name:
        return say("automatic, %(name)s", name=name)
    return name or say("automatic")


def reading(action: str) -> str:
    """A reading, which is written down like any other step."""
    words = {
        "referral_read": say("Page opened"),
        "text_read": say("Protected message read"),
        "number_read": say("Phone number shown"),
        "voice_opened": say("Protected voice note opened"),
        "voice_heard": say("Voice note played"),
        "sealed_opened": say("Sealed content opened"),
        "request_printed": say("Prepared for printing, with number and notes"),
    }
    return words.get(action, action)
