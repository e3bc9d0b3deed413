"""Where a dropped line may go on by SMS or WhatsApp: never after a need, a code or a private word (safety 3, 11)."""

from collections.abc import Iterator

from bot.content.checking.book import Book, Fault
from bot.content.checking.graph import written_targets
from bot.content.checking.tables import NEED_MENU, menu_states
from bot.engine.flow import State

OPENING = {"open_referral", "open_hush", "go_outside"}


def elsewhere_faults(book: Book) -> Iterator[Fault]:
    """All of them. What a channel may ask is told with the channel table: a marked state counts as reached there."""
    needs, told = {NEED_MENU, *menu_states(book)}, _after_a_need(book)
    for name, state in book.states.items():
        if not state.elsewhere:
            continue
        why = _why_not(state)
        if not why and (name in needs or name in told):
            why = "belongs to a need"
        if why:
            yield Fault(book.at(name, "elsewhere"), f"'{name}' {why}: a dropped line never goes on there.", _REMEDY)


_REMEDY = "Take `elsewhere` away."


def _why_not(state: State) -> str:
    if not state.asks:
        return "asks nothing"
    if state.private:
        return "is private"
    if state.secret:
        return "asks for a secret"
    return "is shown after the code only" if state.verified else ""


def _after_a_need(book: Book) -> set[str]:
    """The states in which a referral may be open; the menu begins anew."""
    menu = book.flows.entries.get("menu", "")
    found: set[str] = set()
    waiting = [target for name in book.states for target in _opened(book, name)]
    while waiting:
        name = waiting.pop()
        if name in found or name == menu or name not in book.states:
            continue
        found.add(name)
        waiting += [target for _, target in written_targets(book, name)]
    return found


def _opened(book: Book, name: str) -> list[str]:
    """Where it goes on from a state that opens a referral, itself included; or from a choice that does."""
    state = book.states[name]
    if any(order.verb in OPENING for order in state.do):
        return [name]
    choices = state.choices.get("ussd", {}).values()
    return [choice.go for choice in choices if any(order.verb in OPENING for order in choice.do)]
