"""What `maraba check` refuses in flows/ and locales/, each with file, line and remedy. Source: docs/safety.md."""

from pathlib import Path

from bot.content.checking.book import Book, Fault
from bot.content.checking.calendar import calendar_faults
from bot.content.checking.channels import channel_faults
from bot.content.checking.data import data_faults
from bot.content.checking.elsewhere import elsewhere_faults
from bot.content.checking.graph import graph_faults
from bot.content.checking.process import process_faults
from bot.content.checking.sentences import sentence_faults
from bot.content.checking.tables import table_faults
from bot.content.checking.words import word_faults
from bot.content.screens import Constants
from bot.errors import FlowError

__all__ = ["Fault", "check"]


def check(root: Path, constants: Constants) -> list[Fault]:
    """Every fault of flows/ and locales/ below `root`, by place; [] when the service may start.

    Files that can't be read at all hide what else is wrong: mend those first.
    """
    try:
        book = Book.read(root, constants)
    except FlowError as error:
        return [Fault.of(line) for line in str(error).splitlines()]
    checks = (
        graph_faults,
        table_faults,
        word_faults,
        channel_faults,
        elsewhere_faults,
        sentence_faults,
        calendar_faults,
        process_faults,
        data_faults,
    )
    found = [fault for faults in checks for fault in faults(book)]
    return sorted(dict.fromkeys(found), key=lambda fault: fault.order)
