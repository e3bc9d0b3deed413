"""Case numbers, codes, ticket numbers and start codes out of whatever people type around them.

Lengths tell them apart: 3 last digits, 4 code, 6 start code, 7 ticket, 8 phone, 9 case. Where
a message holds two different candidates, the answer is None: a wrong guess would cost the person an attempt.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date
from itertools import pairwise

from bot.text.damm import valid
from bot.text.digits import Cluster, clusters, fold_digits

CASE, TICKET, START_CODE, CODE, LAST = 9, 7, 6, 4, 3


def case_number(text: str) -> str | None:
    """The valid 9-digit case number in a message ("482 719 368", "N482-719-368", "mon numero est …")."""
    place = _case_place(_clusters(text))
    return place[0] if place else None


def last_three(text: str) -> str | None:
    """The last three digits of a case number, typed alone or in a sentence without another such group."""
    return _only(_wholes(_clusters(text), LAST))


def code(text: str) -> str | None:
    """The 4-digit code in a message, `l` and `O` inside it read as 1 and 0."""
    return _only(_wholes(_clusters(text), CODE))


def case_and_code(text: str) -> tuple[str, str] | None:
    """Case number and code out of one message, whatever the words around them and whichever comes first."""
    found = _clusters(text)
    place = _case_place(found)
    if place is None:
        return None
    number, at, start, end = place
    groups = found[at].groups
    around = [Cluster(part, plus=False) for part in (groups[:start], groups[end:]) if part]
    the_code = _only(_wholes([*found[:at], *around, *found[at + 1 :]], CODE))
    return (number, the_code) if the_code else None


def ticket(text: str) -> str | None:
    """The valid 7-digit ticket number in a message ("482-1737"); it may begin with 0."""
    found = _clusters(text)
    return _only(digits for digits in _wholes(found, TICKET) if valid(digits)) or _only(
        digits for digits, *_ in _windows(found, TICKET, valid)
    )


def start_code(text: str) -> str | None:
    """The 6-digit start code in a message (safety 10)."""
    return _only(_wholes(_clusters(text), START_CODE))


def show_case(number: str) -> str:
    """Write 482719368 as people read it: 482-719-368."""
    return f"{number[:3]}-{number[3:6]}-{number[6:]}"


def show_ticket(number: str) -> str:
    """Write 4821737 as people read it: 482-1737."""
    return f"{number[:3]}-{number[3:]}"


def obvious_code(code: str, *, phone: str, case: str, today: date) -> bool:
    """Would a thief try this code first? Repeats, runs up and down (also over 9 to 0), pairs like 1212,
    years from 1940 to this one, the last four of phone or case. Raises ValueError unless 4 ASCII digits.
    """
    if not (len(code) == CODE and code.isascii() and code.isdigit()):
        raise ValueError("a code is 4 digits")
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(code)}
    return (
        steps in ({0}, {1}, {9})
        or code[:2] == code[2:]
        or 1940 <= int(code) <= today.year
        or code in (phone[-CODE:], case[-CODE:])
    )


_WORD = re.compile(r"[^\W_]+")
_PREFIX = re.compile(r"(?:numero|num|no|nr|n|r)(?=[0-9ol])", re.IGNORECASE)
_LOOKALIKES = str.maketrans({"o": "0", "O": "0", "l": "1", "I": "1"})
_NUMBER = re.compile(r"[0-9oOlI]+")


def _clusters(text: str) -> list[Cluster]:
    """Clusters after `l` and `O` in words of digits became 1 and 0, and a leading N, NO or R went."""
    return clusters(_WORD.sub(_as_number, fold_digits(text).replace("|", "l")))


def _as_number(match: re.Match[str]) -> str:
    word = match[0]
    if word.isdigit() or not any(map(str.isdigit, word)):
        return word
    bare = _PREFIX.sub("", word, count=1) if _PREFIX.match(word) else word
    return bare.translate(_LOOKALIKES) if _NUMBER.fullmatch(bare) else word


def _case_place(found: list[Cluster]) -> tuple[str, int, int, int] | None:
    """The case number with its cluster and the groups it takes there; the fewest groups win, two numbers are none."""
    places = list(_windows(found, CASE, lambda digits: digits[0] != "0" and valid(digits)))
    if not places:
        return None
    fewest = min(end - start for _, _, start, end in places)
    best = [place for place in places if place[3] - place[2] == fewest]
    return best[0] if len({digits for digits, *_ in best}) == 1 else None


def _windows(found: list[Cluster], length: int, accept: Callable[[str], bool]) -> Iterator[tuple[str, int, int, int]]:
    """Accepted numbers of that many digits made of neighbouring whole groups: digits, cluster, first, past the last.

    A number after "+" is a phone number and never looked into.
    """
    for at, cluster in enumerate(found):
        if cluster.plus:
            continue
        for start in range(len(cluster.groups)):
            digits = ""
            for end in range(start, len(cluster.groups)):
                digits += cluster.groups[end]
                if len(digits) >= length:
                    if len(digits) == length and accept(digits):
                        yield digits, at, start, end + 1
                    break


def _wholes(found: list[Cluster], length: int) -> Iterator[str]:
    """Numbers of that length that stand as one group, or make up a whole cluster ("50 93")."""
    for cluster in found:
        if cluster.plus:
            continue
        if single := [token for token in _tokens(cluster.groups) if len(token) == length]:
            yield from single
        elif len(whole := "".join(cluster.groups)) == length:
            yield whole


def _tokens(groups: tuple[str, ...]) -> list[str]:
    """The groups of a cluster, with dates and valid tickets in one piece: "482-1737" holds no code 1737."""
    lengths = [len(group) for group in groups]
    if len(groups) == 3 and max(lengths[:2]) <= 2 and lengths[2] == 4:
        return ["".join(groups)]
    tokens: list[str] = []
    at = 0
    while at < len(groups):
        size = 2 if lengths[at : at + 2] == [3, 4] and valid("".join(groups[at : at + 2])) else 1
        tokens.append("".join(groups[at : at + size]))
        at += size
    return tokens


def _only(candidates: Iterator[str]) -> str | None:
    distinct = set(candidates)
    return distinct.pop() if len(distinct) == 1 else None
