"""Cut a long text into the screens of a USSD menu."""

from bot.text.gsm7 import is_gsm7, utf16_units
from bot.text.gsm7 import septets as count_septets

MOST_SCREENS = 5
PREFIX = 4  # "CON " or "END ", the same in both encodings


class TextTooLong(ValueError):
    """The text needs more than five screens: nobody reads that far before the network hangs up."""


def ussd_pages(text: str, *, more: str, septets: int = 160) -> list[str]:
    """Cut folded text into screens, at line ends where the page is then half full, else at word ends.

    "CON "/"END " and the `more` line count, extension characters count 2 (3GPP TS 23.038). Every page but
    the last ends with a line break and `more`. Only blanks at a cut are lost. Text outside GSM-7 is
    measured in UTF-16 units against 7/16 of `septets` (70 of 160). Raises TextTooLong past five screens,
    ValueError where `more` leaves no room.
    """
    gsm7 = is_gsm7(text) and is_gsm7(more)
    measure = count_septets if gsm7 else utf16_units
    room = (septets if gsm7 else septets * 7 // 16) - PREFIX
    tail = "\n" + more
    room_with_tail = room - measure(tail)
    if room_with_tail < 2:
        raise ValueError(f"no room for text beside the line that says more: {room} units in all")
    if measure(text) > room:
        text = text.strip()  # else a tail of blanks would make a screen of its own
    pages: list[str] = []
    while measure(text) > room:
        cut = _cut(text, _fitting(text, room_with_tail, gsm7=gsm7))
        pages.append(text[:cut].rstrip() + tail)
        text = text[cut:].lstrip()
        if len(pages) == MOST_SCREENS:
            raise TextTooLong(f"more than {MOST_SCREENS} screens of {septets} septets")
    return [*pages, text]


def _fitting(text: str, room: int, *, gsm7: bool) -> int:
    """How many characters from the start fit into `room` units."""
    measure = count_septets if gsm7 else utf16_units
    end = min(room, len(text))
    while measure(text[:end]) > room:
        end -= 1
    return end


def _cut(text: str, end: int) -> int:
    """The best place to cut at or before `end`: after a line, after a word, else right there."""
    window = text[: end + 1]  # a blank just past the last fitting character is a fine place too
    line = window.rfind("\n")
    if line * 2 >= end and line > 0:
        return line
    word = max(line, window.rfind(" "))
    return word if word > 0 else end
