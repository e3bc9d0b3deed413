"""Translations, placeholders, letters and lengths."""

import csv
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

from bot.content import catalogues
from bot.content.checking.book import Book, Fault
from bot.content.checking.channels import reached
from bot.content.checking.data import tellable
from bot.content.loading import CONSTANTS, PUSH, SENTENCE, STAGE_WORDS, placeholders
from bot.content.screens import SCREEN
from bot.text.gsm7 import fold, is_gsm7, segments, septets

FILLED = {
    "ticket",
    "when",
    "since",
    "known_on",
    "day",
    "place",
}  # what the engine puts into a screen (bot/engine/files.py, orders.py)
PARTS = {"name", "number"}  # filled while other texts are put together
LONGEST_DAY = date(2026, 12, 30)  # a Wednesday: the longest weekday of English and French
PLACES = Path(__file__).parents[2] / "cases" / "invented.csv"
LANGUAGE_NAMES = {"fr": "French", "ha": "Hausa", "en": "English"}


def word_faults(book: Book) -> Iterator[Fault]:
    """All of them."""
    wanted = dict.fromkeys(catalogues.wanted(book.loaded))
    yield from _unfilled(book)
    yield from _english_letters(book)
    for language, entries in book.entries.items():
        for context, english in wanted:
            yield from _translation(book, language, context, english)
        for (context, english), entry in entries.items():
            if (context, english) not in wanted:
                what = f"nothing in flows/ says this any more: {english!r}."
                yield Fault(po(language, entry.line), what, "Run `maraba texts`, or correct the English here.")
    for channel in ("ussd", "sms"):
        for name in sorted(reached(book, channel)):
            yield from _length(book, name, channel)


def place_of(book: Book, key: str, english: str) -> str:
    """Where an English text stands in flows/; `key` is "" for choices and foot lines."""
    if not key:
        return _shared_place(book, english)
    head, _, rest = key.partition(".")
    if head == "stage":
        return book.table("stages", *rest.split(".")[:1], *reversed(rest.split(".")[1:]))
    if head in (SENTENCE, PUSH):
        return book.table("sentences" if head == SENTENCE else "pushes", rest)
    if head in book.loaded.sources["words"].data and key not in book.specs:
        return book.table("words", head, rest)
    state = key.removesuffix(".after")
    part = "after" if state != key else "ask" if book.specs[state].ask is not None else "say"
    return book.at(state, part)


def po(language: str, line: int) -> str:
    """A place in a catalogue."""
    return f"locales/{language}/LC_MESSAGES/{catalogues.DOMAIN}.po:{line}"


def longest(book: Book, name: str, language: str) -> Iterator[dict[str, str]]:
    """The values that make a screen as long as it gets: one set for every stage it may tell."""
    needed = book.states[name].placeholders
    content = book.content

    def worst(placeholder: str) -> str:
        return max(candidates[placeholder], key=lambda raw: septets_of(content.value(placeholder, raw, language)))

    candidates = {name: [value] for name, value in tellable(book).items()} | {
        "ticket": ["4821737"],
        "since": [f"d:{LONGEST_DAY}"],
        "known_on": [f"d:{LONGEST_DAY}"],
        "day": [f"w:2026-12-{day}" for day in range(21, 28)],
        "place": [f"p:{place}" for place in _places()],
        "when": [f"@{key}" for key in book.loaded.texts if key.startswith("window.")] or ["@"],
    }
    fixed = {placeholder: worst(placeholder) for placeholder in needed if placeholder in candidates}
    usual = [code for code, stage in book.flows.stages.items() if stage.screen == "usual"]
    yield from ({**fixed, "stage": code} for code in usual) if "stage" in needed else (fixed,)


def septets_of(text: str) -> int:
    """Septets after plain spelling; letters outside GSM-7 are counted once and told elsewhere."""
    plain = fold(text)
    return septets(plain) if is_gsm7(plain) else len(plain)


