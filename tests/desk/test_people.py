"""Find, file and phone: found without an address telling, seen by role, helped only with two proofs."""

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from bot.cases.lookups import Lookups
from bot.store.models import Audit, Case, Contact, OptOut, Staff
from bot.stores.clients import store_client

from .conftest import MARIAMA, MORNING, SALIFOU, untokened


@pytest.fixture
def somebody(database, signed_in, password_hash):
    """Sign in as a new colleague of a role."""

    def sign_in(role, **fields):
        with database.transaction() as session:
            session.add(
                Staff(login=f"x-{role}".replace("_", "-"), name="X", role=role, password_hash=password_hash,
                      language="fr", **fields)
            )  # fmt: skip
        return signed_in(f"x-{role}".replace("_", "-"))

    return sign_in


def names(page):
    return re.findall(r'class="name" href="[^"]+">([^<]+)', page)


def actions(database):
    with database.transaction() as session:
        return [one.action for one in session.scalars(select(Audit).order_by(Audit.id))]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("garba", ["Mariama Garba", "Salifou Gàrba"]),
        ("GARBA sal", ["Salifou Gàrba"]),
        ("Gàrba", ["Mariama Garba", "Salifou Gàrba"]),
        ("ga%", []),
        ("ga", []),
    ],
)
def test_names_are_found_by_their_words_in_any_order_and_spelling(moussa, files, typed, found):
    page = moussa.post("/desk/find", wanted=typed)
    assert names(page.text) == found


@pytest.mark.parametrize("typed", ["482-719-368", "N482719368", " 482 719 368 "])
def test_a_file_is_found_by_its_number_and_the_address_does_not_tell_it(moussa, files, typed):
    answer = moussa.post("/desk/find", wanted=typed)
    assert answer.location == f"/desk/cases/{files['salifou']}"


@pytest.mark.parametrize(
    ("role", "fields", "found"),
    [
        ("assistant", {"offices": ["Zinder"]}, ["Salifou Gàrba"]),
        ("coordinator", {"offices": ["Tahoua"]}, ["Mariama Garba"]),
        ("coordinator", {}, ["Mariama Garba", "Salifou Gàrba"]),
        ("protection", {}, ["Mariama Garba", "Salifou Gàrba"]),
        ("gbv_specialist", {"offices": ["Zinder"]}, ["Salifou Gàrba"]),
        ("partner", {"partner": "Taagazt"}, ["Salifou Gàrba"]),
        ("partner", {"partner": ""}, []),
        ("partner", {"partner": "Taagazt", "offices": ["Tahoua"]}, []),
        ("psea_focal", {}, []),
        ("complaints_officer", {}, []),
        ("community_focal", {}, []),
        ("admin", {}, []),
        ("data_protection", {}, []),
    ],
)
def test_who_finds_and_opens_which_files(somebody, files, role, fields, found):
    reader = somebody(role, **fields)
    assert names(reader.post("/desk/find", wanted="garba").text) == found
    for who, case_id in files.items():
        opens = any(name.lower().startswith(who) for name in found)
        assert reader.get(f"/desk/cases/{case_id}").status_code == (200 if opens else 404)
        number = {"salifou": SALIFOU, "mariama": MARIAMA}[who]
        assert reader.post("/desk/find", wanted=number).status_code == (302 if opens else 200)


def test_a_forbidden_file_answers_like_one_that_never_was(somebody, files):
    partner = somebody("partner", partner="Taagazt")

    def told(number, case_id):
        pages = partner.post("/desk/find", wanted=number).text, partner.get(f"/desk/cases/{case_id}").text
        clean = [untokened(page) for page in pages]
        return [page.replace(number, "N").replace(f"/desk/cases/{case_id}", "ID") for page in clean]

    assert told(MARIAMA, files["mariama"]) == told("123456789", 999)


def test_an_empty_search_says_what_to_do(moussa, somebody, files):
    assert "Un mot du nom suffit" in moussa.post("/desk/find", wanted="Zzz").text
    assert "Relisez-le" in moussa.post("/desk/find", wanted="123456789").text
    assert "Aucune demande avec ce numéro." in somebody("admin").post("/desk/find", wanted="Garba").text


def test_a_search_by_name_and_a_reading_are_written_down_without_the_name(moussa, files, database):
    moussa.post("/desk/find", wanted="garba")
    moussa.reads(f"/desk/cases/{files['salifou']}")
    assert actions(database)[-2:] == ["files_searched", "case_read"]
    with database.transaction() as session:
        assert "arba" not in " ".join(str(one.detail) for one in session.scalars(select(Audit)))


