"""What flows/data.yaml declares, and whether the flows use it rightly: names, what they need, what they give, lists."""

from collections.abc import Iterable, Iterator

from bot.content.checking.book import Book, Fault
from bot.content.checking.channels import reached
from bot.content.checking.graph import written_targets
from bot.content.lists import LEAST
from bot.content.loading import placeholders
from bot.engine import picking
from bot.engine.flow import RETURN, Order, State

A_LIST = "(a list)"
TOLD = "= "  # before the name of a value that a screen may show: given, not typed
GIVEN_BY = {"open_referral": ("ref", "ticket"), "open_hush": ("ref", "ticket"), "allow_call": ("window", "when")}
GIVEN_AT = {
    "ticket": ("ticket",),
    "case": ("case",),
    "case_and_code": ("case", "secret"),
    "proposal": ("which",),
}  # bot/engine/step.py
TABLE = "safety, channel table"


def data_faults(book: Book) -> Iterator[Fault]:
    """All of them."""
    yield from _pushed(book)
    known, spoken, shown = _known(book), _with_words(book), tellable(book)
    heard = {channel: reached(book, channel) for channel in ("ussd", "sms")}
    for name, state in book.states.items():
        given = known.get(name, set())
        yield from _look_up(book, name, state, given)
        yield from _acts(book, name, state, given, spoken)
        yield from _pick(book, name, state, given)
        for channel in heard if state.a_page and state.asks else ():
            if name in heard[channel]:
                yield from _room(book, name, state, channel)
        yield from _told(book, name, given, shown)
    yield from _of_a_file(book, heard["sms"])


def tellable(book: Book) -> dict[str, str]:
    """The values that a screen may show because a look-up, a list or a push gives them, each with its longest."""
    found: dict[str, str] = {}
    for declared in book.flows.look_ups.values():
        found |= declared.gives
    for given in book.loaded.pushed.values():
        found |= given
    picked = {f"{state.keep}_name": "n" * LEAST for state in book.states.values() if state.a_page}
    return picked | found


def _known(book: Book) -> dict[str, set[str]]:
    """What may be known where a state begins, on some way to it; the menu forgets everything."""
    known: dict[str, set[str]] = {}
    returning: set[str] = set()
    waiting: list[tuple[str, set[str]]] = []
    for entry, name in book.flows.entries.items():
        waiting.append((name, {*GIVEN_AT.get(entry, ()), *_told_and_known(book.loaded.pushed.get(entry, ()))}))
    while waiting:
        name, brought = waiting.pop()
        if name not in book.states or (name in known and brought <= known[name]):
            continue
        known[name] = known.get(name, set()) | brought
        after = set() if name == book.flows.entries.get("menu") else known[name] | _given(book, name)
        for _, target in written_targets(book, name):
            if target != RETURN:
                waiting.append((target, after))
            elif not after <= returning:
                returning |= after
                waiting += [(state.back_to, set(returning)) for state in book.states.values() if state.back_to]
    return known


def _given(book: Book, name: str) -> set[str]:
    """What a state adds to what is known."""
    state = book.states[name]
    given = {state.keep} if state.keep else set()
    if state.a_page:
        given |= _told_and_known((f"{state.keep}_name",))
    for order in _orders(state):
        given |= set(order.arguments) if order.verb == "keep" else set(GIVEN_BY.get(order.verb, ()))
    for choice in state.choices.get("ussd", {}).values():
        given |= set(choice.keep)
    declared = book.flows.look_ups.get(state.look_up)
    if declared is not None:
        given |= _told_and_known(declared.gives) | ({A_LIST} if declared.a_list else set())
    return given


def _told_and_known(names: Iterable[str]) -> set[str]:
    return {known for name in names for known in (name, TOLD + name)}


def _orders(state: State) -> list[Order]:
    choices = state.choices.get("ussd", {}).values()
    return [*state.do, *(order for choice in choices for order in choice.do)]


def _pushed(book: Book) -> Iterator[Fault]:
    for entry in book.loaded.pushed:
        if entry not in book.flows.entries:
            what = f"'{entry}' is pushed, but no entry has that name."
            yield Fault(book.table("data", "pushed", entry), what, f"Add `{entry}: flow.state` to entries.yaml.")


def _look_up(book: Book, name: str, state: State, given: set[str]) -> Iterator[Fault]:
    declared = book.flows.look_ups.get(state.look_up)
    for missing in () if declared is None else declared.needs:
        if missing not in given:
            what = f"the look-up '{state.look_up}' needs '{missing}', which nothing before '{name}' gives."
            yield Fault(book.at(name, "look_up"), what, "Ask, pick or keep it on the way.")


