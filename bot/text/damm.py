"""Check digits of case and ticket numbers: Damm's table of order 10.

It catches every wrong single digit and every swap of neighbours.
"""

_ROWS = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
)  # fmt: skip
_NEXT = tuple(tuple(int(cell) for cell in row) for row in _ROWS)


def check_digit(digits: str) -> str:
    """The digit to append so that the whole is valid. Raises ValueError for anything but ASCII digits."""
    return str(_run(digits))


def valid(digits: str) -> bool:
    """Does a number with its check digit at the end hold? False for anything but ASCII digits."""
    return bool(digits) and digits.isascii() and digits.isdigit() and _run(digits) == 0


def _run(digits: str) -> int:
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("digits only")
    state = 0
    for digit in digits:
        state = _NEXT[state][int(digit)]
    return state
