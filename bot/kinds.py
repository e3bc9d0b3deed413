"""The kinds of outgoing messages: who goes first, what grows old, what waits for the morning. One table for all.

Sources: safety 1 to 3, 7, 15, 20.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Kind(StrEnum):
    """Why a message leaves."""

    ALERT = "alert"  # to staff, about a referral
    STAFF = "staff"  # any other text to staff
    ANSWER = "answer"  # to a message of the person
    RESUME = "resume"  # the offer to go on after a dropped USSD line
    REPLY = "reply"  # a colleague writes to a person, about a referral
    CLOSING = "closing"  # "is this solved?", once a referral is closed
    REMINDER = "reminder"  # of an appointment; also "something is new"
    VERIFY = "verify"  # asks whoever has a phone that was silent for long to give the code
    BROADCAST = "broadcast"


@dataclass(frozen=True, slots=True)
class Rule:
    """`reserve`: the share of a gateway's rate that this kind leaves to those before it, so that alerts never queue.

    `lives`: how long after it was written it still makes sense (a row may say less); None: for ever.
    `quiet`: waits for the end of the quiet hours. `opt_out`: ended by STOP, or by an opt-out of the kind alone.
    `gives_up`: how long it is tried again. `personal`: not to a phone that was silent so long that somebody else may
    have it, before the code was given from it.
    """

    priority: int
    reserve: float
    lives: timedelta | None
    gives_up: timedelta
    quiet: bool = False
    opt_out: bool = False
    personal: bool = False


RULES: dict[Kind, Rule] = {
    Kind.ALERT: Rule(0, 0.0, None, timedelta(hours=6)),
    Kind.STAFF: Rule(1, 0.05, timedelta(hours=24), timedelta(hours=2)),
    Kind.ANSWER: Rule(2, 0.1, timedelta(hours=2), timedelta(hours=2)),
    Kind.RESUME: Rule(2, 0.1, timedelta(minutes=10), timedelta(minutes=10), opt_out=True),
    Kind.REPLY: Rule(3, 0.2, timedelta(hours=48), timedelta(hours=12)),
    Kind.CLOSING: Rule(3, 0.2, timedelta(hours=48), timedelta(hours=12), quiet=True, opt_out=True),
    Kind.REMINDER: Rule(4, 0.35, timedelta(hours=48), timedelta(hours=12), quiet=True, opt_out=True, personal=True),
    Kind.VERIFY: Rule(4, 0.35, timedelta(hours=48), timedelta(hours=12), quiet=True, opt_out=True),
    Kind.BROADCAST: Rule(5, 0.5, timedelta(hours=48), timedelta(hours=12), quiet=True, opt_out=True, personal=True),
}
TO_STAFF = frozenset({Kind.ALERT, Kind.STAFF})
