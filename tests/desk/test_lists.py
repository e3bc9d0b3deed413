"""Today, queues and find: ticket, level, language, hour; nothing that reads over a shoulder."""

import re

import pytest

from bot.desk.guarding import STATIC

from .conftest import EVENING, MORNING, REFUSED

LISTS = ["/desk/", "/desk/queues"]


@pytest.fixture
def busy(opened):
    """One of each, as in a morning."""
    opened("7352082", told="hadiza", text="il me cherche")
    opened("9412607", terms=MORNING, by="hadiza", caller="woman", code="THR", urgent=True, due_in=34)
    opened("4821737", terms=MORNING, by="hadiza", private=True, due_in=-12)
    opened("3594726", terms=EVENING, level="normal", language="fr")
    opened("6190454", terms=REFUSED, private=True, by="hadiza", due_in=None)
    opened("1112223", terms=MORNING, by="aicha", level="high")
    opened("6673189", level="normal", state="closed", due_in=None)


def section(page: str, name: str) -> str:
    return re.split(r"<section", page.split(f'id="{name}"')[1])[0]


def test_today_sorts_by_what_may_be_done(hadiza, busy):
    page = hadiza.reads("/desk/")
    assert re.findall(r"\d{3}-\d{4}(?=</a>)", section(page, "unanswered")) == ["735-2082"]
    assert "encore 8 min" in section(page, "unanswered")
    assert "Ensuite, l’alerte va à Aïcha." in section(page, "unanswered")
    assert re.findall(r"figure\">(\d{3}-\d{4})", section(page, "call-now")) == ["482-1737", "941-2607"]
    assert re.findall(r"figure\">(\d{3}-\d{4})", section(page, "later")) == ["359-4726"]
    assert re.findall(r"figure\">(\d{3}-\d{4})", section(page, "leave")) == ["619-0454"]
    assert "111-2223" not in page  # a colleague's: under Files
    assert "667-3189" not in page


def test_due_times_are_hours_and_lateness_is_said(hadiza, busy):
    page = hadiza.reads("/desk/")
    assert "avant 09:46" in page
    assert "retard 12 min" in page


@pytest.mark.parametrize("page", LISTS)
def test_lists_hold_no_name_number_place_or_need(hadiza, busy, page):
    text = hadiza.reads(page)
    for secret in ("90006511", "90 00 65 11", "THR", "menaces", "il me cherche", "tel:", "Zinder"):
        assert secret not in text


def test_nothing_to_call_names_the_next_safe_hour(hadiza, opened):
    opened("3594726", terms=EVENING, level="high")
    assert "Prochaine heure sûre\xa0: 17:00, 1 demande." in hadiza.reads("/desk/")


def test_an_empty_day_has_a_sentence_and_a_way_on(hadiza):
    page = hadiza.reads("/desk/")
    assert "Aucune demande ouverte ne vous attend." in page
    assert "Voir les files" in page


@pytest.mark.parametrize(
    ("query", "tickets"),
    [
        ("", ["482-1737", "619-0454", "735-2082", "941-2607", "111-2223", "359-4726"]),
        ("?level=normal", ["359-4726"]),
        ("?level=critical", ["482-1737", "619-0454", "735-2082", "941-2607"]),
        ("?holder=others", ["111-2223"]),
        ("?holder=nobody", ["735-2082", "359-4726"]),
        ("?queue=Z", []),
        ("?level=critical&holder=nobody", ["735-2082"]),
    ],
)
def test_queues_filter(hadiza, busy, query, tickets):
    text = hadiza.reads(f"/desk/queues{query}")
    assert sorted(re.findall(r'figure"[^>]*>(\d{3}-\d{4})</a>', text)) == sorted(tickets)


@pytest.mark.parametrize("typed", ["941-2607", "9412607", " 941 2607 "])
def test_find_leads_to_the_page(hadiza, busy, typed):
    answer = hadiza.post("/desk/find", wanted=typed)
    assert answer.status_code == 302
    assert "/desk/referrals/" in answer.location
    assert "9412607" not in answer.location.replace("9412607".rjust(32, "a"), "")


