"""Indicators: who counts what, and that no small number can be read or reckoned."""

import re
from datetime import timedelta
from itertools import count

import pytest

from bot.store.models import Staff

from .conftest import NOON

PAGE = "/desk/indicators"
TICKETS = count(1_000_000)
THURSDAY = NOON - timedelta(days=4)


@pytest.fixture
def came(opened):
    """So many requests came on last week's Thursday, called after so many minutes."""

    def open_many(many, *, called=30.0, at=THURSDAY, **more):
        ago = (NOON - at).total_seconds() / 60
        for _ in range(many):
            first = at + timedelta(minutes=called) if called else None
            opened(str(next(TICKETS)), ago=ago, due_in=None, first_attempt_at=first, **more)

    return open_many


def rows(page):
    """The cells of the table by queue and office, by its first cell."""
    table = page.split('id="offices"')[1].split("</table>")[0] if 'id="offices"' in page else ""
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)[1:]:
        cells = [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)]
        found[re.sub(r"^[A-F] · ", "", cells[0])] = cells[1:]
    return found


@pytest.fixture
def ousmane(signed_in):
    return signed_in("ousmane")


@pytest.mark.parametrize("login", ["moussa", "adamou"])
def test_others_find_no_such_page(signed_in, login):
    reader = signed_in(login)
    assert reader.get(PAGE).status_code == 404
    assert PAGE not in reader.reads("/desk/")


def test_the_sentence_tells_the_last_whole_week(ousmane, came):
    came(6, called=34)
    came(20, called=3, at=NOON)  # this week still runs
    page = ousmane.reads(PAGE)
    assert "S47\xa0: la moitié des demandes critiques a eu un premier appel en 34 min ou moins" in page
    assert "La limite de 60 min est tenue." in page
    assert rows(page)["sans bureau"][0] == "6"


def test_late_is_said(ousmane, came):
    came(4, called=20)
    came(4, called=200)
    came(4, called=300)
    assert "a attendu plus de 3 h un premier appel" in ousmane.reads(PAGE)


def test_under_five_there_is_no_figure_at_all(ousmane, came):
    came(4, called=31, office="Zinder")
    page = ousmane.reads(PAGE)
    assert rows(page) == {}
    assert "31 min" not in page
    assert "Moins de 5 partout" in page


def test_a_small_office_hides_another_with_it(ousmane, came):
    for back in range(12):
        came(5, office="Zinder", at=THURSDAY - timedelta(weeks=back))
    came(7, office="Tahoua")
    came(3, office="Agadez")
    found = rows(ousmane.reads(PAGE))
    assert found["Zinder"][0] == "60"
    assert found["Tahoua"] == ["masqué"] * 6
    assert "Agadez" not in found  # the weeks make 70; less 60, the 10 that are left may be shared out in many ways


def test_a_share_hides_the_few_that_are_left(ousmane, came):
    ends = {"state": "closed", "closed_at": NOON, "solved": True}
    came(10, office="Zinder", outcome="helped", **ends)
    came(2, office="Zinder", outcome="not_reached", **ends)
    came(12, office="Tahoua", outcome="advised", **ends)
    found = rows(ousmane.reads(PAGE))
    assert found["Zinder"][-2:] == ["masqué", "100\xa0%"]
    assert found["Tahoua"][-2:] == ["100\xa0%", "100\xa0%"]


def test_private_talks_are_told_without_what_is_left(ousmane, came):
    came(6, private=True)
    came(2)
    assert "S47 masqué" in ousmane.reads(PAGE)  # 8 of the week less 6 would tell of 2
    came(3)
    assert "S47 6" in ousmane.reads(PAGE)


def test_sealed_requests_are_one_count_a_month_and_in_no_other(ousmane, zeinabou, hadiza, came):
    came(6, queue="sealed", private=True, at=NOON - timedelta(days=40))
    came(4, queue="sealed", at=NOON - timedelta(days=80))
    for reader in (ousmane, zeinabou):
        page = reader.reads(PAGE)
        assert re.search(r"octobre 2026</dt><dd>6<", page)
        assert re.search(r"septembre 2026</dt><dd>moins de 5<", page)
        assert rows(page) == {}
        assert "S42 masqué" in page or reader is zeinabou
    assert "scellées" not in hadiza.reads(PAGE)


def test_everybody_counts_their_own_queues_alone(hadiza, came):
    came(6, office="Zinder")
    came(9, office="Zinder", queue="gbv", code="GBV")
    came(9, office="Zinder", queue="protection", code="GBV")
    found = rows(hadiza.reads(PAGE))
    assert found["Zinder"][0] == "6"


def test_complaints_about_her_office_are_not_hers_to_count(database, cast, came, signed_in):
    with database.transaction() as session:
        session.get_one(Staff, cast["ousmane"]).offices = ["Zinder"]
    came(8, queue="complaints", code="FRA", office="Zinder")
    came(7, queue="assistance", code="KIT", office="Zinder")
    assert [cells[0] for cells in rows(signed_in("ousmane").reads(PAGE)).values()] == ["7"]
