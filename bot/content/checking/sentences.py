"""What leaves as one SMS in every language, with nothing that is never sent: what staff may write to a person
(flows/sentences.yaml), and what we push about a file (flows/pushes.yaml).
"""

from collections.abc import Iterator

from bot.content.checking.book import Book, Fault
from bot.content.checking.channels import forbidden
from bot.content.loading import PUSH, SENTENCE, placeholders
from bot.text.gsm7 import fold, segments

MAY_FILL = {"short_code"}


def sentence_faults(book: Book) -> Iterator[Fault]:
    """All of them."""
    for table, kind in (("sentences", SENTENCE), ("pushes", PUSH)):
        for key in book.loaded.texts:
            head, _, name = key.partition(".")
            if head == kind:
                yield from _faults(book, key, name, book.table(table, name))


def _faults(book: Book, key: str, name: str, place: str) -> Iterator[Fault]:
    strange = sorted(set(placeholders(book.loaded.texts[key])) - MAY_FILL)
    if strange:
        yield Fault(place, f"nothing fills {{{strange[0]}}} in the sentence '{name}'.", "Write it without.")
    for language in book.flows.languages:
        text = book.content.as_it_leaves(key, language)
        parts = len(segments(fold(text, language)).parts)
        if parts > 1:
            what = f"the sentence '{name}' takes {parts} SMS in '{language}'."
            yield Fault(place, what, "Shorten it to one: 160 letters without accents.")
        for channel in ("sms", "whatsapp"):
            found = forbidden(book, text, channel, language=language)
            if found is not None:
                what = f"the sentence '{name}' says '{found[1]}' ({found[0]}) by {channel}, in '{language}'."
                yield Fault(place, what, "Write it without that word.")
