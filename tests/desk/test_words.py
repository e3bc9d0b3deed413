"""The French of the desk is whole, and says what the English says."""

import re
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
KEYWORDS = {"say": None, "_": None, "mark": None, "many": (1, 2), "say_many": (1, 2)}
METHODS = [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")]


def spoken() -> set[str]:
    found = set()
    for _, _, message, _, _ in extract_from_dir(ROOT / "bot" / "desk", method_map=METHODS, keywords=KEYWORDS):
        found.update(message if isinstance(message, tuple) else (message,))
    return found


def french() -> dict[str, str]:
    with (ROOT / "locales/fr/LC_MESSAGES/desk.po").open("rb") as lines:
        return {str(line.id): str(line.string) for line in read_po(lines, locale="fr") if line.id}


def test_every_sentence_has_its_french_and_no_french_is_left_over():
    known = french()
    assert {one for one, text in known.items() if not text} == set()
    assert spoken() == set(known)


def test_french_fills_in_the_same_values():
    for english, text in french().items():
        assert sorted(re.findall(r"%\(\w+\)s", english)) == sorted(re.findall(r"%\(\w+\)s", text)), english


def test_french_has_no_exclamation_marks_and_its_own_spaces():
    for text in french().values():
        assert "!" not in text
        assert not re.search(r" [:;?»]|« |[^\s\xa0:][?;]", text), text