@pytest.mark.parametrize("typed", ["999-9999", "", "+22790006511", "94126070", "ab"])
def test_find_has_one_answer_for_all_else(hadiza, busy, typed):
    answer = hadiza.post("/desk/find", wanted=typed)
    assert answer.status_code == 200
    assert "Aucune demande avec ce numéro." in answer.text


def test_find_takes_nothing_from_an_address(hadiza, busy):
    assert hadiza.get("/desk/find?wanted=9412607").status_code == 200


@pytest.fixture
def convoy(opened):
    """More than a page holds."""
    for number in range(100):
        opened(f"{1000000 + number}", terms=MORNING, by="hadiza" if number % 2 else None, level="high", told="hadiza")
    for number in range(15):
        opened(f"{2000000 + number}", told="hadiza")


def test_pages_stay_small_however_many_wait(hadiza, convoy):
    css = len((STATIC / "maraba.css").read_bytes()) + len((STATIC / "desk.js").read_bytes())
    for page in ("/desk/", "/desk/queues", "/desk/find", "/desk/referrals/" + "1000000".rjust(32, "a")):
        assert len(hadiza.get(page).data) + css < 100_000, page


def test_what_a_page_does_not_hold_is_counted_and_one_step_away(hadiza, convoy):
    assert "87 de plus sous Files" in hadiza.reads("/desk/")
    first, second = hadiza.reads("/desk/queues"), hadiza.reads("/desk/queues?from=70")
    assert "45 de plus" in first
    found = [re.findall(r'figure"[^>]*>(\d{3}-\d{4})</a>', page) for page in (first, second)]
    assert [len(tickets) for tickets in found] == [70, 45]
    assert not set(found[0]) & set(found[1])
    assert hadiza.reads("/desk/queues?from=abc").count("<tr>") == first.count("<tr>")


@pytest.mark.parametrize("page", [*LISTS, "/desk/find", "/desk/sign-in", "/desk/referrals/" + "b" * 32])
def test_pages_are_private_and_closed_to_foreign_code(hadiza, page):
    headers = hadiza.get(page).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe-inline" not in headers["Content-Security-Policy"]


def test_no_page_holds_inline_style_or_script(hadiza, busy):
    for page in (*LISTS, "/desk/find", "/desk/referrals/" + "9412607".rjust(32, "a")):
        text = hadiza.reads(page)
        assert not re.search(r"\sstyle=|<style|<script(?![^>]*\ssrc=)|\son\w+=", text), page


def test_the_style_sheet_needs_no_sign_in(visitor):
    answer = visitor.get("/desk/static/maraba.css")
    assert answer.status_code == 200
    assert "--laterite" in answer.text
    assert "no-store" not in answer.headers["Cache-Control"]
    answer.close()


@pytest.mark.parametrize("page", [*LISTS, "/desk/find", "/desk/referrals/" + "9412607".rjust(32, "a")])
def test_pages_have_one_heading_landmarks_and_labels(hadiza, busy, page):
    text = hadiza.reads(page)
    assert len(re.findall("<h1", text)) == 1
    assert 'href="#main"' in text
    assert 'id="main"' in text
    assert re.search('<html lang="fr">', text)
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    fields = re.findall(r'<(?:input|select|textarea)(?![^>]*type="(?:hidden|radio)")[^>]*\sid="([^"]+)"', text)
    for field in fields:
        assert f'for="{field}"' in text, field
    assert "await review" in text or "attendent une relecture" in text


def test_english_by_a_switch(hadiza, busy):
    assert hadiza.post("/desk/language", language="en", next="/desk/queues").location == "/desk/queues"
    text = hadiza.reads("/desk/")
    assert "To call now" in text
    assert '<html lang="en">' in text
    assert "Appeler" not in text
    hadiza.post("/desk/language", language="xx")
    assert "To call now" in hadiza.reads("/desk/")


def test_a_database_that_is_away_is_said_in_words(hadiza, app, services):
    from bot.store.database import Database

    away = Database("postgresql+psycopg://nobody@127.0.0.1:1/none", connect_timeout=1)
    services.database = away
    answer = hadiza.get("/desk/")
    away.close()
    assert answer.status_code == 503
    assert "Le bureau ne peut pas lire ses données" in answer.text