def _acts(book: Book, name: str, state: State, given: set[str], spoken: set[str]) -> Iterator[Fault]:
    for order in _orders(state):
        what = order.arguments.get("what", "")
        if order.verb != "act":
            continue
        declared = book.flows.acts.get(what)
        if declared is None:
            known = ", ".join(sorted(book.flows.acts)) or "none yet"
            yield Fault(book.at(name), f"'{name}' orders the unknown act '{what}'.", f"In data.yaml: {known}.")
            continue
        here = given | _given(book, name) | set(order.arguments)
        for missing in (need for need in declared.needs if need not in here):
            said = f"the act '{what}' needs '{missing}', which nothing up to '{name}' gives."
            yield Fault(book.at(name), said, "Ask, pick or keep it on the way, or write it behind the act.")
        for strange in sorted(set(order.arguments) - {"what", *declared.needs, *declared.optional}):
            yield Fault(book.at(name), f"the act '{what}' takes no '{strange}'.", "Declare it in data.yaml.")
        if declared.text and name not in spoken:
            said = f"'{name}' orders '{what}' with the person's words, but none are said in that turn."
            yield Fault(book.at(name), said, "Put it right behind an answer of the type `words`.")


def _with_words(book: Book) -> set[str]:
    """The states that are reached in the very turn in which words were typed."""
    found: set[str] = set()
    waiting = [state.go for state in book.states.values() if state.answer == "words"]
    while waiting:
        name = waiting.pop()
        if name in found or name not in book.states:
            continue
        found.add(name)
        if not (book.states[name].asks or book.states[name].says):
            waiting += [target for _, target in written_targets(book, name)]
    return found


def _pick(book: Book, name: str, state: State, given: set[str]) -> Iterator[Fault]:
    spec = book.specs[name]
    if spec.pick is None:
        return
    place = book.at(name, "pick")
    if spec.ask is None or spec.answer:
        yield Fault(place, f"'{name}' picks from a list without asking so.", "It takes `ask`, and no `answer`.")
        return
    if A_LIST not in given:
        yield Fault(place, f"no look-up before '{name}' gives a list.", "Lead there from one with `list: true`.")
    taken = [choice.key for choice in spec.choices if choice.key != "8"]
    if taken:
        what = f"the key {taken[0]} of '{name}' belongs to its list."
        yield Fault(book.at(name, "choices", "0"), what, "Beside a list there is 8 alone; 7 shows more of it.")


def _room(book: Book, name: str, state: State, channel: str) -> Iterator[Fault]:
    """Every label has room for a weekday and a date."""
    label = "n" * LEAST
    items = tuple((str(n), label) for n in range(state.a_page + 1))
    told = {key: value for key, value in tellable(book).items() if key in state.placeholders}
    for language in book.flows.languages:
        values = told | picking.arguments(state, channel, items, 0)
        text = book.content.whole(name, values, channel=channel, language=language)
        if text.count(label) < state.a_page:
            what = f"the list of '{name}' leaves a name less than {LEAST} letters in '{language}' by {channel}."
            yield Fault(
                book.at(name, "ask"), what, "Shorten the question, leave out the foot, or give fewer: `a_page: 4`."
            )


def _told(book: Book, name: str, given: set[str], shown: dict[str, str]) -> Iterator[Fault]:
    """A screen shows what something on the way gave."""
    spec = book.specs[name]
    here = given | _given(book, name)
    for found in placeholders((spec.ask or "") + (spec.say or "") + spec.after):
        if found in shown and TOLD + found not in here and found not in ALWAYS:
            part = "ask" if spec.ask is not None else "say"
            what = f"nothing before '{name}' gives {{{found}}}."
            yield Fault(book.at(name, part), what, "Lead there from the look-up or the list that gives it.")


ALWAYS = {"ticket", "when", "since", "known_on", "day", "place"}  # of the engine itself (bot/content/checking/words.py)


def _of_a_file(book: Book, by_sms: set[str]) -> Iterator[Fault]:
    """What a look-up of a file gives is told after the code, or where we asked, and never by SMS (safety 11)."""
    facts = {fact for look_up in book.flows.look_ups.values() if "case" in look_up.needs for fact in look_up.gives}
    picked = {f"{state.keep}_name" for state in book.states.values() if state.a_page and state.verified}
    pushed = {book.flows.entries.get(entry) for entry in book.loaded.pushed}
    for name, state in book.states.items():
        told = sorted(set(state.placeholders) & (facts | picked))
        if told and name in by_sms and name not in pushed:
            what = f"'{name}' would carry {{{told[0]}}} of a file by SMS ({TABLE})."
            yield Fault(book.at(name), what, "Lead SMS to a screen of its own by a branch on `channel`.")
        if told and not state.verified and name not in pushed:
            what = f"'{name}' tells {{{told[0]}}} of a file to whoever comes there (safety 11)."
            yield Fault(book.at(name), what, "Name under `verified` the state that asks the code.")