def test_the_file_says_where_it_stands_and_only_what_the_reader_may_know(moussa, hadiza, somebody, files, opened):
    opened("9412607", code="THR", case_id=files["salifou"], terms=MORNING)
    opened("3594726", queue="assistance", code="KIT", level="normal", case_id=files["salifou"])
    page = moussa.reads(f"/desk/cases/{files['salifou']}")
    for words in (
        "Salifou Gàrba",
        "482-719-368",
        "attend la formation, depuis le 01/09/2026",
        "en formation",
        "359-4726",
    ):
        assert words in page, words
    for words in ("941-2607", "Signalé", "90006511"):
        assert words not in page, words
    hers = hadiza.reads(f"/desk/cases/{files['salifou']}")
    assert "oui, protection" in hers
    assert "941-2607" in hers
    assert "359-4726" not in hers
    assert "Signalé" not in somebody("partner", partner="Taagazt").reads(f"/desk/cases/{files['salifou']}")


def proof_of(database, action):
    with database.transaction() as session:
        return [one.detail for one in session.scalars(select(Audit).where(Audit.action == action).order_by(Audit.id))]


def test_a_start_code_wants_a_proof_is_shown_once_and_opens(moussa, files, database, services, ciphers):
    page = f"/desk/cases/{files['salifou']}"
    assert moussa.post(f"{page}/start-code").status_code == 422
    answer = moussa.post(f"{page}/start-code", **{"proof-proof": "own_phone"})
    code = re.search(r'class="secret figure">(\d{3}) (\d{3})<', answer.text)
    assert code
    assert "Un code de départ attend" in moussa.reads(page)
    assert code[1] + " " + code[2] not in moussa.reads(page)
    assert proof_of(database, "start_code_given") == [{"proof": "own_phone"}]
    from bot.store.attempts import Attempts

    lookups = Lookups(database, Attempts(services.redis_client, ciphers), ciphers)
    checked = lookups.check(
        case=SALIFOU, secret=code[1] + code[2], address=ciphers.address("+22790000001"), channel="ussd",
        turn=b"t" * 16, now=datetime(2026, 11, 23, 9, tzinfo=UTC),
    )  # fmt: skip
    lookups.close()
    assert checked.outcome == "choose_code"


def test_a_file_without_a_phone_is_helped_in_person_only(moussa, files):
    page = f"/desk/cases/{files['mariama']}"
    assert 'name="proof-proof" value="own_phone"' not in moussa.reads(page)
    assert moussa.post(f"{page}/start-code", **{"proof-proof": "own_phone"}).status_code == 422
    assert moussa.post(f"{page}/start-code", **{"proof-proof": "in_person"}).status_code == 200


def test_a_lock_is_told_and_lifted(moussa, files, database):
    page = f"/desk/cases/{files['salifou']}"
    with database.transaction() as session:
        found = session.get_one(Case, files["salifou"])
        found.locked_enrolled = found.locked_others = True
        found.last_attempt_at = datetime(2026, 11, 23, 7, 5, tzinfo=UTC)
    text = moussa.reads(page)
    assert "le dossier y est bloqué" in text
    assert "Dernier essai\xa0: 08:05." in text
    assert moussa.post(f"{page}/unlock").status_code == 422
    assert moussa.post(f"{page}/unlock", **{"proof-proof": "in_person"}).location == page
    with database.transaction() as session:
        found = session.get_one(Case, files["salifou"])
        assert (found.locked_enrolled, found.locked_others) == (False, False)
    assert proof_of(database, "case_unlocked") == [{"proof": "in_person"}]
    assert moussa.post(f"{page}/unlock", **{"proof-proof": "in_person"}).status_code == 303  # twice is once


def test_nothing_is_half_done_while_the_conversation_store_is_away(moussa, files, services, database):
    services.redis_client = store_client("unix:///nowhere/none.sock")
    answer = moussa.post(f"/desk/cases/{files['salifou']}/start-code", **{"proof-proof": "in_person"})
    assert answer.status_code == 303
    with database.transaction() as session:
        assert session.get_one(Case, files["salifou"]).start_code_hmac is None
    assert proof_of(database, "start_code_given") == []


@pytest.mark.parametrize("role", ["partner", "gbv_specialist"])
def test_who_reads_a_file_without_opening_it_for_others(somebody, files, role):
    reader = somebody(role, partner="Taagazt" if role == "partner" else "")
    page = f"/desk/cases/{files['salifou']}"
    assert "start-code" not in reader.reads(page)
    for step in ("start-code", "unlock"):
        assert reader.post(f"{page}/{step}", **{"proof-proof": "in_person"}).status_code == 404


