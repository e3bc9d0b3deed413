"""Codes, queues, stages, verbs and menu numbers. Sources: safety 21, 22, 24."""

import inspect
from collections.abc import Iterator
from typing import Any

from bot.content.checking.book import Book, Fault
from bot.content.specs import QUEUES
from bot.engine.effects import LEVELS
from bot.engine.flow import Order
from bot.engine.orders import VERBS

STAGES = (
    "REGISTERED", "ELIGIBILITY", "COUNSELLING", "PLAN_REVIEW", "TRAINING_WAIT", "TRAINING", "KIT_PREPARATION",
    "KIT_READY", "KIT_COLLECTED", "MONITORING", "FINALISED", "ON_HOLD", "WAITING_DOCUMENT", "LOST_CONTACT",
    "CANCELLED", "NOT_ELIGIBLE", "TRANSFERRED", "DECEASED",
)  # fmt: skip
CODES = (
    "MED", "MHP", "SUI", "GBV", "CHI", "TRF", "DET", "BAS", "DOC", "DEB", "THR", "SEA", "FRA", "KIT", "TRA", "TEN",
    "OTH", "DLY", "APL", "PRV",
)  # fmt: skip
UNSPOKEN = ("GBV", "TRF", "SEA", "SUI")  # no menu words (safety 22)
NEED_MENU = "help.kind"
MENUS = {  # numbers never change (safety 21)
    "menu.main": {"1": "file.", "2": "help.", "3": "callback.", "4": "community.", "5": "menu.language"},
    "menu.sms": {"1": "file.", "3": "callback.", "5": "menu.language"},
}
MOST_EXPLAINED, MOST_NAMES = 6, 8
NAMING = {"language", "call_language"}
NUMBER_FEET = {"menu": "menu_number", "private": "private_number"}


def table_faults(book: Book) -> Iterator[Fault]:
    """All of them."""
    yield from _codes(book)
    yield from _need_menu(book)
    yield from _stages(book)
    yield from _menu_numbers(book)
    for name in book.states:
        yield from _verbs(book, name)
        yield from _choices(book, name)
        yield from _feet(book, name)


def menu_states(book: Book) -> set[str]:
    """The screens of the menu of needs."""
    found: set[str] = set()
    for keys in book.loaded.sources["needs"].data.get("menu", {}):
        name = NEED_MENU
        for key in keys.split():
            state = book.states.get(name)
            choices = state.choices["ussd"] if state else {}
            if not state or key not in choices:
                break
            found.add(name)
            name = choices[key].go
    return found


def _codes(book: Book) -> Iterator[Fault]:
    for code in CODES:
        if code not in book.flows.needs:
            yield Fault(book.table("needs", "codes"), f"the code '{code}' is missing.", "Add its line.")
    for code, need in book.flows.needs.items():
        if code not in CODES:
            yield Fault(book.table("needs", "codes", code), f"unknown code '{code}'.", f"Known: {', '.join(CODES)}.")
        if need.urgent_code and need.urgent_code not in book.flows.needs:
            place = book.table("needs", "codes", code, "urgent_code")
            yield Fault(place, f"unknown code '{need.urgent_code}'.", f"Known: {', '.join(CODES)}.")
        if LEVELS.index(need.urgent) < LEVELS.index(need.level):
            place = book.table("needs", "codes", code, "urgent")
            yield Fault(place, f"'{code}' would become less urgent.", "An answer only ever raises a level (safety 23).")


def _need_menu(book: Book) -> Iterator[Fault]:
    menu: dict[str, str] = book.loaded.sources["needs"].data.get("menu", {})
    for keys, code in menu.items():
        place = book.table("needs", "menu", keys)
        if code in UNSPOKEN:
            yield Fault(place, f"'{code}' must not have menu words (safety 22).", "Take this line away.")
        led = _leads_to(book, keys.split())
        if led != code:
            what = f"the keys {keys} after '{NEED_MENU}' lead to {led or 'no code'}, not to {code}."
            yield Fault(place, what, "Correct this line or flows/help.yaml.")
    for name in sorted(menu_states(book)):
        for position, choice in enumerate(book.specs[name].choices):
            target = book.full(name, choice.go)
            opened = _opens(book, target)
            if opened and opened not in menu.values():
                place = book.at(name, "choices", str(position))
                yield Fault(place, f"this choice opens {opened}, which `menu` in needs.yaml does not name.", "Add it.")


def _leads_to(book: Book, keys: list[str]) -> str:
    name = NEED_MENU
    for key in keys:
        state = book.states.get(name)
        if state is None or key not in state.choices.get("ussd", {}):
            return ""
        name = state.choices["ussd"][key].go
    return _opens(book, name)


def _opens(book: Book, name: str) -> str:
    """The code that a state, or the silent ones after it, opens."""
    for _ in range(len(book.states)):
        state = book.states.get(name)
        if state is None:
            return ""
        for order in state.do:
            if order.verb == "open_referral":
                return str(order.arguments.get("code", ""))
        if state.asks or state.says or not state.go:
            return ""
        name = state.go
    return ""


