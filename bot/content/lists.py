"""The lines of a list on a small screen: a label is cut where the screen is full, and two never read the same."""

from bot.text.gsm7 import is_gsm7, septets, utf16_units

LEAST = 16  # letters that every label has on every screen: a weekday and a date are whole (`maraba check`)
SHORTEST = 4  # below that nothing is cut any more


def lines(labels: dict[str, str], room: int, *, between: str = "\n") -> str:
    """`1 Assamaka`, `2 Filingue` … in at most `room` letters, each label as long as there is room for."""
    longest = max(map(len, labels.values()), default=0)
    text = _joined(labels, between)
    while measure(text) > room and longest > SHORTEST:
        longest -= 1
        text = _joined(_cut(labels, longest), between)
    return text


def measure(text: str) -> int:
    """Letters as the network counts them."""
    return septets(text) if is_gsm7(text) else utf16_units(text)


def _joined(labels: dict[str, str], between: str) -> str:
    return between.join(f"{key} {label}" for key, label in labels.items())


def _cut(labels: dict[str, str], most: int) -> dict[str, str]:
    """At a word's end where that costs little, with a dot; where two would read the same, out of their middle."""
    short = {key: label if len(label) <= most else _at_word(label, most - 1) + "." for key, label in labels.items()}
    seen = list(short.values())
    return {
        key: text if seen.count(text) == 1 else _out_of_the_middle(labels[key], most) for key, text in short.items()
    }


def _at_word(label: str, most: int) -> str:
    word = label[: most + 1].rfind(" ")
    return (label[:word] if word * 3 >= most * 2 else label[:most]).rstrip(" ,.;:-'")


def _out_of_the_middle(label: str, most: int) -> str:
    if len(label) <= most:
        return label
    head = (most - 2 + 1) // 2
    return label[:head] + ".." + label[len(label) - (most - 2 - head) :]
