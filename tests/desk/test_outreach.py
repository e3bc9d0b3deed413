"""The page of the outreach and the steps on a file: own files alone, each step once, the forbidden like what never was."""

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from bot.store.models import Audit, Case, CheckIn, Contact, LateFile, LostContact, NumberChange, Staff
from tests.desk.conftest import NOON, SALIFOU

SHOWN = f"{SALIFOU[:3]}-{SALIFOU[3:6]}-{SALIFOU[6:]}"


@pytest.fixture
def somebody(database, signed_in, password_hash):
    def sign_in(role, **fields):
        with database.transaction() as session:
            session.add(Staff(login=role, name=role, role=role, password_hash=password_hash, language="fr", **fields))
        return signed_in(role)

    return sign_in


@pytest.fixture
def phone(database, ciphers):
    """Somebody's other phone."""
    digest = ciphers.address("+22790005555").digest
    encrypted = ciphers.encrypt(b"+22790005555", f"contacts|{digest}|number".encode())
    return add(database, Contact(digest=digest, number_enc=encrypted))


def add(database, row):
    with database.transaction() as session:
        session.add(row)
        session.flush()
        return row.id


def one(database, model):
    with database.transaction() as session:
        return session.scalars(select(model)).one()


@pytest.fixture
def full(database, files, phone):
    """Salifou's file: late, asked, searched for, with a new number."""
    case, at = files["salifou"], NOON - timedelta(days=1)
    add(
        database,
        LateFile(case_id=case, stage="TRAINING_WAIT", since=date(2026, 9, 1), day=42, found_at=at, outcome="told"),
    )
    add(
        database,
        CheckIn(
            case_id=case, since=date(2026, 9, 1), week=3, due_on=date(2026, 9, 22), asked_at=at, pushed="told",
            state="answered", answered_at=at, running=False, problem="kit", visit=True, channel="sms",
        ),
    )  # fmt: skip
    add(database, LostContact(case_id=case, opened_at=at, why="no_answer"))
    add(database, NumberChange(case_id=case, before_id=None, contact_id=phone, at=at, turn="1" * 32, state="doubted"))
    return case


def test_the_page_tells_what_waits_and_for_whom(moussa, full):
    page = moussa.reads("/desk/outreach")
    assert page.count(SHOWN) == 3  # the check-in is of a file that is followed no more
    for words in (
        "prévenue par SMS",
        "trois essais sans succès",
        "deux téléphones ont donné le code",
        "1 sur 1, 100",
    ):
        assert words in page, words
    assert "+227" not in page


def test_an_empty_page_says_how_each_part_fills(moussa):
    page = moussa.reads("/desk/outreach")
    assert page.count('class="empty"') == 3
    assert "Aucune n’est finie" in page


@pytest.mark.parametrize(
    ("role", "fields", "seen", "numbers"),
    [
        ("assistant", {"offices": ["Tahoua"]}, False, False),
        ("partner", {"partner": "Taagazt"}, True, False),
        ("partner", {"partner": "Ondes Apil"}, False, False),
        ("protection", {}, True, True),
        ("coordinator", {}, True, True),
    ],
)
def test_who_reads_of_which_files(somebody, full, role, fields, seen, numbers):
    page = somebody(role, **fields).reads("/desk/outreach")
    assert (SHOWN in page) == seen
    assert ("deux téléphones" in page) == numbers


@pytest.mark.parametrize("role", ["admin", "psea_focal", "complaints_officer", "community_focal"])
def test_who_reads_no_files_finds_no_page(somebody, full, role):
    assert somebody(role).get("/desk/outreach").status_code == 404


def test_three_attempts_search_and_a_colleague_sets_the_file_to_lost_contact(moussa, files, database, hands):
    path = f"/desk/cases/{files['salifou']}"
    assert moussa.post(f"{path}/lost").status_code == 303  # too early: nothing happens
    assert one_stage(database, files["salifou"]) == "TRAINING_WAIT"
    for way in ("call", "sms", "visit"):
        moussa.post(f"{path}/attempts", **{"attempt-way": way, "attempt-reached": "no"})
        hands.forward(hours=20)
        moussa.signs_in("moussa")
    hands.forward(hours=20)
    moussa.signs_in("moussa")
    page = moussa.reads(path)
    assert "Déclarer perdue de vue" in page
    for _ in range(2):
        moussa.post(f"{path}/lost")
    assert one_stage(database, files["salifou"]) == "LOST_CONTACT"
    assert "la coordination revoit le" in moussa.reads(path)
    assert moussa.post(f"{path}/lost/review").status_code == 404


