"""Outgoing messages in words: why they leave, where they stand, why they did not arrive and what to do, what they cost."""

from __future__ import annotations

from decimal import Decimal

from babel.numbers import format_decimal

from bot.desk.words import language, say
from bot.messages import Delivery
from bot.reasons import Why


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
    """What happened, and what to do. The same rows stand in docs/failures.md."""
    words = {
        Why.BAD_NUMBER: (
            say("The number does not exist, or takes no SMS."),
            say("Ask for another number at the next contact. The mark ends when the person writes."),
        ),
        Why.PHONE_OFF: (say("The phone was off or out of reach."), say("Try a call, if that is allowed.")),
        Why.BLOCKED: (
            say("This number takes no messages from the line any more."),
            say("Call, if that is allowed. The person ends it by writing START."),
        ),
        Why.NOT_ON_WHATSAPP: (say("This number is not on WhatsApp."), say("Write by SMS, if that is allowed.")),
        Why.WINDOW: (
            say("On WhatsApp more than 24 hours have passed since the person wrote."),
            say("Call or write by SMS, if that is allowed."),
        ),
        Why.REFUSED_TEXT: (
            say("The gateway refused the text."),
            say("Write it in other words. If it happens again, tell the operator."),
        ),
        Why.TOO_FAST: (say("Too many messages at once for the gateway."), say("Nothing: it is tried again.")),
        Why.CREDIT: (say("The account at the gateway is empty."), say("Tell the operator: pay in credit.")),
        Why.ACCOUNT: (
            say("The gateway refuses our account, or is not switched on."),
            say("Tell the operator: check the settings of the gateway."),
        ),
        Why.NO_ROUTE: (
            say("The gateway cannot reach this network."),
            say("Tell the operator. Meanwhile call, if that is allowed."),
        ),
        Why.GATEWAY_DOWN: (say("The gateway does not answer."), say("Nothing: it is tried again.")),
        Why.UNSURE: (
            say("The connection was cut: it may have arrived."),
            say("Send it again, or leave it. Leave it if somebody else may read the phone."),
        ),
        Why.STOPPED: (
            say("The person wrote STOP."),
            say("Nothing is sent until the person writes START. A call stays possible, if allowed."),
        ),
        Why.QUIET: (say("Not at this hour."), say("Nothing: it leaves in the morning.")),
        Why.NOT_ALLOWED: (
            say("The person has not said that we may write."),
            say("Do not write. Ask on the call, if a call is allowed."),
        ),
        Why.DECEASED: (
            say("The person of this file has died."),
            say("Nothing by machine about this file leaves any more. Whoever knows the family calls, if at all."),
        ),
        Why.PERSON_TALKS: (say("A conversation is under way there."), say("Nothing: it leaves afterwards.")),
        Why.SILENT: (
            say("Nothing was heard from this phone for six months: somebody else may have it."),
            say("Nothing: the person was asked to dial and give the code. Call, if a call is allowed."),
        ),
        Why.UNREACHABLE: (
            say("The number was found dead before."),
            say("Ask for another number at the next contact. The mark ends when the person writes."),
        ),
        Why.NEVER_SEND: (
            say("The text holds a word that this channel must not carry."),
            say("Write it without that word, or say it on a call."),
        ),
        Why.CANCELLED: (say("A colleague cancelled the broadcast."), say("Nothing.")),
        Why.TOO_OLD: (
            say("It would have come too late."),
            say("If it still matters, say it on a call or write it anew."),
        ),
        Why.OURS: (say("A fault of the service."), say("Tell the operator, with the hour.")),
        Why.OTHER: (
            say("The gateway gave no reason that we know."),
            say("If it happens again, tell the operator, with the hour and the code."),
        ),
    }  # fmt: skip
    return words[cause]


def number(amount: Decimal | int, *, short: bool = False) -> str:
    """`1 234,5`; four digits after the comma only below one; `short`: none from a hundred on."""
    form = "#,##0" if short and amount >= 100 else "#,##0.##" if amount >= 1 else "#,##0.####"
    text: str = format_decimal(amount, format=form, locale=language())
    return text


def money(amount: Decimal, currency: str) -> str:
    """`1 234,5 XOF`."""
    return f"{number(amount)}\N{NO-BREAK SPACE}{currency}"
