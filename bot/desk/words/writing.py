"""Writing to a person, in words: why not, what was refused, how a closing was told."""

from __future__ import annotations

from bot.desk.words import messages, say
from bot.messages import Channel
from bot.outbox import NotWritten
from bot.referrals import closing
from bot.referrals.replying import Preview


def why_not(code: str) -> str:
    """Why nothing may be written to this person; "" where it may."""
    words = {
        "private": say("Never after a talk in private: a message would leave a trace."),
        "sealed": say("Never about a sealed request."),
        "minor": say("Never to a phone that a child's carer may hold."),
        "terms": say("The person has not said that we may write to this number. Ask on the call."),
        "stopped": say("The person wrote STOP."),
        "blocked": say("This number takes no messages from the line any more."),
        "unreachable": say("The number was found dead before."),
        "no_number": say("There is no number to write to."),
        "window": say("On WhatsApp more than 24 hours have passed since the person wrote."),
        "too_old": say("The question could not leave within 14 days."),
    }
    return words.get(code, dict(untold()).get(code, code))


def untold() -> list[tuple[str, str]]:
    """Why staff send nothing at the end: choices of the closing form."""
    words = {
        "said": say("send nothing: said on a call or in person"),
        "unwanted": say("send nothing: the person wishes no message"),
        "unsafe": say("send nothing: a message would not be safe"),
    }
    return [(code, words[code]) for code in closing.UNTOLD]


def told(code: str) -> str:
    """What the person hears of the end."""
    if code == "told":
        return say("The person was asked whether it is solved.")
    if code == "asking":
        return say("The person is asked whether it is solved, at a good hour.")
    return say("The person was not asked. %(why)s", why=why_not(code))


def refused(error: NotWritten) -> str:
    """Why these words can't leave, and what to do."""
    if error.reason == "too_long":
        return say("%(size)s SMS; at most %(limit)s. Shorten it.", size=error.size, limit=error.limit)
    groups = {
        "name": say("The text holds the person's name. Write it without."),
        "case_number": say("The text holds a file number. Write it without."),
        "code": say("The text holds a code. Write it without."),
    }
    group = error.reason.partition(":")[2]
    if error.reason.startswith("never_send"):
        return groups.get(group, say("The text holds a word that this channel must not carry. Write it without."))
    return why_not(error.reason)


def size(found: Preview) -> str:
    """`1 SMS, 8 XOF`; the price only where it is known."""
    parts = f"{found.parts} SMS" if found.channel is Channel.SMS else say("1 message by WhatsApp")
    return parts if found.cost is None else f"{parts}, {messages.money(found.cost, found.currency)}"
