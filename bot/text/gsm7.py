"""The GSM 03.38 alphabet: plain spelling, septets, and the parts of a long SMS (3GPP TS 23.038 and 23.040).

Text is stored as it should be read and folded only when it leaves. `fold` never drops a letter: what has
no plain form (Arabic, Tifinagh, an emoji) stays, and the message then travels as UCS-2.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

SINGLE, MULTI = 160, 153
UCS2_SINGLE, UCS2_MULTI = 70, 67


@dataclass(frozen=True, slots=True)
class Segments:
    """`units`: septets (GSM-7) or UTF-16 code units (UCS-2) of the whole text; `parts` joined give the text back."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    parts: tuple[str, ...]


def is_gsm7(text: str) -> bool:
    """Does every character exist in the default alphabet or its extension table?"""
    return _ALPHABET.issuperset(text)


def septets(text: str) -> int:
    """Septets of a text in GSM-7, extension characters counting 2. Raises ValueError outside GSM-7."""
    if not is_gsm7(text):
        raise ValueError("a character is outside GSM-7: fold the text, or count its segments")
    return _septets(text)


def segments(text: str) -> Segments:
    """Cut a text as the network does: 160, or parts of 153 septets; 70, or parts of 67 UTF-16 units.

    An extension pair or a surrogate pair never straddles two parts. The empty text is one empty part.
    """
    if is_gsm7(text):
        units = _septets(text)
        parts = (text,) if units <= SINGLE else _cut(text, MULTI, _EXTENSION.__contains__)
        return Segments("GSM-7", units, parts)
    units = utf16_units(text)
    parts = (text,) if units <= UCS2_SINGLE else _cut(text, UCS2_MULTI, "\uffff".__lt__)
    return Segments("UCS-2", units, parts)


def utf16_units(text: str) -> int:
    """UTF-16 code units: 2 for a character beyond the basic plane."""
    return len(text) + sum(character > "\uffff" for character in text)


def fold(text: str, language: str = "") -> str:
    """The plain spelling of a text: GSM-7 wherever a plain form exists; what has none stays.

    `language` (`dje`, `tmh`, …) chooses between usual spellings of one letter. Folding twice changes nothing.
    """
    if is_gsm7(text):
        return text
    folded = unicodedata.normalize("NFC", text).translate(_TABLES.get(language, _PLAIN))
    if is_gsm7(folded):
        return folded
    # Joiners and direction marks mean something beside Arabic, but must not turn Latin text into UCS-2.
    visible = "".join(c for c in folded if unicodedata.category(c) != "Cf")
    return visible if is_gsm7(visible) else folded


_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("^{}\\[]~|€\f")
_ALPHABET = frozenset(_BASIC) | _EXTENSION

# needs native review: the usual plain spellings of Hausa, Zarma, Fulfulde, Tamasheq, Kanuri and their neighbours
_LETTERS = {
    "ɓ": "b", "Ɓ": "B", "ɗ": "d", "Ɗ": "D", "ƙ": "k", "Ƙ": "K", "ƴ": "y", "Ƴ": "Y", "ɠ": "g", "Ɠ": "G",
    "ŋ": "ng", "Ŋ": "Ng", "ɲ": "ny", "Ɲ": "Ny", "ɛ": "e", "Ɛ": "E", "ɔ": "o", "Ɔ": "O", "ɩ": "i", "Ɩ": "I", "ʋ": "v", "Ʋ": "V",
    "ɍ": "r", "Ɍ": "R", "ɖ": "d", "Ɖ": "D", "ƒ": "f", "Ƒ": "F", "ʊ": "u", "Ʊ": "U",
    "ə": "e", "Ə": "E", "ǝ": "e", "Ǝ": "E", "ɣ": "gh", "Ɣ": "Gh", "ħ": "h", "Ħ": "H", "đ": "d", "Đ": "D",
    "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "ı": "i", "ẞ": "SS",
}  # fmt: skip
_SIGNS = {
    "’": "'", "‘": "'", "‛": "'", "ʼ": "'", "ʻ": "'", "ʽ": "'", "ʾ": "'", "ʿ": "'", "ˈ": "'", "′": "'", "`": "'",
    "´": "'", "‹": "'", "›": "'", "‚": ",", "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"', "″": '"',
    "–": "-", "—": "-", "‐": "-", "‑": "-", "‒": "-", "―": "-", "−": "-", "•": "-", "·": ".", "×": "x", "÷": "/",
    "⁄": "/", "∕": "/", "°": "o", "\t": " ", "\v": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n",
    "\u00ad": "", "\u200b": "", "\u2060": "", "\ufeff": "",
}  # fmt: skip
_BY_LANGUAGE = {  # needs native review
    "dje": {"ɲ": "ny", "Ɲ": "Ny", "ŋ": "ng", "Ŋ": "Ng"},
    "tmh": {"š": "sh", "Š": "Sh", "ž": "j", "Ž": "J", "ǧ": "j", "Ǧ": "J", "ɣ": "gh", "Ɣ": "Gh"},
}


class _Plain(dict[int, str]):
    """Plain forms by code point for `str.translate`, worked out when first met; a KeyError means: leave it.

    Only forms found are kept, so that text of strangers can't grow the table without end.
    """

    def __missing__(self, point: int) -> str:
        character = chr(point)
        if character in _ALPHABET:
            raise KeyError(point)
        plain = self._work_out(character)
        if plain is None:
            raise KeyError(point)
        self[point] = plain
        return plain

    def _work_out(self, character: str) -> str | None:
        if _is_loose_mark(character) or unicodedata.category(character) == "Cc":
            return ""
        pieces = unicodedata.normalize("NFKD", character)
        bases = (piece for piece in pieces if not unicodedata.combining(piece))
        plain = "".join(self.get(ord(piece), piece) for piece in bases)
        return plain if plain and is_gsm7(plain) else None


def _is_loose_mark(character: str) -> bool:
    """A combining mark that belongs to no script, or a variation selector: alone it has no meaning in GSM-7."""
    return "̀" <= character <= "ͯ" or "\u1ab0" <= character <= "\u1aff" or (
        "\u1dc0" <= character <= "\u1dff" or "\u20d0" <= character <= "\u20ff" or "\ufe00" <= character <= "\ufe2f"
    )  # fmt: skip


def _table(*tables: dict[str, str]) -> _Plain:
    return _Plain({ord(letter): plain for table in tables for letter, plain in table.items()})


_PLAIN = _table(_LETTERS, _SIGNS)
_TABLES = {language: _table(_LETTERS, _SIGNS, own) for language, own in _BY_LANGUAGE.items()}


def _septets(text: str) -> int:
    if text.isalnum():
        return len(text)
    return len(text) + sum(character in _EXTENSION for character in text)


def _cut(text: str, limit: int, is_pair: Callable[[str], bool]) -> tuple[str, ...]:
    parts: list[str] = []
    start = used = 0
    for position, character in enumerate(text):
        units = 2 if is_pair(character) else 1
        if used + units > limit:
            parts.append(text[start:position])
            start, used = position, 0
        used += units
    parts.append(text[start:])
    return tuple(parts)