def _length(book: Book, name: str, channel: str) -> Iterator[Fault]:
    spec = book.specs[name]
    if spec.ask is None and spec.say is None:
        return
    place = book.at(name, "ask" if spec.ask is not None else "say")
    for language in book.flows.languages:
        texts = [
            (values, fold(book.content.whole(name, values, channel=channel, language=language)))
            for values in longest(book, name, language)
        ]
        values, text = max(texts, key=lambda pair: septets_of(pair[1]))
        told = f" ({values['stage']})" if "stage" in values else ""
        spoken = LANGUAGE_NAMES.get(language, language)
        if channel == "ussd" and septets_of(text) + 4 > SCREEN:
            what = f"'{name}'{told} takes {septets_of(text) + 4} septets of {SCREEN} in {spoken} by USSD."
            yield Fault(place, what, "Shorten it, or put a part on a screen of its own.")
        if channel == "sms" and len(segments(text).parts) > spec.parts:
            what = f"'{name}'{told} takes {len(segments(text).parts)} parts in {spoken} by SMS ({septets_of(text)} septets)."
            yield Fault(place, what, "Shorten it to 160; where two parts are worth their price: `parts: 2`.")


def _translation(book: Book, language: str, context: str, english: str) -> Iterator[Fault]:
    entry = book.entries[language].get((context, english))
    spoken = LANGUAGE_NAMES.get(language, language)
    if entry is None:
        what = f"no {spoken} for {english!r}."
        yield Fault(place_of(book, context, english), what, "Run `maraba texts`, then translate it in locales/.")
        return
    if not entry.words:
        yield Fault(po(language, entry.line), f"no {spoken} for {english!r}.", "Translate it here.")
        return
    if entry.fuzzy:
        yield Fault(po(language, entry.line), f"{english!r} changed since.", "Check the translation, drop `fuzzy`.")
    try:
        theirs = set(placeholders(entry.words))
    except ValueError as error:
        yield Fault(po(language, entry.line), f"{error}.", "Every { needs its }.")
        return
    ours = set(placeholders(english))
    for name in sorted(ours ^ theirs):
        side = "misses" if name in ours else "has, beside the English,"
        yield Fault(po(language, entry.line), f"the {spoken} {side} {{{name}}}.", "Both carry the same placeholders.")
    yield from _letters(po(language, entry.line), entry.words)


def _letters(place: str, text: str) -> Iterator[Fault]:
    plain = fold(text)
    if not is_gsm7(plain):
        odd = " ".join(sorted({letter for letter in plain if not is_gsm7(letter)}))
        yield Fault(
            place, f"no plain spelling for {odd}: the message would hold 70 letters only.", "Write it otherwise."
        )


def _english_letters(book: Book) -> Iterator[Fault]:
    for key, english in book.loaded.texts.items():
        yield from _letters(place_of(book, key, english), english)
    for english in sorted(book.loaded.shared):
        yield from _letters(place_of(book, "", english), english)


def _unfilled(book: Book) -> Iterator[Fault]:
    told = tellable(book)
    for key, english in book.loaded.texts.items():
        filled = (
            {*FILLED, *told, *CONSTANTS, *STAGE_WORDS}
            if key in book.specs or key.endswith(".after")
            else {*PARTS, *CONSTANTS}
        )
        for name in placeholders(english):
            if name not in filled:
                what = f"nobody fills {{{name}}}."
                known = ", ".join(sorted(filled))
                yield Fault(place_of(book, key, english), what, f"Known: {known}. What was typed is never shown again.")


def _shared_place(book: Book, english: str) -> str:
    for name, spec in book.specs.items():
        for position, choice in enumerate(spec.choices):
            if choice.say == english:
                return book.at(name, "choices", str(position), "say")
    feet = book.loaded.sources["words"].data["foot"]
    return book.table("words", "foot", next((name for name, text in feet.items() if text == english), ""))


@cache
def _places() -> tuple[str, ...]:
    """Real places of appointments, as the invented files have them."""
    with PLACES.open(encoding="utf-8", newline="") as file:
        return tuple(sorted({row["appointment_place"] for row in csv.DictReader(file)} - {""}))
