"""What leaves as a file: by who asks, never protection content, never a formula."""

import csv
import io

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from bot.data import exports
from bot.data.exports import Wish
from bot.errors import CaseError
from bot.store.models import Audit, Case, Staff

from .conftest import NOON, OTHER, commas, numbers

WISH = Wish("monthly report", phones=True)


@pytest.fixture
def cases(imported, database):
    third = next(numbers(1))
    imported(
        commas(
            {"Partenaire": "Taagazt"},
            OTHER | {"Partenaire": "", "Nom et prénom": "=HYPERLINK(1)", "Bureau": "Zinder"},
            {"Numéro de dossier": third, "Téléphone": "", "Nom et prénom": "+1-1", "Partenaire": "Ondes"},
        )
    )
    with database.transaction() as session:
        session.scalars(select(Case).where(Case.number == "482719368")).one().vulnerability = "protection"


def out(database, ciphers, staff, wish=WISH):
    with database.transaction() as session:
        return list(exports.lines(session, staff, wish, ciphers=ciphers))


def somebody(role, **fields):
    return Staff(**({"id": 1, "role": role, "active": True, "offices": [], "partner": "", "queues": []} | fields))


def test_an_export_holds_no_flag_and_no_formula_and_can_be_read_again(cases, database, ciphers, mariama):
    rows = out(database, ciphers, mariama)
    assert {"vulnerability_flag", "year_of_birth"}.isdisjoint(rows[0])
    assert not any("protection" in cell for row in rows for cell in row)
    name = rows[0].index("name")
    assert sorted(row[name] for row in rows[1:]) == ["'+1-1", "'=HYPERLINK(1)", "Salifou Mai-Dawa"]
    assert {row[rows[0].index("phone")] for row in rows[1:]} == {"+22790001234", "+22790002705", ""}
    told = list(csv.reader(io.StringIO(b"".join(exports.as_csv(iter(rows))).decode("utf-8-sig"))))
    assert told == rows


def test_a_workbook_holds_text_alone(cases, database, ciphers, mariama):
    packed = exports.as_workbook(iter(out(database, ciphers, mariama)))
    sheet = load_workbook(io.BytesIO(packed)).active
    assert "f" not in {cell.data_type for row in sheet.iter_rows() for cell in row}
    assert not any(isinstance(cell.value, int | float) for row in sheet.iter_rows() for cell in row)


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        (somebody("partner", partner="Taagazt"), {"482719368"}),
        (somebody("assistant", offices=["Zinder"]), {"502719485"}),
        (somebody("partner"), set()),
        (somebody("coordinator"), {"482719368", "502719485", next(numbers(1))}),
    ],
    ids=lambda one: getattr(one, "role", ""),
)
def test_everybody_takes_out_what_they_may_see(cases, database, ciphers, who, seen):
    rows = out(database, ciphers, who)
    assert {row[0] for row in rows[1:]} == seen
    assert ("phone" in rows[0]) == (who.role != "partner")


def test_phones_leave_only_where_they_are_asked_for(cases, database, ciphers, mariama):
    assert "phone" not in out(database, ciphers, mariama, Wish("report"))[0]


def test_who_takes_what_out_and_why_is_kept(cases, database, mariama):
    with database.transaction() as session:
        assert exports.prepare(session, mariama, WISH, workbook=False, at=NOON) == 3
    with database.transaction() as session:
        found = session.scalars(select(Audit).where(Audit.action == "files_exported")).one()
        assert found.detail == {"reason": "monthly report", "lines": 3, "phones": True}
        assert found.staff_id == mariama.id
        for role in ("admin", "psea_focal"):
            with pytest.raises(CaseError, match="not_found"):
                exports.prepare(session, somebody(role), WISH, workbook=False, at=NOON)


def test_a_workbook_of_too_many_lines_is_refused(cases, database, mariama, monkeypatch):
    monkeypatch.setattr(exports, "MOST_IN_A_WORKBOOK", 2)
    with database.transaction() as session, pytest.raises(CaseError, match="too_many"):
        exports.prepare(session, mariama, WISH, workbook=True, at=NOON)
