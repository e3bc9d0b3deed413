"""The page of milestones: whose files it counts, and that it names nobody."""

import re
from datetime import date

import pytest

from bot.cases import milestones
from bot.store.models import Case, Staff, StageChange

from .conftest import NOON

PAGE = "/desk/milestones"


@pytest.fixture
def finalised(database):
    numbers = iter(range(1, 10_000))

    def put(many, **fields):
        usual = {
            "office": "Zinder",
            "region": "Zinder",
            "partner": "Taagazt",
            "project_type": "individual",
            "stage_since": date(2026, 10, 5),
        }
        with database.transaction() as session:
            for _ in range(many):
                case = Case(
                    number=f"{next(numbers):09d}", name="Salifou Garba", sex="M", language="ha", department="", stage="FINALISED",
                    opened_on=date(2026, 1, 5), **usual | fields,
                )  # fmt: skip
                session.add(case)
                session.flush()
                move = {"by": "staff:1", "from_stage": "REGISTERED", "to_stage": "ELIGIBILITY"}
                session.add(StageChange(case_id=case.id, at=NOON, **move))
        milestones.count_stage_times(database, zone="Africa/Niamey")

    return put


def plain(page):
    text = re.sub(r"<[^>]+>", " ", page.split("<main")[1].split("<footer")[0])
    return re.sub(r"\s+", " ", text.replace("\xa0", " "))


@pytest.mark.parametrize(
    ("login", "status"), [("ousmane", 200), ("moussa", 200), ("hadiza", 200), ("adamou", 404), ("zeinabou", 404)]
)
def test_those_who_read_files_count_them(signed_in, login, status):
    reader = signed_in(login)
    assert reader.get(PAGE).status_code == status
    if status == 200:
        assert "Aucun dossier n’est achevé encore" in plain(reader.reads(PAGE))


def test_the_page_counts_and_names_nobody(signed_in, finalised):
    finalised(12)
    finalised(6, office="Tahoua", region="Tahoua", partner="Ondes Apil", project_type="collective")
    finalised(2, office="Tahoua", region="Tahoua")
    page = plain(signed_in("ousmane").reads(PAGE))
    assert "20 achevés encore 980 jusqu’à 1 000" in page
    assert "Zinder 12" in page
    assert "Tahoua 8" in page
    assert "Ondes Apil projet collectif 6" in page
    assert "Salifou" not in page
    assert "9 sur 10 en" in page
    tahoua = plain(signed_in("ousmane").reads(f"{PAGE}?office=Tahoua&year=2026"))
    assert "Taagazt projet individuel masqué" in tahoua
    assert "Ondes Apil projet collectif masqué" in tahoua  # the total would tell the other one


def test_each_reader_counts_their_own_offices(signed_in, finalised, database, cast):
    finalised(12)
    finalised(6, office="Tahoua", region="Tahoua")
    with database.transaction() as session:
        session.get_one(Staff, cast["moussa"]).offices = ["Tahoua"]
    moussa = signed_in("moussa")
    for path in (PAGE, f"{PAGE}?office=Zinder", f"{PAGE}?year=x"):
        page = plain(moussa.reads(path))
        assert "6 achevés" in page
        assert "Zinder" not in page


def test_an_empty_filter_leads_back(signed_in, finalised):
    finalised(5)
    finalised(5, stage_since=date(2025, 3, 3), office="Tahoua")
    page = signed_in("ousmane").reads(f"{PAGE}?year=2025&office=Zinder")
    assert "Aucun dossier n’y a été achevé" in plain(page)
