"""Files that are broken, or made to break whoever reads them: each ends in a sentence, soon."""

import io
import re
import zipfile

import pytest

from bot.data import sheets
from bot.data.sheets import SheetError

from .conftest import OTHER, commas, workbook

TABLE = "xl/worksheets/sheet1.xml"


def changed(part, change, *, compress=zipfile.ZIP_DEFLATED):
    """A good workbook with one part changed, or added."""
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook({}, {}))) as before, zipfile.ZipFile(kept, "w", compress) as after:
        parts = {one: before.read(one) for one in before.namelist()}
        parts[part] = change(parts.get(part, b""))
        for one, content in parts.items():
            after.writestr(one, content)
    return kept.getvalue()


def test_a_row_that_claims_any_number_ends_soon():
    far = changed(TABLE, lambda xml: re.sub(rb'<row r="3"', b'<row r="99999999999"', xml))
    assert far != workbook({}, {})
    assert len(list(sheets.of_bytes(far, "far.xlsx").lines)) == 1


def test_a_table_that_says_it_is_smaller_is_read_to_its_end():
    small = changed(TABLE, lambda xml: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:B2"', xml))
    assert len(list(sheets.of_bytes(small, "small.xlsx").lines)) == 2


@pytest.mark.parametrize("breaks", ["words", "stream", "kind"])
def test_what_is_broken_inside_is_told_in_a_sentence(breaks):
    if breaks == "words":
        file = changed("xl/sharedStrings.xml", lambda _: b" " * (sheets.LARGEST_BESIDE + 1))
    elif breaks == "kind":
        file = changed("xl/workbook.xml", lambda _: b"<workbook xmlns='nothing'/>")
    else:
        whole = bytearray(changed(TABLE, lambda xml: xml))
        with zipfile.ZipFile(io.BytesIO(bytes(whole))) as packed:
            at = packed.getinfo(TABLE).header_offset + 30 + len(TABLE)
        whole[at : at + 40] = b"\xff" * 40
        file = bytes(whole)
    with pytest.raises(SheetError):
        sheets.of_bytes(file, "broken.xlsx")


def test_a_cell_with_a_byte_that_no_column_takes_is_a_fault_of_its_line(imported):
    run = imported(commas({"Nom et prénom": "Sali\0fou"}, OTHER))
    assert (run.state, run.added, run.bad) == ("done", 1, 1)
