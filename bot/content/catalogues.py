"""Translations: gettext catalogues in locales/, keyed by flow and state, read and kept in step with flows/.

A screen's words have its name as context (`help.kind`); choices and foot lines that many screens share
have none. "needs native review" stands in a translation's comment until somebody reviewed it.
"""

from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from bot.content.loading import Loaded
from bot.errors import FlowError

REVIEW = "needs native review"
DOMAIN = "conversations"


@dataclass(frozen=True)
class Catalogue:
    """One language. `unreviewed` counts what no native speaker has looked at."""

    language: str
    words: dict[tuple[str, str], str]
    unreviewed: int
    lines: dict[tuple[str, str], int]

    def get(self, key: str, english: str) -> str | None:
        """The translation of a text, with its own context or shared; None where there is none."""
        return self.words.get((key, english)) or self.words.get(("", english))


def path(folder: Path, language: str) -> Path:
    """Where a language's catalogue lies."""
    return folder / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read(folder: Path, language: str) -> Catalogue:
    """Read one catalogue; raises FlowError when it can't be read."""
    catalog = _open(folder, language)
    words, lines, unreviewed = {}, {}, 0
    for message in catalog:
        if not message.id or not message.string:
            continue
        place = (message.context or "", str(message.id))
        words[place] = str(message.string)
        lines[place] = message.lineno or 0
        unreviewed += any(REVIEW in comment for comment in message.user_comments)
    return Catalogue(language, words, unreviewed, lines)


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a catalogue as it stands in the file."""

    words: str
    line: int
    fuzzy: bool = False


def entries(folder: Path, language: str) -> dict[tuple[str, str], Entry]:
    """Every message of a catalogue by (context, English), untranslated ones included. Raises FlowError."""
    return {
        (message.context or "", str(message.id)): Entry(str(message.string or ""), message.lineno or 1, message.fuzzy)
        for message in _open(folder, language)
        if message.id
    }


def update(folder: Path, language: str, loaded: Loaded) -> tuple[int, int]:
    """Bring a catalogue in step with flows/: keeps what still fits, drops what is gone. Returns (kept, missing)."""
    old = read(folder, language) if path(folder, language).exists() else Catalogue(language, {}, 0, {})
    comments = _comments(folder, language)
    fresh = Catalog(locale=language, project="Maraba", version="", fuzzy=False, header_comment=f"# Maraba, {language}")
    missing = 0
    for context, english in wanted(loaded):
        words = old.words.get((context, english), "")
        missing += not words
        notes = comments.get((context, english), [REVIEW])
        fresh.add(english, words, context=context or None, user_comments=notes)
    target = path(folder, language)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        write_po(file, fresh, width=110, omit_header=False, sort_output=False)
    return len(fresh) - missing, missing


def wanted(loaded: Loaded) -> list[tuple[str, str]]:
    """Every (context, English text) that a complete catalogue has."""
    shared = [("", english) for english in sorted(loaded.shared)]
    return shared + [(key, english) for key, english in loaded.texts.items() if _translatable(english)]


def _translatable(english: str) -> bool:
    return any(character.isalpha() for character in english) and "Parler / Magana" not in english


def _comments(folder: Path, language: str) -> dict[tuple[str, str], list[str]]:
    if not path(folder, language).exists():
        return {}
    return {(m.context or "", str(m.id)): list(m.user_comments) for m in _open(folder, language) if m.id}


def _open(folder: Path, language: str) -> Catalog:
    file = path(folder, language)
    try:
        with file.open("rb") as handle:
            return read_po(handle, locale=language, domain=DOMAIN, abort_invalid=True)
    except FileNotFoundError:
        raise FlowError(f"{file.name}: no catalogue for '{language}'; make it with `maraba texts`") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise FlowError(f"locales/{language}: {error}") from None
