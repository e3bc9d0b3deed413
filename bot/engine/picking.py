"""A list to pick from (`pick:` in a flow file): numbered, a page at a time, read as it was shown.

The list stays in the session with the question that showed it, and its page goes into the fingerprint of that
question: neither a digit nor a button of an older screen ever gets a new meaning.
"""

from bot.engine.flow import State, fingerprint

Items = tuple[tuple[str, str], ...]  # (id, label) as the look-up gave them

LAST = ""  # under this name a list that no state has shown yet
MORE = "7"  # the next page; after the last one the first again
MOST = 48  # items: nobody turns more than eight pages
QUESTION = "question"  # among the arguments of a reply: the fingerprint that its buttons carry


def pages(state: State, items: Items) -> int:
    """How many screens the list takes."""
    return max(1, -(-len(items) // state.a_page))


def shown(state: State, items: Items, page: int) -> dict[str, tuple[str, str]]:
    """What the keys of a page mean: key -> item."""
    first = page % pages(state, items) * state.a_page
    return {str(n): item for n, item in enumerate(items[first : first + state.a_page], 1)}


def question(state: State, channel: str, items: Items, page: int) -> int:
    """The fingerprint of what is asked; of a list, of this page of it."""
    asked = state.questions.get(channel, 0)
    if not state.a_page:
        return asked
    return fingerprint(str(asked), *(f"{key}={item}" for key, (item, _) in shown(state, items, page).items())) or 1


def arguments(state: State, channel: str, items: Items, page: int) -> dict[str, str]:
    """What a screen needs to show its page: a label a key, and whether there is more."""
    labels = {key: label for key, (_, label) in shown(state, items, page).items()}
    more = {MORE: ""} if pages(state, items) > 1 else {}
    return {**labels, **more, QUESTION: f"{question(state, channel, items, page):08x}"}
