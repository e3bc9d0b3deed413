"""What staff may write to a person (flows/sentences.yaml): one SMS each, in every language, with nothing that is never sent."""

from collections.abc import Iterator

from bot.content.checking.book import Book, Fault
from bot.content.checking.channels import forbidden
from bot.content.loading import SENTENCE, placeholders
from bot.text.gsm7 import fold, segments

MAY_FILL = {"short_code"}


def sentence_faults(book: Book) -> Iterator[Fault]:
    """All of them."""
    for name in book.content.sentences():
        place = book.table("sentences", name)
        strange = sorted(set(placeholders(book.loaded.texts[f"{SENTENCE}.{name}"])) - MAY_FILL)
        if strange:
            yield Fault(place, f"nothing fills {{{strange[0]}}} in the sentence '{name}'.", "Write it without.")
        for language in book.flows.languages:
            text = book.content.sentence(name, language)
            parts = len(segments(fold(text, language)).parts)
            if parts > 1:
                what = f"the sentence '{name}' takes {parts} SMS in '{language}'."
                yield Fault(place, what, "Shorten it to one: 160 letters without accents.")
            for channel in ("sms", "whatsapp"):
                found = forbidden(book, text, channel, language=language)
                if found is not None:
                    what = f"the sentence '{name}' says '{found[1]}' ({found[0]}) by {channel}, in '{language}'."
                    yield Fault(place, what, "Write it without that word.")
