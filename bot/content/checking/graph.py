"""Where the states lead: nothing unknown, unreachable, without a way on, or going round without a question."""

from collections.abc import Iterator

from bot.content.checking.book import Book, Fault
from bot.engine.files import OUTCOMES
from bot.engine.flow import CONTINUE, RETURN, State

ENTRIES = (
    "menu", "resume", "private", "callback", "hush", "voice_note", "stopped", "started", "ticket", "case",
    "case_and_code", "dropped", "solved", "proposal",
)  # fmt: skip


def graph_faults(book: Book) -> Iterator[Fault]:
    """All of them."""
    yield from _entries(book)
    for name in book.states:
        yield from _targets(book, name)
        yield from _dead_end(book, name)
        yield from _hand_over(book, name)
        yield from _outcomes(book, name)
    yield from _unreachable(book)
    yield from _lost_returns(book)
    yield from _loops(book)


def written_targets(book: Book, name: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each target of a state with its place in the file, as full names."""
    spec = book.specs[name]
    pairs: list[tuple[tuple[str, ...], str]] = [
        *((("choices", str(i), "go"), choice.go) for i, choice in enumerate(spec.choices)),
        *((("branches", str(i), "go"), branch.go) for i, branch in enumerate(spec.branches)),
        *((("outcomes", outcome), go) for outcome, go in spec.outcomes.items()),
        *(((key,), getattr(spec, key)) for key in ("go", "hand_over", "back_to", "verified", "moved_to")),
    ]
    if spec.pick:
        pairs.append((("pick", "go"), spec.pick.go))
    if spec.answer:
        pairs += [(("answer", "go"), spec.answer.go), (("answer", "wrong"), spec.answer.wrong)]
    yield from ((place, book.full(name, target)) for place, target in pairs if target)


def silent_steps(state: State) -> list[str]:
    """Where a state without words may lead at once, `return` included."""
    if state.asks or state.says:
        return []
    if state.hand_over:
        return [state.hand_over]
    if state.look_up:
        return list(state.outcomes.values())
    return [target for target in (*(branch.go for branch in state.branches), state.go) if target]


def _entries(book: Book) -> Iterator[Fault]:
    for missing in (entry for entry in ENTRIES if entry not in book.flows.entries):
        yield Fault(book.table("entries"), f"the entry '{missing}' is missing.", f"Add a line `{missing}: flow.state`.")
    for entry, target in book.flows.entries.items():
        if entry not in (*ENTRIES, *book.loaded.pushed):
            yield Fault(
                book.table("entries", entry), f"nothing uses the entry '{entry}'.", f"Known: {', '.join(ENTRIES)}."
            )
        if target not in book.states:
            yield Fault(book.table("entries", entry), f"'{entry}' leads to unknown '{target}'.", _SPELL)


_SPELL = "Correct the name, or add that state; in another flow write flow.state."


def _targets(book: Book, name: str) -> Iterator[Fault]:
    resuming = [book.flows.entries.get(entry, "") for entry in ("resume", "dropped")]
    for place, target in written_targets(book, name):
        if not book.known(target):
            yield Fault(book.at(name, *place), f"'{name}' leads to unknown '{target}'.", _SPELL)
        elif target == CONTINUE and name not in resuming:
            yield Fault(
                book.at(name, *place),
                "'continue' only works in the entries 'resume' and 'dropped'.",
                "Name the state to go to.",
            )


def _dead_end(book: Book, name: str) -> Iterator[Fault]:
    spec, state = book.specs[name], book.states[name]
    if spec.ask is not None and spec.say is not None:
        yield Fault(book.at(name, "say"), f"'{name}' both asks and says.", "Keep one; `say` ends the conversation.")
    elif state.asks and not (spec.choices or spec.answer or spec.pick):
        yield Fault(
            book.at(name, "ask"), f"'{name}' asks, but nothing can be answered.", "Add `choices`, `answer` or `pick`."
        )
    elif state.says and (spec.choices or spec.answer or spec.pick or spec.go or spec.branches or spec.hand_over):
        yield Fault(book.at(name, "say"), f"'{name}' says and ends, so its other ways are never taken.", "Use `ask`.")
    elif not (state.asks or state.says or state.hand_over or state.look_up or state.go):
        if not spec.branches:
            yield Fault(book.at(name), f"'{name}' is a dead end.", "Add `ask`, `say`, `go` or `branches`.")
        elif spec.branches[-1].when:
            place = book.at(name, "branches", str(len(spec.branches) - 1))
            yield Fault(place, f"'{name}' is a dead end where no branch fits.", "End with a branch without `when`.")


def _hand_over(book: Book, name: str) -> Iterator[Fault]:
    spec, state = book.specs[name], book.states[name]
    if spec.hand_over and not spec.back_to:
        yield Fault(
            book.at(name, "hand_over"), f"'{name}' hands over without `back_to`.", "Name where to come back to."
        )
    if spec.back_to and not spec.hand_over:
        yield Fault(book.at(name, "back_to"), f"'{name}' has `back_to` without `hand_over`.", "Use `go`.")
    if spec.hand_over and state.hand_over in book.states and not _comes_back(book, state.hand_over, set()):
        what = f"'{name}' hands over to '{state.hand_over}', which never returns."
        yield Fault(book.at(name, "hand_over"), what, "Use `go`, or end that conversation with `go: return`.")


def _comes_back(book: Book, name: str, seen: set[str]) -> bool:
    """Is there a `return` on the way of a handed-over conversation?"""
    if name == RETURN:
        return True
    if name in seen or name not in book.states:
        return False
    seen.add(name)
    state = book.states[name]
    if state.hand_over:
        return _comes_back(book, state.hand_over, set(seen)) and _comes_back(book, state.back_to, seen)
    return any(_comes_back(book, target, seen) for _, target in written_targets(book, name))


def _outcomes(book: Book, name: str) -> Iterator[Fault]:
    spec = book.specs[name]
    declared = book.flows.look_ups.get(spec.look_up)
    known = declared.outcomes if declared else OUTCOMES.get(spec.look_up, ())
    if spec.look_up and not known:
        names = ", ".join(sorted({*OUTCOMES, *book.flows.look_ups}))
        yield Fault(book.at(name, "look_up"), f"unknown lookup '{spec.look_up}'.", f"Known: {names}.")
        return
    for outcome in spec.outcomes:
        if outcome not in known:
            remedy = f"Known: {', '.join(known)}." if known else "Add `look_up`."
            yield Fault(book.at(name, "outcomes", outcome), f"the lookup has no outcome '{outcome}'.", remedy)
    for outcome in known:
        if outcome not in spec.outcomes:
            what = f"the outcome '{outcome}' of the lookup '{spec.look_up}' leads nowhere."
            yield Fault(book.at(name, "look_up"), what, f"Add `{outcome}: state` to `outcomes`.")


def _unreachable(book: Book) -> Iterator[Fault]:
    reached: set[str] = set()
    waiting = [target for target in book.flows.entries.values() if target in book.states]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        waiting += [target for _, target in written_targets(book, name) if target in book.states]
    for name in book.states:
        if name not in reached:
            yield Fault(book.at(name), f"nothing leads to '{name}'.", "Lead a choice or branch to it, or delete it.")


def _lost_returns(book: Book) -> Iterator[Fault]:
    """A `return` where nobody handed over: there is nowhere to go back to."""
    seen: set[tuple[str, bool]] = set()
    waiting = [(target, False) for target in book.flows.entries.values()]
    while waiting:
        name, called = waiting.pop()
        if (name, called) in seen or name not in book.states:
            continue
        seen.add((name, called))
        state = book.states[name]
        for place, target in written_targets(book, name):
            if target == RETURN and not called:
                what = f"'{name}' returns, but is reached without `hand_over`."
                yield Fault(book.at(name, *place), what, "Reach it by `hand_over` only, or name the next state.")
            waiting.append((target, called or target == state.hand_over))


def _loops(book: Book) -> Iterator[Fault]:
    done: set[str] = set()
    for name in book.states:
        circle = _circle(book, name, (), done)
        if circle:
            what = f"it goes round without a question: {' > '.join(circle)}."
            yield Fault(book.at(circle[0]), what, "Put a question between, or lead one of them elsewhere.")


def _circle(book: Book, name: str, path: tuple[str, ...], done: set[str]) -> tuple[str, ...]:
    if name in path:
        return (*path[path.index(name) :], name)
    if name in done or name not in book.states:
        return ()
    for target in silent_steps(book.states[name]):
        circle = _circle(book, target, (*path, name), done)
        if circle:
            done.update(path, {name})
            return circle
    done.add(name)
    return ()
