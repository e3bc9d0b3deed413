"""The types of typed answers: what `answer:` in a flow file may be, and how each is understood."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.text import cases
from bot.text.digits import fold_digits
from bot.text.phones import mobile
from bot.text.proposals import proposal_number

if TYPE_CHECKING:
    from bot.engine.walk import Walk


MOST_NUMBER = 999_999_999
MOST_WORDS = 300
_SUM = re.compile(r"(\d{1,3}(?:[ .,'\u00a0\u202f]\d{3})+|\d+)\s*(?:f|frs?|francs?|cfa|f\.? ?cfa|xof)?\.?")


def understand(walk: Walk, kind: str, text: str) -> str | None:
    """The value in a text, or None: asked again. Never a guess."""
    return ANSWERS[kind](walk, text)


def _case(_: Walk, text: str) -> str | None:
    """Nine digits, or the last three on the file's own phone. A wrong check digit is a number all the same:
    whether it exists must not show before the code (safety 12).
    """
    number = cases.case_number(text) or cases.last_three(text)
    if number is not None:
        return number
    digits = "".join(filter(str.isdigit, fold_digits(text)))
    return digits if len(digits) == 9 else None


def _secret(_: Walk, text: str) -> str | None:
    """A code, a year of birth (4 digits), or a start code (6 digits)."""
    return cases.code(text) or cases.start_code(text)


def _new_code(walk: Walk, text: str) -> str | None:
    """A code nobody guesses."""
    code = cases.code(text)
    if code is None or walk.lookups.obvious(walk.values["case"], code):
        return None
    return code


def _code(_: Walk, text: str) -> str | None:
    return cases.code(text)


def _phone(_: Walk, text: str) -> str | None:
    return mobile(text)


def _number(_: Walk, text: str) -> str | None:
    """A whole number, as people write sums: "12 500", "12.500", "12500 F". Parts of a franc are no number."""
    found = _SUM.fullmatch(fold_digits(text).strip().casefold())
    digits = "".join(filter(str.isdigit, found[1])) if found else ""
    return str(int(digits)) if digits and int(digits) <= MOST_NUMBER else None


def _words(walk: Walk, text: str) -> str | None:
    """A few words of their own. They are not kept among the values, but go with the turn (`text` of an act)."""
    if len(text) > MOST_WORDS or not any(map(str.isalpha, text)):
        return None
    walk.words = text
    return "yes"


def _proposal(_: Walk, text: str) -> str | None:
    """The number of a proposal, as its digits."""
    return proposal_number(text)


def _half(_: Walk, text: str) -> str | None:
    """The first part of a case number that came in two SMS."""
    digits = "".join(filter(str.isdigit, fold_digits(text)))
    return digits if 3 <= len(digits) <= 8 else None


ANSWERS: dict[str, Callable[[Walk, str], str | None]] = {
    "case": _case,
    "secret": _secret,
    "new_code": _new_code,
    "code": _code,
    "phone": _phone,
    "half": _half,
    "number": _number,
    "words": _words,
    "proposal": _proposal,
}
