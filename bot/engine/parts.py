"""A long SMS whose parts came apart: each is heard together with those of the last seconds, in either order.

Nothing waits: every part is answered or kept as it comes. What is kept is free text that named no danger, a few parts
of it, encrypted with the session, and looked at for ten seconds.
"""

from bot.engine.hearing import SECOND
from bot.triage import Danger, Roots, judge

TOGETHER = 10 * SECOND  # parts of one text come within ten seconds
HALF_FOR = 5 * 60 * SECOND  # the other half of a case number within five minutes
PART = 60  # the shortest full part holds 67 letters, and some networks fewer
WHOLE = 160  # what is longer was joined before it came to us
KEPT = 3
VALUE = "words"  # the session's value that holds them
_BETWEEN = "\x1e"


def taken_out(values: dict[str, str], idle: int) -> tuple[str, ...]:
    """What was said in the last seconds, out of a session's values: whatever comes of this turn, it is kept once."""
    kept = values.pop(VALUE, "")
    return tuple(kept.split(_BETWEEN)) if kept and idle <= TOGETHER else ()


def put_in(values: dict[str, str], parts: tuple[str, ...]) -> dict[str, str]:
    """The values with what the next SMS is heard together with."""
    return {**values, VALUE: _BETWEEN.join(parts)} if parts else values


def kept(earlier: tuple[str, ...], text: str) -> tuple[str, ...]:
    """What to keep once this text is heard: words only."""
    if len(text) > WHOLE or not any(map(str.isalpha, text)):
        return earlier
    return (*earlier, text.replace(_BETWEEN, " "))[-KEPT:]


def goes_on(earlier: tuple[str, ...], text: str) -> bool:
    """Is it one text with what came just before? Then one answer does for both."""
    return bool(earlier) and max(map(len, (*earlier, text))) >= PART


def judge_together(earlier: tuple[str, ...], text: str, roots: Roots) -> tuple[Danger | None, str]:
    """The gravest danger of a text alone or across a border between parts, and all the words there are.

    Gateways drop blanks at the ends of a part: both readings of a border count.
    """
    found, words = judge(text, roots), " ".join((*earlier, text))
    for place, part in enumerate(earlier):
        others = earlier[:place] + earlier[place + 1 :]
        for first, second in ((part, text), (text, part)):
            for between in ("", " "):
                joined = first + between + second
                danger = judge(joined, roots)
                if danger is not None and (found is None or _gravity(danger) > _gravity(found)):
                    found, words = danger, " ".join((*others, joined))
    return found, words


def _gravity(danger: Danger) -> tuple[bool, bool]:
    return danger.child, danger.level == "critical"
