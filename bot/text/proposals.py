"""Numbers of proposals: a running number and its check digit, shown as P-1234.

They are public and need no guarding; the check digit keeps a slip of a finger from naming somebody else's proposal.
"""

import re

from bot.text.damm import check_digit, valid
from bot.text.digits import fold_digits

_TYPED = re.compile(r"\W*(?:p\W*)?((?:\d\W?){4,12})\W*", re.IGNORECASE)


def number_of(running: int) -> str:
    """The number of the proposal with this running number: its digits and a check digit."""
    return f"{running}{check_digit(str(running))}"


def proposal_number(text: str) -> str | None:
    """The digits of a number as people type it ("p1234", "P 1234", "P-12 34"), None for anything else."""
    match = _TYPED.fullmatch(fold_digits(text).strip())
    digits = re.sub(r"\D", "", match[1]) if match else ""
    return digits if len(digits) >= 4 and digits[0] != "0" and valid(digits) else None


def show_proposal(number: str) -> str:
    """Write 1234 as people read it: P-1234."""
    return f"P-{number}"
