"""Files of cases at the desk: the coordinator brings and undoes them, the others take out what they may see."""

import io

import pytest
from sqlalchemy import select

from bot.data import carrying_out
from bot.store.models import Audit, Case, ImportRun, Visit
from tests.data.conftest import OTHER, commas


@pytest.fixture
def ousmane(signed_in):
    """The coordinator."""
    return signed_in("ousmane")


@pytest.fixture
def work(database, services, hands):
    def work():
        more = {"settings": services.settings, "ciphers": services.ciphers, "now": hands}
        while carrying_out.next_due(database, **more) is not None:
            pass

    return work


MEANT = {
    "column-case_number": "Numéro de dossier", "column-name": "Nom et prénom", "column-sex": "Sexe",
    "column-phone": "Téléphone", "column-language": "Langue", "column-region": "Région",
    "column-department": "Département", "column-office": "Bureau", "column-stage": "Étape",
    "column-opened_on": "Date d'ouverture", "column-stage_since": "Depuis le", "fixed-partner": "Taagazt",
    "theirs-stage": "Attente de formation", "ours-stage": "TRAINING", "then": "check",
}  # fmt: skip


def bring(reader, content, name="cases.csv", **fields):
    token = reader.token("/desk/data")
    data = {"csrf_token": token, "bring-file": (io.BytesIO(content), name), "bring-mapping": "", **fields}
    return reader.client.post("/desk/data/imports", data=data, content_type="multipart/form-data")


def steps(reader, page, **fields):
    return reader.client.post(page, data={"csrf_token": reader.token("/desk/data"), **fields})


def test_the_coordinator_brings_checks_imports_and_undoes(ousmane, work, database):
    page = bring(ousmane, commas({}, OTHER | {"Sexe": "?"})).headers["Location"]
    seen = ousmane.reads(page)
    assert "Numéro de dossier" in seen
    assert "Attente de formation" in seen  # a word of the file, and what it is taken for
    assert steps(ousmane, f"{page}/columns", **MEANT, **{"save-name": "Agadez"}).status_code == 303
    assert "data-refresh" in ousmane.reads(page)
    work()
    seen = ousmane.reads(page)
    assert "1 nouveaux" in seen
    assert "Sexe" in seen
    assert "3" in ousmane.get(f"{page}/faults.csv").text
    assert steps(ousmane, f"{page}/order", order="running").status_code == 303
    work()
    with database.transaction() as session:
        case = session.scalars(select(Case)).one()
    assert (case.stage, case.partner) == ("TRAINING", "Taagazt")
    assert steps(ousmane, f"{page}/order", order="undoing").status_code == 303
    work()
    assert "1 dossiers comme avant" in ousmane.reads(page)
    with database.transaction() as session:
        assert session.scalars(select(Case)).all() == []
        noted = select(Audit.action).where(Audit.subject.startswith("import:")).order_by(Audit.id)
        actions = session.scalars(noted).all()
    assert actions == ["import_brought", "import_checking", "import_running", "import_undoing"]
    assert "Agadez" in ousmane.reads("/desk/data")


def test_a_file_without_a_good_line_is_not_offered_for_import(ousmane, work):
    page = bring(ousmane, commas({"Sexe": "?"})).headers["Location"]
    assert steps(ousmane, f"{page}/columns", **MEANT).status_code == 303
    work()
    seen = ousmane.reads(page)
    assert "Aucune ligne ne peut être importée." in seen
    assert 'value="running"' not in seen
    assert 'value="uploaded"' in seen


def test_a_file_of_visits_has_columns_of_its_own_and_is_undone(ousmane, files, work, database):
    page = bring(
        ousmane, b"Dossier;Jour;Moyen;Constat\n482719368;20/10/2026;visite;introuvable\n", **{"bring-holds": "visits"}
    ).headers["Location"]
    seen = ousmane.reads(page)
    assert "visites et appels" in seen
    assert "Constat" in seen
    assert "Sexe" not in seen
    sent = {"column-case_number": "Dossier", "column-day": "Jour", "column-way": "Moyen", "column-finding": "Constat"}
    steps(ousmane, f"{page}/columns", **sent, **{"save-name": "", "then": "check"})
    work()
    assert "1 nouveaux" in ousmane.reads(page)
    steps(ousmane, f"{page}/order", order="running")
    work()
    with database.transaction() as session:
        assert session.scalars(select(Visit.findings)).all() == [["not_found"]]
    steps(ousmane, f"{page}/order", order="undoing")
    work()
    assert "1 lignes comme avant" in ousmane.reads(page)
    with database.transaction() as session:
        assert session.scalars(select(Visit)).all() == []


def test_a_file_may_be_larger_than_any_other_request(ousmane, app):
    app.config["MAX_CONTENT_LENGTH"] = 256 * 1024
    many = commas(*({"Nom et prénom": "x" * 100} for _ in range(1600)))
    assert 300_000 < len(many) < 500_000
    assert bring(ousmane, many).status_code == 303


def test_nobody_else_may_send_a_large_body(moussa, visitor, app):
    app.config["MAX_CONTENT_LENGTH"] = 256 * 1024
    for reader in (moussa, visitor):
        big = {"bring-file": (io.BytesIO(b"x" * 300_000), "cases.csv")}
        answer = reader.client.post("/desk/data/imports", data=big, content_type="multipart/form-data")
        assert answer.status_code == 413


def test_what_is_no_table_is_said_under_the_field(ousmane, database):
    answer = bring(ousmane, b"PK\3\4nonsense", "liste.xlsx")
    assert answer.status_code == 422
    assert "liste.xlsx" in answer.text
    with database.transaction() as session:
        assert session.scalars(select(ImportRun)).all() == []


def test_everybody_takes_out_what_they_may_see_and_says_why(moussa, files, database):
    assert "Choisissez" not in moussa.reads("/desk/data")
    fields = {"out-kind": "csv", "out-stage": "", "out-office": "", "out-reason": ""}
    assert steps(moussa, "/desk/data/export", **fields).status_code == 422
    answer = steps(moussa, "/desk/data/export", **fields | {"out-reason": "monthly report"})
    assert answer.mimetype == "text/csv"
    assert "482719368" in answer.text
    assert "protection" not in answer.text
    assert "+227" not in answer.text
    with_phones = steps(moussa, "/desk/data/export", **fields | {"out-reason": "calls", "out-phones": "y"})
    assert "+22790006511" in with_phones.text
    book = steps(moussa, "/desk/data/export", **fields | {"out-reason": "report", "out-kind": "xlsx"})
    assert book.data.startswith(b"PK")
    with database.transaction() as session:
        assert len(session.scalars(select(Audit).where(Audit.action == "files_exported")).all()) == 3


def test_who_brings_no_files_finds_no_import(moussa, ousmane):
    page = bring(ousmane, commas({})).headers["Location"]
    for path in (page, f"{page}/faults.csv"):
        assert moussa.get(path).status_code == 404
    assert steps(moussa, f"{page}/order", order="running").status_code == 404
    assert steps(ousmane, f"{page}/order", order="nonsense").status_code == 400
    assert ousmane.get("/desk/data/imports/999").status_code == 404