def _stages(book: Book) -> Iterator[Fault]:
    for code in (code for code in STAGES if code not in book.flows.stages):
        yield Fault(book.table("stages"), f"the stage '{code}' is missing.", "Add its line.")
    screens = {when.when["screen"] for spec in book.specs.values() for when in spec.branches if "screen" in when.when}
    for code, stage in book.flows.stages.items():
        place = book.table("stages", code)
        if code not in STAGES:
            yield Fault(place, f"unknown stage '{code}'.", f"Known: {', '.join(STAGES)}.")
        if stage.screen not in {*screens, "person"}:
            known = ", ".join(sorted({*screens, "person"}))
            yield Fault(book.table("stages", code, "screen"), f"no screen '{stage.screen}'.", f"Known: {known}.")
        words = [part for part in ("now", "next", "usual") if f"stage.{code}.{part}" not in book.loaded.texts]
        if stage.screen == "usual" and (words or not stage.late_after):
            missing = ", ".join(words or ["days"])
            yield Fault(
                place, f"the stage '{code}' has no {missing}.", "Every usual stage says now, next, usual, days."
            )


def _menu_numbers(book: Book) -> Iterator[Fault]:
    for name, numbers in MENUS.items():
        if name not in book.states:
            yield Fault(book.table("menu"), f"the menu '{name}' is missing.", "Its numbers are promised (safety 21).")
            continue
        choices = book.states[name].choices["ussd"]
        spoken = (
            {choice.key for choice in book.specs[name].choices if choice.say} if name == "menu.main" else set(numbers)
        )
        for key, flow in numbers.items():
            if key not in choices or not choices[key].go.startswith(flow):
                remedy = f"{key} leads to {flow.rstrip('.')} for ever (safety 21)."
                yield Fault(book.at(name, *_choice_place(book, name, key)), f"'{key}' of '{name}' changed.", remedy)
        for key in sorted(spoken - set(numbers)):
            remedy = "Numbers of the main menu never change; put it into a menu below (safety 21)."
            yield Fault(book.at(name, *_choice_place(book, name, key)), f"'{key}' of '{name}' is new.", remedy)


def _choice_place(book: Book, name: str, key: str) -> tuple[str, ...]:
    keys = [choice.key for choice in book.specs[name].choices]
    return ("choices", str(keys.index(key))) if key in keys else ("choices",)


def _verbs(book: Book, name: str) -> Iterator[Fault]:
    spec, state = book.specs[name], book.states[name]
    lines: list[tuple[tuple[str, ...], Order]] = [(("do", str(i)), order) for i, order in enumerate(state.do)]
    for position, choice in enumerate(spec.choices):
        orders = state.choices["ussd"][choice.key].do
        lines += [(("choices", str(position), "do", str(i)), order) for i, order in enumerate(orders)]
    for place, order in lines:
        what, remedy = _wrong_order(book, order)
        if what:
            yield Fault(book.at(name, *place), what, remedy)


def _wrong_order(book: Book, order: Order) -> tuple[str, str]:
    arguments: dict[str, Any] = order.arguments
    parameters = inspect.signature(VERBS[order.verb])
    try:
        parameters.bind(None, **arguments)
    except TypeError as error:
        return f"`{order.verb}`: {error}.", f"It takes {', '.join(list(parameters.parameters)[1:]) or 'nothing'}."
    code, queue = arguments.get("code", ""), arguments.get("queue", "")
    if order.verb != "open_referral":
        return "", ""
    if code and code not in book.flows.needs:
        return f"unknown code '{code}'.", f"Known: {', '.join(CODES)}."
    if code in UNSPOKEN:
        return f"'{code}' must not be opened by a menu (safety 22).", "Staff set this code; take it out."
    if queue and queue not in QUEUES:
        return f"unknown queue '{queue}'.", f"Known: {', '.join(QUEUES)}."
    if not code and not queue:
        return "a referral without code needs a queue.", f"Known: {', '.join(QUEUES)}."
    return "", ""


def _choices(book: Book, name: str) -> Iterator[Fault]:
    choices = [choice for choice in book.specs[name].choices if choice.say]
    names = all(any(verb in NAMING for line in choice.do for verb in line) for choice in choices)
    most = MOST_NAMES if names else MOST_EXPLAINED
    if len(choices) > most:
        what = f"'{name}' shows {len(choices)} choices; a menu that explains has at most {most} (safety 24)."
        yield Fault(book.at(name, "choices", str(most)), what, "Put some into a menu below.")


def _feet(book: Book, name: str) -> Iterator[Fault]:
    """Where a number is typed, 0 and 9 are values: the foot must say 00 and 99 (safety 21)."""
    spec = book.specs[name]
    number_feet, takes_number = set(NUMBER_FEET.values()), book.states[name].number
    for position, foot in enumerate(spec.foot):
        if takes_number and foot not in number_feet:
            what, remedy = f"'{foot}' in a state that takes a number.", "Use menu_number and private_number."
        elif not takes_number and foot in number_feet:
            what, remedy = f"'{foot}' in a state that takes no number.", "Use menu and private."
        else:
            continue
        yield Fault(book.at(name, "foot", str(position)), what, remedy)
