"""The words of the screens: English in the code, French in locales/fr/LC_MESSAGES/desk.po.

French is what staff see first; a cookie, else the account, says English. A missing French line shows English, and a
test keeps the catalogue complete.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po
from flask import g, request
from flask_login import current_user

from bot.config import ROOT

LANGUAGES = ("fr", "en")
COOKIE = "maraba_desk_language"
CATALOGUE = "desk.po"
NOBODY_ASKED = "fr"


def language() -> str:
    """`fr` or `en` for this request: the cookie, else the account, else French."""
    if "desk_language" not in g:
        wished = request.cookies.get(COOKIE) or _of_account()
        g.desk_language = wished if wished in LANGUAGES else NOBODY_ASKED
    return str(g.desk_language)


def say(english: str, **values: object) -> str:
    """The sentence in the reader's language; `%(name)s` is filled from `values`."""
    text = catalogue(language()).get(english) or english
    return text % values if values else text


def say_many(one: str, many: str, count: int, **values: object) -> str:
    """`one` or `many` by `count`, which fills `%(count)s`. French takes the singular for 0 too."""
    single = count < 2 if language() == "fr" else count == 1
    return say(one if single else many, count=count, **values)


def _of_account() -> str:
    away = g.get("desk_away", False)  # the database can't be asked who reads
    return NOBODY_ASKED if away else str(getattr(current_user, "language", NOBODY_ASKED))


def mark(english: str) -> str:
    """A sentence that is put into the reader's language later; names it for the catalogue."""
    return english


@cache
def catalogue(code: str, root: Path = ROOT / "locales") -> dict[str, str]:
    """English sentence to sentence in `code`; empty for English. Fuzzy lines are left out, as gettext does."""
    if code == "en":
        return {}
    with (root / code / "LC_MESSAGES" / CATALOGUE).open("rb") as lines:
        found = read_po(lines, locale=code)
    return {str(line.id): str(line.string) for line in found if line.id and line.string and not line.fuzzy}
