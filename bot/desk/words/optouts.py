"""What a person no longer wishes to get, as words: a channel, or one kind of message on it (safety 7)."""

from __future__ import annotations

from bot.desk.words import codes, messages, say
from bot.kinds import RULES
from bot.messages import Channel

PUSHED_ON = (Channel.SMS.value, Channel.WHATSAPP.value)  # nothing is pushed by USSD or voice


def choices() -> list[tuple[str, str]]:
    """Every channel whole, then each kind that may be ended by itself; values as in `Contact.stopped`."""
    kinds = [kind.value for kind, rule in RULES.items() if rule.opt_out]
    whole = [(channel, stopped(channel)) for channel in PUSHED_ON]
    return whole + [(f"{channel}:{kind}", stopped(f"{channel}:{kind}")) for channel in PUSHED_ON for kind in kinds]


def stopped(name: str) -> str:
    """`SMS: everything but answers`, `SMS: reminder`."""
    channel, _, kind = name.partition(":")
    what = messages.kind(kind) if kind else say("everything but answers")
    return say("%(channel)s: %(what)s", channel=codes.channel(channel), what=what)
