"""The files beside the conversations that say when we write: flows/calendar.yaml, flows/checkins.yaml."""

from collections.abc import Iterator
from itertools import pairwise

from bot.content.calendar import CalendarSpec
from bot.content.check_ins import CheckInsSpec
from bot.content.checking.book import Book, Fault
from bot.errors import FlowError


def calendar_faults(book: Book) -> Iterator[Fault]:
    """What makes them unreadable, and years of Ramadan that stand twice or out of order."""
    try:
        book.loaded.sources["checkins"].parse(CheckInsSpec)
        spec: CalendarSpec = book.loaded.sources["calendar"].parse(CalendarSpec)
    except FlowError as error:
        yield from (Fault.of(line) for line in str(error).splitlines())
        return
    dates = spec.ramadan.dates
    for number, (one, following) in enumerate(pairwise(dates), start=1):
        if following.first <= one.last:
            place = book.table("calendar", "ramadan", "dates", str(number))
            yield Fault(place, "this Ramadan begins before the one above it ends.", "Write them in the order of time.")
