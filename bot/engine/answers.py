"""The types of typed answers: what `answer:` in a flow file may be, and how each is understood."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.text import cases
from bot.text.digits import fold_digits
from bot.text.phones import mobile

if TYPE_CHECKING:
    from bot.engine.walk import Walk


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
}
