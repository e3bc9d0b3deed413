"""What a channel may carry (docs/safety.md, table), and the words that are never sent (flows/never_send.yaml)."""

import re
from collections.abc import Iterator
from functools import cache

from bot.content.checking.book import Book, Fault
from bot.content.checking.tables import NEED_MENU, menu_states
from bot.content.loading import STAGE_WORDS, placeholders
from bot.engine.flow import State
from bot.text.plain import plain

FILE_NUMBERS = {"case", "new_code"}  # an SMS answers them, and never asks for them
KIT_WORDS = {
    "en": ("kit*", "equipment", "animal*", "livestock", "sewing"),
    "fr": ("kit*", "materiel*", "equipement*", "animal*", "animaux", "betail"),
    "ha": ("kayan aiki*", "kaya", "dabba*", "dabbobi"),
}
TABLE = "safety, channel table"


def channel_faults(book: Book) -> Iterator[Fault]:
    """All of them."""
    needs = menu_states(book)
    for channel in ("sms", "whatsapp"):
        for name in sorted(reached(book, channel)):
            state = book.states[name]
            if state.asks or state.says:
                yield from _placeholders(book, name, channel)
                yield from _words(book, name, channel, in_menu=name in needs)
            if channel == "sms":
                yield from _sms_questions(book, name, needs)
    yield from _file_facts(book)
    yield from _stage_words(book)


def reached(book: Book, channel: str) -> set[str]:
    """The states that a person on a channel can come to: branches on the channel are followed as the engine does."""
    found: set[str] = set()
    waiting = [*book.flows.entries.values(), *(name for name, s in book.states.items() if channel in s.elsewhere)]
    while waiting:
        name = waiting.pop()
        state = book.states.get(name)
        if state is None or name in found:
            continue
        found.add(name)
        waiting += _onward(state, channel)
    return found


def _onward(state: State, channel: str) -> list[str]:
    targets = [choice.go for choice in state.choices[channel].values()]
    targets += [state.wrong, state.verified, state.moved_to, state.hand_over, state.back_to, *state.outcomes.values()]
    taken: list[set[tuple[str, str]]] = []
    for branch in state.branches:
        if branch.when.get("channel", channel) != channel:
            continue
        asked = {(fact, value) for fact, value in branch.when.items() if fact != "channel"}
        if any(earlier <= asked for earlier in taken):
            continue  # the branch before it takes all of these people
        targets.append(branch.go)
        taken.append(asked)
    return [*targets, *([] if set() in taken else [state.go])]


def _placeholders(book: Book, name: str, channel: str) -> Iterator[Fault]:
    spec = book.specs[name]
    part = "ask" if spec.ask is not None else "say"
    names = set(placeholders((spec.ask or "") + (spec.say or "") + spec.after))
    forbidden = {"place"} if channel == "whatsapp" else {"place", "day", *STAGE_WORDS}
    for found in sorted(names & forbidden):
        what = f"'{name}' would carry {{{found}}} by {_SPOKEN[channel]} ({TABLE})."
        yield Fault(book.at(name, part), what, "Lead that channel to a screen of its own by a branch on `channel`.")


def _file_facts(book: Book) -> Iterator[Fault]:
    """What a file says is asked its code for again (safety 11); its place stands apart from its stage (safety, table)."""
    for name in sorted(reached(book, "ussd") | reached(book, "whatsapp")):
        spec, state = book.specs[name], book.states[name]
        names = set(placeholders((spec.ask or "") + (spec.say or "") + spec.after))
        part = "ask" if spec.ask is not None else "say"
        told = sorted(names & {"place", "day", "since", "known_on", *STAGE_WORDS})
        if told and not state.verified:
            what = f"'{name}' tells {{{told[0]}}} of a file to whoever comes there (safety 11)."
            yield Fault(book.at(name, part), what, "Name under `verified` the state that asks the code.")
        if "place" in names and names & set(STAGE_WORDS):
            what = f"'{name}' tells a place together with the stage ({TABLE})."
            yield Fault(book.at(name, part), what, "Give the place a screen of its own.")


_SPOKEN = {"sms": "SMS", "whatsapp": "WhatsApp"}


def _words(book: Book, name: str, channel: str, *, in_menu: bool) -> Iterator[Fault]:
    """Never-send words, and kit words outside the menu of needs."""
    for language in book.flows.languages:
        text = book.content.whole(name, {}, channel=channel, language=language)
        found = forbidden(book, text, channel, language=language, kits=not in_menu)
        if found is not None:
            group, word = found
            what = f"'{name}' says '{word}' ({group}) by {_SPOKEN[channel]}, in '{language}' ({TABLE})."
            part = "ask" if book.specs[name].ask is not None else "say"
            yield Fault(book.at(name, part), what, "Write it without that word.")


def forbidden(book: Book, text: str, channel: str, *, language: str, kits: bool = True) -> tuple[str, str] | None:
    """The group and the word for which a text may not go out on a channel; `kits`: words of kits count too."""
    words = plain(text)
    for group, roots in _never_send(book, channel):
        if hit := roots.search(words):
            return group, hit[0]
    hit = _roots(KIT_WORDS[language]).search(words) if kits else None
    return ("kit", hit[0]) if hit else None


def _sms_questions(book: Book, name: str, needs: set[str]) -> Iterator[Fault]:
    state = book.states[name]
    if name in needs or name == NEED_MENU:
        yield Fault(book.at(name), f"the menu of needs '{name}' can be reached by SMS ({TABLE}).", _FORK)
    if state.asks and (state.keep in FILE_NUMBERS or state.answer in FILE_NUMBERS):
        yield Fault(book.at(name, "answer"), f"'{name}' asks for a number or code of a file by SMS ({TABLE}).", _FORK)


_FORK = "Branch before it: `{when: {channel: sms}, go: by_phone_only}`."


def _stage_words(book: Book) -> Iterator[Fault]:
    """On WhatsApp no word of a stage says that there is a kit; checked in every language."""
    for code, stage in book.flows.stages.items():
        if stage.screen != "usual":
            continue
        for part in STAGE_WORDS:
            key = f"stage.{code}.{part}"
            own = f"{key}.whatsapp"
            key = own if own in book.loaded.texts else key
            english = book.loaded.texts.get(key, "")
            for language in book.flows.languages:
                hit = _roots(KIT_WORDS[language]).search(plain(book.content.say(key, english, language)))
                if hit:
                    what = f"the stage '{code}' says '{hit[0]}' by WhatsApp, in '{language}' ({TABLE})."
                    yield Fault(
                        book.table("stages", code, part), what, f"Give other words under `whatsapp: {{{part}: …}}`."
                    )


def _never_send(book: Book, channel: str) -> list[tuple[str, re.Pattern[str]]]:
    source = book.loaded.sources.get("never_send")
    groups = source.data["groups"] if source else {}
    return [
        (name, _roots(tuple(root for key, roots in group.items() if key != "channels" for root in roots)))
        for name, group in groups.items()
        if channel in group["channels"]
    ]


@cache
def _roots(words: tuple[str, ...]) -> re.Pattern[str]:
    """Words as the file writes them, `*` for any ending, on plain text."""
    parts = [re.escape(plain(word.rstrip("*"))) + (r"\w*" if word.endswith("*") else "") for word in words]
    return re.compile(rf"\b(?:{'|'.join(parts)})\b")