@pytest.fixture
def phone(amina):
    return f"/desk/phones/{amina}"


def test_a_phone_shows_what_its_reader_may_see_and_no_number(moussa, hadiza, somebody, files, opened, database, phone):
    opened("9412607", code="THR", terms=MORNING)
    with database.transaction() as session:
        contact = session.scalars(select(Contact)).one()
        contact.consent, contact.consent_at = "yes", datetime(2026, 11, 2, 9, tzinfo=UTC)
        contact.blocked, contact.stopped, contact.texts = ["sms"], ["whatsapp"], "no"
        contact.unreachable_at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    page = moussa.reads(phone)
    for words in (
        "haoussa",
        "oui, 02/11/2026",
        "SMS\xa0: aucune réponse",
        "20/11/2026",
        "WhatsApp\xa0: tout",
        "Salifou",
    ):
        assert words in page, words
    for words in ("941-2607", "90006511", "90 00 65 11", "tel:"):
        assert words not in page, words
    hers = hadiza.reads(phone)
    assert "941-2607" in hers
    assert somebody("admin").get(phone).status_code == 404
    assert somebody("complaints_officer").get(phone).status_code == 404


def test_a_phone_of_a_hidden_request_alone_is_no_phone(moussa, hadiza, opened, phone):
    opened("9412607", code="THR", terms=MORNING)
    assert hadiza.get(phone).status_code == 200
    hidden, never = moussa.get(phone), moussa.get("/desk/phones/999")
    assert (hidden.status_code, never.status_code) == (404, 404)
    assert moussa.post(f"{phone}/opt-outs", **{"stop-stopped": "sms"}).status_code == 404


def test_the_number_wants_a_reason_that_is_kept(moussa, files, database, phone):
    assert moussa.post(f"{phone}/number").status_code == 422
    answer = moussa.post(f"{phone}/number", **{"number-reason": "rendez-vous demain"})
    assert "90 00 65 11" in answer.text
    assert proof_of(database, "number_read") == [{"reason": "rendez-vous demain"}]
    assert "90 00 65 11" not in moussa.reads(phone)


def test_an_opt_out_by_voice_is_noted_once_and_shown(moussa, files, database, phone):
    assert moussa.post(f"{phone}/opt-outs").status_code == 422
    assert moussa.post(f"{phone}/opt-outs", **{"stop-stopped": "telegram"}).status_code == 422
    for _ in range(2):
        assert moussa.post(f"{phone}/opt-outs", **{"stop-stopped": "sms:reminder"}).status_code == 303
    page = moussa.reads(phone)
    assert "SMS\xa0: rappel" in page
    assert "Moussa, 09:12" in page
    with database.transaction() as session:
        [noted] = session.scalars(select(OptOut)).all()
        assert (noted.stopped, noted.told_at) == (["sms:reminder"], None)
    assert proof_of(database, "opt_out_noted") == [{"stopped": ["sms:reminder"]}]


def test_who_noted_an_opt_out_is_not_named_to_those_of_other_queues(moussa, hadiza, files, opened, database, phone):
    opened("4821737", by="hadiza")
    assert hadiza.post(f"{phone}/opt-outs", **{"stop-stopped": "sms:reminder"}).status_code == 303
    assert "Hadiza, 09:12" in hadiza.reads(phone)
    page = moussa.reads(phone)
    assert "SMS\xa0: rappel" in page
    assert "Hadiza" not in page


@pytest.mark.parametrize(
    "page", ["/desk/find", "/desk/cases/{file}", "/desk/phones/{phone}", "/desk/service", "/desk/settings"]
)
def test_pages_have_one_heading_labels_and_no_inline_code(somebody, files, amina, page):
    role = "admin" if page in ("/desk/service", "/desk/settings") else "assistant"
    text = somebody(role).reads(page.format(file=files["salifou"], phone=amina))
    assert len(re.findall("<h1", text)) == 1
    assert not re.search(r"\sstyle=|<style|<script(?![^>]*\ssrc=)|\son\w+=", text)
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for field in re.findall(
        r'<(?:input|select|textarea)(?![^>]*type="(?:hidden|radio|checkbox)")[^>]*\sid="([^"]+)"', text
    ):
        assert f'for="{field}"' in text, field
    assert len(text.encode()) < 60_000
