"""Case files as operators have them: good, bad, changed, twice."""

import csv
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.cases.development import INVENTED
from bot.cases.importing import Source, apply, plan
from bot.cases.reading import COLUMNS
from bot.data.sheets import SheetError
from bot.store.models import Case, Contact, StageChange

TODAY = date(2026, 11, 21)
GOOD = {
    "case_number": "482719368", "name": "Salifou Mai-Dawa", "sex": "M", "phone": "+22790001234", "phone_shared": "no",
    "language": "fr", "region": "Tahoua", "department": "Tahoua", "office": "Tahoua", "partner": "Taagazt",
    "project_type": "individual", "training_type": "business_management", "assistance_type": "grocery",
    "stage": "TRAINING_WAIT", "resume_stage": "", "opened_on": "2026-08-17", "stage_since": "2026-10-26",
    "next_appointment": "2026-11-30", "appointment_place": "Tahoua", "year_of_birth": "1991",
    "vulnerability_flag": "none",
}  # fmt: skip
OTHER = {"case_number": "502719485", "phone": "+22790002705"}


def write(path: Path, *rows: dict[str, str], columns=COLUMNS, encoding="utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(GOOD | row for row in rows)
    return path


@pytest.fixture
def run(database, ciphers, tmp_path):
    def run(*rows, **options):
        file = write(tmp_path / "cases.csv", *rows)
        return apply(Source(file, today=TODAY), database, ciphers=ciphers, **options)

    return run


@pytest.fixture
def stored(database):
    def stored(number=GOOD["case_number"]):
        with database.transaction() as session:
            return session.scalars(select(Case).where(Case.number == number)).one_or_none()

    return stored


def test_the_invented_file_is_good_and_a_second_import_changes_nothing(database, ciphers):
    source = Source(INVENTED, today=TODAY)
    first = apply(source, database, ciphers=ciphers)
    assert (first.added, first.faults) == (202, [])
    again = apply(source, database, ciphers=ciphers)
    assert (again.added, again.changes, again.unchanged) == (0, [], 202)


def test_a_dry_run_says_the_same_and_writes_nothing(database, ciphers, stored):
    with database.transaction() as session:
        report = plan(Source(INVENTED, today=TODAY), session, ciphers=ciphers)
    assert report.added == 202
    assert not report.applied
    assert stored() is None


def test_the_number_is_stored_once_and_encrypted(run, database, ciphers, stored):
    run({})
    with database.transaction() as session:
        contact = session.get(Contact, stored().contact_id)
        assert b"90001234" not in contact.number_enc
        place = f"contacts|{contact.digest}|number".encode()
        assert ciphers.decrypt(contact.number_enc, place) == b"+22790001234"
        assert contact.digest == ciphers.address("+22790001234").digest


def test_a_changed_line_says_what_it_changes_and_who_moved_the_stage(run, database, stored):
    run({}, OTHER)
    report = run({"stage": "TRAINING", "stage_since": "2026-11-20", "phone": "+22790001235"}, OTHER)
    assert [(c.line, set(c.columns)) for c in report.changes] == [
        (2, {"stage TRAINING_WAIT to TRAINING", "stage_since", "phone"})
    ]
    assert report.unchanged == 1
    assert stored().stage == "TRAINING"
    with database.transaction() as session:
        change = session.scalars(select(StageChange)).one()
    assert (change.by, change.from_stage, change.to_stage) == ("import:cases.csv", "TRAINING_WAIT", "TRAINING")


def test_what_is_finalised_before_183_days_is_left_to_a_coordinator(run, database, stored):
    open_, late = {"opened_on": "2026-05-20"}, {"stage": "FINALISED", "stage_since": "2026-11-18"}
    early = open_ | late  # the 182nd day
    assert [(fault.line, fault.column) for fault in run(early).faults] == [(2, "stage")]
    assert stored() is None
    run(open_)
    assert [(fault.line, fault.column) for fault in run(early).faults] == [(2, "stage")]
    assert stored().stage == "TRAINING_WAIT"
    with database.transaction() as session:
        session.scalars(select(Case)).one().stage = "FINALISED"  # at the desk, with a sentence why
    assert run(early).faults == []
    assert run(OTHER | late | {"opened_on": "2026-05-19"}).added == 1


def test_a_changed_line_keeps_the_code(run, database, ciphers, stored):
    run({})
    with database.transaction() as session:
        session.scalars(select(Case)).one().code_hmac = ciphers.code("case|482719368", "7306")
    run({"name": "Salifou Other"})
    assert stored().code_hmac == ciphers.code("case|482719368", "7306")


@pytest.mark.parametrize(
    ("change", "column", "reason"),
    [
        ({"case_number": "482719367"}, "case_number", "check digit"),
        ({"case_number": "48271936"}, "case_number", "9 digits"),
        ({"case_number": ""}, "case_number", "is empty"),
        ({"phone": "12"}, "phone", "not a mobile number"),
        ({"phone": "+22720202020"}, "phone", "not a mobile number"),
        ({"stage": "READY"}, "stage", "unknown"),
        ({"resume_stage": "ON_HOLD"}, "resume_stage", "unknown"),
        ({"stage": "ON_HOLD"}, "resume_stage", "needs the stage"),
        ({"language": "de"}, "language", "unknown"),
        ({"language": ""}, "language", "is empty"),
        ({"year_of_birth": "91"}, "year_of_birth", "not a year"),
        ({"year_of_birth": "2031"}, "year_of_birth", "not a year"),
        ({"phone_shared": "maybe"}, "phone_shared", "unknown"),
        ({"sex": "X"}, "sex", "unknown"),
        ({"opened_on": "17/08/2026"}, "opened_on", "not a day"),
        ({"opened_on": "20260817"}, "opened_on", "not a day"),
        ({"stage_since": "2026-02-30"}, "stage_since", "not a day"),
        ({"stage_since": "2026-08-01"}, "stage_since", "before opened_on"),
        ({"stage_since": "2026-12-01"}, "stage_since", "future"),
        ({"name": ""}, "name", "is empty"),
        ({"name": "a\x07b"}, "name", "can't be shown"),
        ({"name": "x" * 300}, "name", "longer"),
        ({"vulnerability_flag": "yes"}, "vulnerability_flag", "unknown"),
        ({"project_type": "other"}, "project_type", "unknown"),
    ],
)
def test_a_bad_line_is_named_and_the_good_one_goes_on(run, stored, change, column, reason):
    report = run(change, OTHER)
    assert [(f.line, f.column) for f in report.faults] == [(2, column)]
    assert reason in report.faults[0].reason
    assert report.added == 1
    assert stored() is None
    assert stored("502719485") is not None


def test_every_fault_of_a_line_is_named(run):
    report = run({"sex": "X", "phone": "1", "stage": "no"})
    assert {f.column for f in report.faults} == {"sex", "phone", "stage"}
    assert report.bad_lines == 1


def test_strict_writes_nothing_while_one_line_is_bad(run, stored):
    report = run({"sex": "X"}, OTHER, strict=True)
    assert not report.applied
    assert report.bad_lines == 1
    assert stored("502719485") is None


def test_repeats_inside_the_file_are_bad(run):
    report = run({}, {"name": "Again"}, OTHER | {"phone": "+22790001234"})
    assert [(f.line, f.column) for f in report.faults] == [(3, "case_number"), (4, "phone")]
    assert "line 2" in report.faults[0].reason


def test_a_shared_phone_may_stand_on_several_lines(run, stored):
    report = run({"phone_shared": "yes"}, OTHER | {"phone": "+22790001234", "phone_shared": "yes"})
    assert report.faults == []
    assert stored().contact_id == stored("502719485").contact_id


def test_missing_columns_and_an_empty_file_are_refused(database, ciphers, tmp_path):
    lean = write(tmp_path / "lean.csv", {}, columns=[c for c in COLUMNS if c not in {"sex", "stage"}])
    with pytest.raises(SheetError, match="missing: sex, stage"):
        apply(Source(lean, today=TODAY), database, ciphers=ciphers)
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    with pytest.raises(SheetError, match="empty"):
        apply(Source(empty, today=TODAY), database, ciphers=ciphers)


def test_other_encodings_are_named(database, ciphers, tmp_path):
    latin = write(tmp_path / "latin.csv", {"name": "Aïcha"}, OTHER, encoding="latin-1")
    report = apply(Source(latin, today=TODAY), database, ciphers=ciphers)
    assert [(f.line, f.column) for f in report.faults] == [(2, "")]
    assert "UTF-8" in report.faults[0].reason
    assert report.added == 1
    wide = write(tmp_path / "wide.csv", {}, encoding="utf-16")
    with pytest.raises(SheetError, match="UTF-16"):
        apply(Source(wide, today=TODAY), database, ciphers=ciphers)


def test_a_spreadsheets_mark_and_semicolons_are_understood(database, ciphers, tmp_path):
    file = write(tmp_path / "cases.csv", {})
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b",", b";"))
    assert apply(Source(file, today=TODAY), database, ciphers=ciphers).added == 1


def test_short_lines_and_open_quotes_are_named(database, ciphers, tmp_path):
    file = write(tmp_path / "cases.csv", {})
    with file.open("a", encoding="utf-8") as stream:
        stream.write("502719485,Short\n")
        stream.write('116275678,"Never closed,M\n')
    report = apply(Source(file, today=TODAY), database, ciphers=ciphers)
    assert report.added == 1
    assert [f.line for f in report.faults] == [3, 4]


def test_progress_is_told_batch_by_batch(database, ciphers):
    heard = []
    apply(
        Source(INVENTED, today=TODAY), database, ciphers=ciphers, progress=lambda _, report: heard.append(report.lines)
    )
    assert heard == [202]
