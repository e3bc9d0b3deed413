"""Choices for a channel or a message without taps: written below the text, answered with a digit."""

from bot.messages import Button


def with_choices(text: str, buttons: tuple[Button, ...]) -> str:
    """The text with each choice on a line of its own, `1 Oui`.

    The key is what a payload ends with after its colon, or a number alone; any other payload gets its position.
    A choice that the text lists already, perhaps longer than a button may be, is not repeated.
    """
    written = [line.strip() for line in text.splitlines()]
    lines = []
    for position, button in enumerate(buttons, start=1):
        key = button.payload.rpartition(":")[2]
        line = f"{key if key.isdigit() else position} {button.title}".rstrip()
        if not any(other.startswith(line) for other in written):
            lines.append(line)
    return "\n".join([text, *lines])