def one_stage(database, case_id):
    with database.transaction() as session:
        return session.get_one(Case, case_id).stage


def test_an_attempt_wants_both_answers(moussa, files):
    answer = moussa.post(f"/desk/cases/{files['salifou']}/attempts", **{"attempt-way": "call"})
    assert answer.status_code == 422
    assert "attempt-reached-error" in answer.text


def test_the_coordinator_looks_again(somebody, files, database):
    add(database, LostContact(
        case_id=files["salifou"], opened_at=NOON, why="no_answer", declared_at=NOON, review_at=date(2026, 11, 1),
    ))  # fmt: skip
    with database.transaction() as session:
        session.execute(update(Case).where(Case.id == files["salifou"]).values(stage="LOST_CONTACT"))
    reader = somebody("coordinator")
    assert "la coordination revoit maintenant" in reader.reads("/desk/outreach")
    reader.post(f"/desk/cases/{files['salifou']}/lost/review")
    assert one(database, LostContact).review_at == NOON.date() + timedelta(days=90)


@pytest.mark.parametrize(("answer", "state", "own"), [("confirm", "joined", True), ("refuse", "refused", False)])
def test_a_new_number_is_confirmed_or_not(moussa, full, database, phone, answer, state, own):
    change = one(database, NumberChange).id
    path = f"/desk/cases/{full}/numbers/{change}/{answer}"
    assert moussa.post(path).status_code == 422  # how do you know?
    for _ in range(2):
        assert moussa.post(path, **{"confirm-proof": "own_phone"}).status_code == 303
    assert one(database, NumberChange).state == state
    with database.transaction() as session:
        assert (session.get_one(Case, full).contact_id == phone) == own
        [audit] = session.scalars(select(Audit).where(Audit.action.startswith("number_")))
    assert audit.detail == {"proof": "own_phone"}


def test_a_change_of_another_file_is_no_change(moussa, full, files, database):
    change = one(database, NumberChange).id
    path = f"/desk/cases/{files['mariama']}/numbers/{change}/confirm"
    assert moussa.post(path, **{"confirm-proof": "own_phone"}).status_code == 404
    assert one(database, NumberChange).state == "doubted"


def gives(reader, case_id, number, **more):
    fields = {"number-number": number, "number-proof": "in_person"} | more
    return reader.post(f"/desk/cases/{case_id}/number", **fields)


def test_staff_give_a_number_and_others_share_it_only_where_they_say_so(moussa, files, database):
    assert gives(moussa, files["mariama"], "12").status_code == 422
    answer = gives(moussa, files["mariama"], "90 00 65 11")  # Amina's phone, that of Salifou's file
    assert answer.status_code == 422
    assert "D’autres dossiers ont ce numéro" in answer.text
    assert gives(moussa, files["mariama"], "90 00 65 11", **{"number-shared": "y"}).status_code == 303
    with database.transaction() as session:
        assert {case.phone_shared for case in session.scalars(select(Case))} == {True}
        assert "22790006511" not in str(session.scalars(select(Audit.detail)).all())


@pytest.mark.parametrize("step", ["attempts", "lost", "lost/review", "number"])
def test_who_may_not_read_the_file_takes_no_step(somebody, files, database, step):
    reader = somebody("assistant", offices=["Tahoua"])
    fields = {"attempt-way": "call", "attempt-reached": "no", "number-number": "91234567", "number-proof": "in_person"}
    answer = reader.post(f"/desk/cases/{files['salifou']}/{step}", **fields)
    never = reader.post(f"/desk/cases/999999/{step}", **fields)
    assert answer.status_code == never.status_code == 404
    assert told(answer) == told(never)


def told(answer):
    """A page without its tokens, each of which is another one."""
    return re.sub(r'value="[^"]*"|\d{4,}', "", answer.text)


def test_a_partner_takes_no_step(somebody, files):
    reader = somebody("partner", partner="Taagazt")
    page = reader.reads(f"/desk/cases/{files['salifou']}")
    assert "Noter un essai" not in page
    assert "Un autre numéro" not in page
    fields = {"attempt-way": "call", "attempt-reached": "no"}
    assert reader.post(f"/desk/cases/{files['salifou']}/attempts", **fields).status_code == 404
