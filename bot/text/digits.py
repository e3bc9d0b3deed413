"""Digits and menu answers out of what people type, in any script of digits."""

import re
import unicodedata

from bot.text.plain import plain


def fold_digits(text: str) -> str:
    """Every Unicode digit as 0-9 ("١" "۱" "１" "①" "¹"); all else as it was. Keycap emoji lose their cap."""
    if text.isascii():
        return text
    return text.translate(_DIGITS)


def choice(text: str) -> str | None:
    """The menu answer in a message: one or two digits ("1", "00", "98"), or None.

    Understands "1." "1)" " 1 " "n°1" "choix 1" "un" "daya" "two" "١". Several numbers, a number of more than
    two digits, or any other words are no answer: the question is asked again, never guessed.
    """
    if len(text) <= 2 and text.isascii() and text.isdigit():
        return text
    if len(text) > _LONGEST:
        return None
    folded = fold_digits(text).strip()
    match = _ANSWER.fullmatch(folded.casefold())
    if match:
        return match[1]
    if any(character.isdigit() for character in folded):
        return None
    return _WORDS.get(plain(folded))


def numbers(text: str) -> list[str]:
    """The numbers in a text, in order, as digits; groups typed apart that belong together are joined.

    Together belong the ways in which people group: 3-3-3 (case), 3-4 (ticket), 3-3, 2-2-2-2 (phone), a
    country code before that, a number after "+", and three or more single digits. "12/10" stays two numbers.
    """
    found: list[str] = []
    for cluster in clusters(text):
        groups = cluster.groups
        if cluster.plus or (len(groups) > 2 and all(len(group) == 1 for group in groups)):
            found.append("".join(groups))
            continue
        at = 0
        while at < len(groups):
            size = _together(groups[at : at + _MOST_GROUPS])
            found.append("".join(groups[at : at + size]))
            at += size
    return found


class Cluster:
    """Runs of digits with nothing but a separator between them; `plus`: the first stands after a "+"."""

    __slots__ = ("groups", "plus")

    def __init__(self, groups: tuple[str, ...], *, plus: bool) -> None:
        self.groups = groups
        self.plus = plus


def clusters(text: str) -> list[Cluster]:
    """The digits of a text as clusters of groups, in order."""
    folded = fold_digits(text)
    return [
        Cluster(tuple(_RUN.findall(match[0])), plus=folded[match.start() - 1 : match.start()] == "+")
        for match in _CLUSTER.finditer(folded)
    ]


class _Digits(dict[int, str]):
    """Digits by code point for `str.translate`; only digits are kept."""

    def __missing__(self, point: int) -> str:
        digit = unicodedata.digit(chr(point), None)
        if digit is None:
            raise KeyError(point)
        self[point] = str(digit)
        return self[point]


_DIGITS = _Digits({0x20E3: "", 0xFE0F: ""})  # the cap of a keycap emoji, and the mark that asks for its picture
_LONGEST = 40
_ANSWER = re.compile(
    r"(?:choix|option|choice|reponse|réponse|answer|numero|numéro|number|num|lamba|zabi|no|n|le|la|nr)?"
    r"[\s.:°º#(\[*\"'-]*"
    r"([0-9]{1,2})"
    r"[\s.:;,)\]!#*\"'-]*"
)
_RUN = re.compile(r"[0-9]+")
_CLUSTER = re.compile(r"[0-9]+(?:[ \u00a0\u202f./_-]{1,3}[0-9]+)*")
_GROUPINGS = ((3, 2, 2, 2, 2), (2, 2, 2, 2), (3, 3, 3), (3, 4), (3, 3))
_MOST_GROUPS = 5
_WORDS = {
    word: str(digit)
    for digit, words in enumerate(
        (
            "zero sifiri",
            "un une daya guda one",
            "deux biyu two",
            "trois uku three",
            "quatre hudu four",
            "cinq biyar five",
            "six shida",
            "sept bakwai seven",
            "huit takwas eight",
            "neuf tara nine",
        )
    )
    for word in words.split()
}


def _together(groups: tuple[str, ...]) -> int:
    lengths = tuple(len(group) for group in groups)
    return next((len(grouping) for grouping in _GROUPINGS if lengths[: len(grouping)] == grouping), 1)
