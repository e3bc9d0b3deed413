"""The timeline of a referral as sentences. What is not known is shown as its code, never left out."""

from __future__ import annotations

from typing import Any

from bot.desk.words import codes, say
from bot.engine.effects import MISSED_CALL

BY_THE_PERSON = frozenset({"opened", "updated", "attached", "repeated", "called_again", "call_now_answered", "wrote"})
BY_ITSELF = frozenset({"alerted", "alert_failed", "lapsed", "nobody_to_alert"})  # a name here is whom it concerns


def happened(kind: str, detail: dict[str, Any]) -> str:
    """One event in words; `detail` holds codes and numbers only."""
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
    sentences = {
        "opened": say("Request opened at the first choice"),
        "repeated": say("The same request told again"),
        "called_again": say("The person called again"),
        "updated": say("The person added something"),
        "attached": say("The same request told again"),
        "wrote": say("The person wrote something"),
        "alerted": say("Alert sent, number and queue only"),
        "alert_failed": say("Alert not delivered"),
        "accepted": say("Accepted"),
        "refused": say("Cannot take it; the next person is told"),
        "postponed": say("Later"),
        "lapsed": say("No call was noted in time; the next person is told"),
        "noted": say("Note"),
        "call_now_left": say("“Call you now?” is left for the person"),
        "call_now_withdrawn": say("“Call you now?” is withdrawn"),
        "call_now_answered": say("The person answered “call you now?”"),
        "moved": say("Moved to another queue"),
        "nobody_to_alert": say("Nobody to tell: this queue has nobody on duty"),
        "reopened": say("Opened again"),
    }
    return sentences.get(kind, kind)


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
    }
    return words.get(action, action)
