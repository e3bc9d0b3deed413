"""Outgoing messages in words: why they leave, where they stand, why they did not arrive and what to do, what they cost."""

from __future__ import annotations

from decimal import Decimal

from babel.numbers import format_decimal

from bot.desk.words import language, mark, say
from bot.messages import Delivery
from bot.reasons import Why

REASONS = {  # what happened, and what to do; the same rows stand in docs/failures.md
    Why.BAD_NUMBER: (
        mark("The number does not exist, or takes no SMS."),
        mark("Ask for another number at the next contact. The mark ends when the person writes."),
    ),
    Why.PHONE_OFF: (mark("The phone was off or out of reach."), mark("Try a call, if that is allowed.")),
    Why.BLOCKED: (
        mark("This number takes no messages from the line any more."),
        mark("Call, if that is allowed. The person ends it by writing START."),
    ),
    Why.NOT_ON_WHATSAPP: (mark("This number is not on WhatsApp."), mark("Write by SMS, if that is allowed.")),
    Why.WINDOW: (
        mark("On WhatsApp more than 24 hours have passed since the person wrote."),
        mark("Call or write by SMS, if that is allowed."),
    ),
    Why.REFUSED_TEXT: (
        mark("The gateway refused the text."),
        mark("Write it in other words. If it happens again, tell the operator."),
    ),
    Why.TOO_FAST: (mark("Too many messages at once for the gateway."), mark("Nothing: it is tried again.")),
    Why.CREDIT: (mark("The account at the gateway is empty."), mark("Tell the operator: pay in credit.")),
    Why.ACCOUNT: (
        mark("The gateway refuses our account, or is not switched on."),
        mark("Tell the operator: check the settings of the gateway."),
    ),
    Why.NO_ROUTE: (
        mark("The gateway cannot reach this network."),
        mark("Tell the operator. Meanwhile call, if that is allowed."),
    ),
    Why.GATEWAY_DOWN: (mark("The gateway does not answer."), mark("Nothing: it is tried again.")),
    Why.UNSURE: (
        mark("The connection was cut: it may have arrived."),
        mark("Send it again, or leave it. Leave it if somebody else may read the phone."),
    ),
    Why.STOPPED: (
        mark("The person wrote STOP."),
        mark("Nothing is sent until the person writes START. A call stays possible, if allowed."),
    ),
    Why.QUIET: (mark("Not at this hour."), mark("Nothing: it leaves in the morning.")),
    Why.NOT_ALLOWED: (
        mark("The person has not said that we may write."),
        mark("Do not write. Ask on the call, if a call is allowed."),
    ),
    Why.DECEASED: (
        mark("The person of this file has died."),
        mark("Nothing by machine about this file leaves any more. Whoever knows the family calls, if at all."),
    ),
    Why.PERSON_TALKS: (mark("A conversation is under way there."), mark("Nothing: it leaves afterwards.")),
    Why.SILENT: (
        mark("Nothing was heard from this phone for six months: somebody else may have it."),
        mark("Nothing: the person was asked to dial and give the code. Call, if a call is allowed."),
    ),
    Why.UNREACHABLE: (
        mark("The number was found dead before."),
        mark("Ask for another number at the next contact. The mark ends when the person writes."),
    ),
    Why.NEVER_SEND: (
        mark("The text holds a word that this channel must not carry."),
        mark("Write it without that word, or say it on a call."),
    ),
    Why.CANCELLED: (mark("A colleague cancelled the broadcast."), mark("Nothing.")),
    Why.TOO_OLD: (
        mark("It would have come too late."),
        mark("If it still matters, say it on a call or write it anew."),
    ),
    Why.OURS: (mark("A fault of the service."), mark("Tell the operator, with the hour.")),
    Why.OTHER: (
        mark("The gateway gave no reason that we know."),
        mark("If it happens again, tell the operator, with the hour and the code."),
    ),
}  # fmt: skip


def kind(code: str) -> str:
    """Why a message leaves (`bot.kinds.Kind`)."""
    words = {
        "alert": say("alert"),
        "staff": say("word to a colleague"),
        "answer": say("answer"),
        "resume": say("offer to go on"),
        "reply": say("reply from a colleague"),
        "closing": say("is it solved?"),
        "reminder": say("reminder"),
        "verify": say("asks for the code"),
        "broadcast": say("announcement"),
    }
    return words.get(code, code)


def state(code: str) -> str:
    """Where it stands (`bot.messages.Delivery`)."""
    words = {
        Delivery.QUEUED: say("waits"),
        Delivery.SENDING: say("is leaving"),
        Delivery.SENT: say("sent"),
        Delivery.DELIVERED: say("arrived"),
        Delivery.READ: say("read"),
        Delivery.FAILED: say("not arrived"),
        Delivery.UNKNOWN: say("unsure"),
        Delivery.WITHHELD: say("held back"),
        Delivery.EXPIRED: say("too late"),
    }
    return {one.value: word for one, word in words.items()}.get(code, code)


def reason(cause: Why) -> tuple[str, str]:
    """What happened, and what to do."""
    happened, remedy = REASONS[cause]
    return say(happened), say(remedy)


def number(amount: Decimal | int, *, short: bool = False) -> str:
    """`1 234,5`; four digits after the comma only below one; `short`: none from a hundred on."""
    form = "#,##0" if short and amount >= 100 else "#,##0.##" if amount >= 1 else "#,##0.####"
    text: str = format_decimal(amount, format=form, locale=language())
    return text


def money(amount: Decimal, currency: str) -> str:
    """`1 234,5 XOF`."""
    return f"{number(amount)}\N{NO-BREAK SPACE}{currency}"
