"""Files out: the cases that the reader may see, as CSV or XLSX, in the columns of an import.

Never a protection flag, a proof (the year of birth, safety 10), a code, a need or a message. Phones only for whom they are asked with a reason, and never for a
partner organisation. A cell that a spreadsheet would take for a formula is written as text.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from bot.cases.reading import COLUMNS, known
from bot.errors import CaseError
from bot.referrals.access import sees_files, visible_files
from bot.store.ciphers import Ciphers
from bot.store.models import Audit, Case, Contact, Staff

MOST_IN_A_WORKBOOK = 20_000  # lines; more take too long to write while somebody waits: CSV has no such limit
AT_ONCE = 1000
FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NEVER = frozenset({"vulnerability_flag", "year_of_birth"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants out: all that they may see, or of one office or stage; `reason` is kept."""

    reason: str
    phones: bool = False
    office: str = ""
    stage: str = ""


def columns(staff: Staff, wish: Wish) -> tuple[str, ...]:
    """What stands in the file of this person."""
    phones = wish.phones and staff.role != "partner"
    return tuple(name for name in COLUMNS if name not in _NEVER and (phones or not name.startswith("phone")))


def prepare(session: Session, staff: Staff, wish: Wish, *, workbook: bool, at: datetime) -> int:
    """Note who takes what out, and why; the number of lines. Raises CaseError `not_found`, `too_many`."""
    if not sees_files(staff):
        raise CaseError("not_found")
    lines = session.scalars(select(func.count()).select_from(Case).where(*_rules(staff, wish))).one()
    if workbook and lines > MOST_IN_A_WORKBOOK:
        raise CaseError("too_many")
    detail = {"reason": wish.reason, "lines": lines, "phones": "phone" in columns(staff, wish)}
    session.add(Audit(staff_id=staff.id, at=at, action="files_exported", subject=f"staff:{staff.id}", detail=detail))
    return lines


def lines(session: Session, staff: Staff, wish: Wish, *, ciphers: Ciphers) -> Iterator[list[str]]:
    """The names of the columns, then case by case; read in pieces, so that a hundred thousand need little memory."""
    names = columns(staff, wish)
    yield list(names)
    fields = [next(iter(known([name]))) for name in names if name != "phone"]
    wanted = (
        select(*(getattr(Case, name) for name in fields), Contact.digest, Contact.number_enc)
        .outerjoin(Contact, Contact.id == Case.contact_id)
        .where(*_rules(staff, wish))
        .order_by(Case.number)
    )
    for row in session.execute(wanted.execution_options(yield_per=AT_ONCE)).mappings():
        values = {name: _written(row[field]) for name, field in zip(_but_phone(names), fields, strict=True)}
        if "phone" in names:
            place = f"contacts|{row['digest']}|number".encode()
            values["phone"] = ciphers.decrypt(row["number_enc"], place).decode() if row["digest"] else ""
        yield [guarded(values[name]) for name in names]


def as_csv(rows: Iterator[list[str]]) -> Iterator[bytes]:
    """With the mark by which a spreadsheet knows UTF-8."""
    kept = io.StringIO()
    kept.write("\ufeff")
    writer = csv.writer(kept)
    for row in rows:
        writer.writerow(row)
        if kept.tell() > 64_000:
            yield kept.getvalue().encode()
            kept.seek(0)
            kept.truncate()
    yield kept.getvalue().encode()


def as_workbook(rows: Iterator[list[str]]) -> bytes:
    """XLSX; every cell is text, so that no number loses its zeros."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("cases")
    for row in rows:
        sheet.append([_text_cell(sheet, value) for value in row])
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def guarded(cell: str) -> str:
    """No cell is a formula; a phone may keep its plus, for nothing but digits follows."""
    if not cell.startswith(FORMULA) or (cell[0] == "+" and cell[1:].isascii() and cell[1:].isdigit()):
        return cell
    return f"'{cell}"


def _rules(staff: Staff, wish: Wish) -> list[ColumnElement[bool]]:
    rules = [visible_files(staff)]
    if wish.office:
        rules.append(Case.office == wish.office)
    if wish.stage:
        rules.append(Case.stage == wish.stage)
    return rules


def _but_phone(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if name != "phone"]


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _text_cell(sheet: object, value: str) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, value)
    cell.data_type = "s"
    return cell
