"""Tables as people save them, CSV and XLSX: headings, then one line at a time, so that a large file needs little memory."""

import _csv
import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, islice
from typing import BinaryIO

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from bot.errors import BotError

LARGEST_UNPACKED = 600 * 2**20  # bytes of an XLSX once unpacked: 100,000 lines take about 120 MB
LARGEST_BESIDE = 100 * 2**20  # bytes of all but its tables: words and styles are held in memory as a whole
MOST_ROWS = 2**20  # what the format allows; a row may claim any number, and those before it would all be read as empty
MOST_COLUMNS = 200
MOST_IN_A_CELL = 2_000  # characters; the checks of a column ask for far fewer


class SheetError(BotError):
    """The file as a whole can't be used; `said` is a sentence with the name of the file and what else fills it."""

    def __init__(self, said: str, **values: str) -> None:
        super().__init__(said % values)
        self.said = said


# What broken XML, a broken archive and a part of the wrong kind raise, in the libraries that read them
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, EOFError, InvalidFileException, LookupError, ValueError, OSError, SyntaxError,
    RuntimeError, TypeError, AttributeError, ArithmeticError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table. `lines`: number as an editor or a spreadsheet counts it (headings are 1), and cells or why they can't be read."""

    headings: list[str]
    lines: Iterator[tuple[int, list[str] | str]]


def read(stream: BinaryIO, name: str) -> Sheet:
    """The first table of a file; `name` is only for messages. Raises SheetError."""
    start = stream.read(4)
    stream.seek(0)
    if start.startswith(b"PK\3\4"):
        return _workbook(stream, name)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or start[1:2] == b"\0":
        raise SheetError("%(name)s is UTF-16; save it as CSV UTF-8", name=name)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise SheetError("%(name)s is an old spreadsheet; save it as XLSX or as CSV UTF-8", name=name)
    return _commas(stream, name)


def _commas(stream: BinaryIO, name: str) -> Sheet:
    undecodable: set[int] = set()
    lines = _decoded(stream, undecodable)
    first = next(lines, "")
    reader = csv.reader(chain([first], lines), delimiter=_delimiter(first), strict=True)
    try:
        headings = _headings(next(reader, []), name)
    except csv.Error:
        raise SheetError("%(name)s: the quotes of its first line are not closed", name=name) from None
    return Sheet(headings, _lines(reader, undecodable))


def _lines(reader: "_csv.Reader", undecodable: set[int]) -> Iterator[tuple[int, list[str] | str]]:
    before = reader.line_num
    try:
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if undecodable and undecodable.intersection(range(line, before + 1)):
                yield line, "not UTF-8; save the file as CSV UTF-8"
            else:
                yield line, cells
    except csv.Error:
        yield reader.line_num, "quotes are not closed; the rest is not read"


def _decoded(stream: BinaryIO, undecodable: set[int]) -> Iterator[str]:
    for number, raw in enumerate(stream, start=1):
        try:
            if b"\0" in raw:  # no text has it, and no column takes it
                undecodable.add(number)
            yield raw.replace(b"\0", b"?").decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            undecodable.add(number)
            yield raw.replace(b"\0", b"?").decode("utf-8", errors="replace")


def _delimiter(head: str) -> str:
    """Spreadsheets of French computers save CSV with semicolons."""
    return max(",;\t", key=head.count)


def _workbook(stream: BinaryIO, name: str) -> Sheet:
    try:
        with zipfile.ZipFile(stream) as packed:
            parts = packed.infolist()
            beside = sum(part.file_size for part in parts if not part.filename.startswith("xl/worksheets/"))
            if sum(part.file_size for part in parts) > LARGEST_UNPACKED or beside > LARGEST_BESIDE:
                raise SheetError("%(name)s unpacks to too much; save it as CSV UTF-8", name=name)
        stream.seek(0)
        book = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        rows = book.worksheets[0].iter_rows(max_row=MOST_ROWS, max_col=MOST_COLUMNS, values_only=True)
        headings = _headings([_written(value) for value in next(rows, ())], name)
    except _UNREADABLE:
        raise SheetError(
            "%(name)s can't be read as a spreadsheet; open it, and save it as XLSX again", name=name
        ) from None
    return Sheet(headings, _rows(rows, len(headings)))


def _rows(rows: Iterator[tuple[object, ...]], width: int) -> Iterator[tuple[int, list[str] | str]]:
    line = 1
    try:
        for line, values in enumerate(rows, start=2):
            if any(value is not None for value in values):
                yield line, [_written(value) for value in islice(values, width)]
    except _UNREADABLE:
        yield line + 1, "can't be read as a spreadsheet; the rest is not read"


def _written(value: object) -> str:
    """A cell as somebody would write it in a CSV: days as 2026-11-21, whole numbers without a point."""
    match value:
        case str():
            return value[:MOST_IN_A_CELL]
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.date().isoformat()
        case date():
            return value.isoformat()
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)[:MOST_IN_A_CELL]


def _headings(cells: list[str], name: str) -> list[str]:
    headings = [cell.strip()[:MOST_IN_A_CELL] for cell in cells]
    while headings and not headings[-1]:
        headings.pop()
    if not headings:
        raise SheetError("%(name)s is empty; its first line must name the columns", name=name)
    if len(headings) > MOST_COLUMNS:
        raise SheetError("%(name)s has too many columns", name=name)
    return headings


def of_bytes(content: bytes, name: str) -> Sheet:
    """The same from memory. Raises SheetError."""
    return read(io.BytesIO(content), name)
