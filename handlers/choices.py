"""Choices on channels: numbered below the text where nothing can be tapped; cut at a word where taps are narrow."""

from bot.messages import Button


def with_choices(text: str, buttons: tuple[Button, ...]) -> str:
    """The text with each choice on a line of its own, `1 Oui`.

    The key is what a payload ends with after its colon, or a number alone; any other payload gets its position.
    A choice that the text lists already is not repeated.
    """
    written = {line.strip() for line in text.splitlines()}
    lines = []
    for position, button in enumerate(buttons, start=1):
        key = button.payload.rpartition(":")[2]
        line = f"{key if key.isdigit() else position} {button.title}".rstrip()
        if line not in written:
            lines.append(line)
    return "\n".join([text, *lines])


def cut_at_word(title: str, most: int) -> str:
    """At most so many characters: whole words and `…`; a single word that is too long is cut itself."""
    if len(title) <= most:
        return title
    words = title.split(" ")
    while words and len(" ".join(words).rstrip(",.;: ")) >= most:
        words.pop()
    return (" ".join(words).rstrip(",.;: ") or title[: most - 1]) + "…"
