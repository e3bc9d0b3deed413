"""What another system may do, what it sees, and how it is refused."""

import threading

import pytest
from sqlalchemy import func, select

from bot.data import tokens
from bot.errors import CaseError
from bot.store.models import ApiAnswer, ApiToken, Appointment, Audit, Case, OptOut, Staff, StageChange

from .conftest import HIDDEN, MARIAMA, SALIFOU

FULL = {
    "name": "Aïchatou", "sex": "F", "phone": "90001234", "language": "ha", "region": "Zinder", "department": "Mirriah",
    "office": "Zinder", "stage": "REGISTERED", "stage_since": "2026-11-20", "opened_on": "2026-11-20",
    "year_of_birth": 1994,
}  # fmt: skip
MOVE = {"seen": "TRAINING_WAIT", "to": "TRAINING", "since": "2026-11-20"}


@pytest.fixture
def number():
    from bot.text.damm import check_digit

    return "10000000" + check_digit("10000000")


def count(database, model):
    with database.transaction() as session:
        return session.scalar(select(func.count()).select_from(model))


def test_a_case_is_added_then_changed_and_each_write_names_the_key(key, cases, database, number):
    system = key()
    made = system("PUT", f"/cases/{number}", FULL)
    assert made.status_code == 201
    assert made.headers["Location"] == f"/api/v1/cases/{number}"
    assert made.json["phone"] == "+22790001234"
    assert "year_of_birth" not in made.json
    changed = system("PUT", f"/cases/{number}", {"partner": "Taagazt"})
    assert (changed.status_code, changed.json["partner"], changed.json["name"]) == (200, "Taagazt", "Aïchatou")
    assert system("PUT", f"/cases/{number}", {"partner": "Taagazt"}).status_code == 200
    with database.transaction() as session:
        noted = select(Audit.action, Audit.detail).where(Audit.action == "api.case_put").order_by(Audit.id)
        kept = session.execute(noted).all()
        case = session.scalars(select(Case).where(Case.number == number)).one()
    assert [detail for _, detail in kept] == [
        {"token": "case-system", "columns": []}, {"token": "case-system", "columns": ["partner"]},
    ]  # fmt: skip
    assert (case.vulnerability, case.year_of_birth) == ("none", 1994)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"phone": "12"}, "phone"),
        ({"stage_since": "2026-01-01"}, "stage_since"),
        ({"name": "a\u200bb\x00"}, "name"),
        ({"stage": "ON_HOLD"}, "resume_stage"),
        ({"name": None}, "name"),
    ],
)
def test_what_can_not_be_is_refused_by_field_and_nothing_is_written(key, database, number, sent, field):
    answer = key()("PUT", f"/cases/{number}", FULL | sent)
    assert answer.status_code == 409
    assert answer.content_type == "application/problem+json"
    assert field in [one["field"] for one in answer.json["errors"]]
    assert count(database, Case) == 0


def test_a_stage_moves_by_its_own_request_as_an_assistant_would(key, cases, database):
    system = key()
    assert system("PUT", f"/cases/{SALIFOU}", {"stage": "TRAINING"}).status_code == 409
    moved = system("POST", f"/cases/{SALIFOU}/stage", MOVE)
    assert (moved.status_code, moved.json["stage"], moved.json["stage_since"]) == (200, "TRAINING", "2026-11-20")
    assert system("POST", f"/cases/{SALIFOU}/stage", MOVE).status_code == 200  # it stands there already
    with database.transaction() as session:
        change = session.scalars(select(StageChange)).one()
    assert (change.by, change.from_stage, change.to_stage) == ("api:case-system", "TRAINING_WAIT", "TRAINING")


@pytest.mark.parametrize(
    ("move", "code"),
    [
        ({"seen": "COUNSELLING"}, "moved_on"),
        ({"to": "FINALISED"}, "needs_a_person"),
        ({"to": "MONITORING"}, "needs_a_person"),
        ({"to": "CANCELLED", "reason": "wish"}, "needs_a_person"),
        ({"to": "NOT_ELIGIBLE"}, "needs_a_person"),
        ({"to": "TRANSFERRED"}, "needs_a_person"),
        ({"to": "LOST_CONTACT"}, "needs_a_person"),
        ({"to": "ON_HOLD"}, "reason_needed"),
        ({"since": "2026-12-24"}, "since"),
        ({"since": "2026-01-01"}, "since"),
    ],
)
def test_a_move_that_a_person_decides_or_that_is_late_is_refused(key, cases, database, move, code):
    answer = key()("POST", f"/cases/{SALIFOU}/stage", MOVE | move)
    assert (answer.status_code, answer.json["code"]) == (409, code)
    assert count(database, StageChange) == 0


def test_hidden_and_missing_are_one_answer(key, cases, number):
    system = key(offices=["Zinder"])
    for path, method, body in (
        ("", "GET", None), ("/stage", "POST", MOVE), ("/appointments", "GET", None),
        ("/appointments", "POST", {"day": "2026-12-14", "place": "Office Zinder", "purpose": "kit"}),
        ("/appointments/1/cancel", "POST", None),
    ):  # fmt: skip
        hidden, missing = (system(method, f"/cases/{one}{path}", body) for one in (HIDDEN, number))
        assert hidden.status_code == missing.status_code == 404
        assert hidden.data == missing.data
    assert system("PUT", f"/cases/{HIDDEN}", {"partner": "Taagazt"}).status_code == 404
    assert system("GET", "/nothing").status_code == 404
    assert {one["case_number"] for one in system("GET", "/cases").json["cases"]} == {SALIFOU, MARIAMA}
    assert system("PUT", f"/cases/{SALIFOU}", {"office": "Tahoua"}).json["errors"][0]["field"] == "office"


def test_nothing_of_protection_and_no_phone_leaves(key, cases, database):
    system = key(scopes=["cases:read", "counts:read", "optouts:read"])
    with database.transaction() as session:
        staff = Staff(login="x", name="X", role="assistant")
        session.add(staff)
        session.flush()
        contact = session.scalars(select(Case.contact_id).where(Case.number == SALIFOU)).one()
        session.add(OptOut(contact_id=contact, stopped=["sms:reminder"], staff_id=staff.id, at=func.now()))
    for path in ("/cases", f"/cases/{SALIFOU}", "/counts", "/opt-outs"):
        answer = system("GET", path)
        assert answer.status_code == 200
        for word in (b"protection", b"+227", b"1990", b"vulnerability", b'phone"'):
            assert word not in answer.data, (path, word)
    assert system("GET", "/opt-outs").json["opt_outs"] == [
        {"case_number": SALIFOU, "stopped": ["sms", "sms:reminder"]}
    ]  # fmt: skip
    assert system("GET", "/counts?by=office").json["counts"] == [
        {"of": "Tahoua", "cases": 1}, {"of": "Zinder", "cases": 2},
    ]  # fmt: skip


def test_pages_follow_their_links(key, cases):
    system = key()
    seen, path = [], "/cases?limit=2&region=Zinder"
    while path:
        answer = system("GET", path)
        seen += [one["case_number"] for one in answer.json["cases"]]
        link = answer.headers.get("Link", "")
        path = link.partition(">")[0].removeprefix("</api/v1") if link else ""
    assert seen == sorted([SALIFOU, MARIAMA, HIDDEN])


def test_an_appointment_is_proposed_by_the_rules_and_taken_off(key, cases, database):
    system = key()
    asked = {"day": "2026-12-14", "place": "Office Zinder", "purpose": "kit"}
    made = system("POST", f"/cases/{MARIAMA}/appointments", asked)
    assert (made.status_code, made.json["state"], made.json["place"]) == (201, "PROPOSED", "Office Zinder")
    for other, code in (
        (asked, "has_one"), (asked | {"place": "Nowhere"}, "no_such_place"),
    ):  # fmt: skip
        assert system("POST", f"/cases/{MARIAMA}/appointments", other).json["code"] == code
    for other, code in ((asked, "full"), (asked | {"day": "2026-11-25"}, "too_soon")):
        assert system("POST", f"/cases/{SALIFOU}/appointments", other).json["code"] == code
    cancel = f"/cases/{MARIAMA}/appointments/{made.json['id']}/cancel"
    assert system("POST", cancel).json["state"] == "CANCELLED"
    assert system("POST", cancel).status_code == 200
    assert system("POST", cancel.replace(MARIAMA, SALIFOU)).status_code == 404
    with database.transaction() as session:
        actions = session.scalars(select(Audit.action).where(Audit.action.startswith("api.app"))).all()
    assert sorted(actions) == ["api.appointment_cancelled", "api.appointment_proposed"]


def test_each_operation_asks_its_own_scope(key, cases):
    asked = {
        "cases:read": ("GET", f"/cases/{SALIFOU}", None), "cases:write": ("PUT", f"/cases/{SALIFOU}", {}),
        "stages:write": ("POST", f"/cases/{SALIFOU}/stage", MOVE), "counts:read": ("GET", "/counts", None),
        "appointments:read": ("GET", f"/cases/{SALIFOU}/appointments", None), "optouts:read": ("GET", "/opt-outs", None),
        "appointments:write": ("POST", f"/cases/{SALIFOU}/appointments/1/cancel", None),
    }  # fmt: skip
    for scope, call in asked.items():
        assert key(f"only-{scope.replace(':', '-')}", scopes=[scope])(*call).status_code != 403
        others = [one for one in tokens.SCOPES if one != scope]
        assert key(f"not-{scope.replace(':', '-')}", scopes=others)(*call).status_code == 403


def test_a_key_opens_until_it_ends_or_is_revoked(key, cases, database, clock):
    system = key(days=2)
    assert system("GET", "/counts").status_code == 200
    clock.forward(days=2)
    assert system("GET", "/counts").status_code == 401
    other = key("other")
    with database.transaction() as session:
        row = session.scalars(select(ApiToken).where(ApiToken.name == "other")).one()
        assert other.secret.encode() not in row.secret_hmac
        tokens.revoke(session, row, now=clock(), staff_id=None)
    answer = other("GET", "/counts")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert other("GET", "/counts", Authorization="Basic eDp5").status_code == 401


@pytest.mark.parametrize(
    ("more", "fault"),
    [({"name": "Ab"}, "name"), ({"scopes": ["all"]}, "scopes"), ({"days": 0}, "days"), ({"days": 4000}, "days")],
)
def test_a_key_has_a_name_scopes_and_an_end(key, more, fault):
    with pytest.raises(CaseError, match=fault):
        key(**more)


def test_the_same_request_with_the_same_name_is_answered_once(key, cases, database, clock, number):
    system = key()
    first = system("PUT", f"/cases/{number}", FULL, Idempotency_Key="a1")
    again = system("PUT", f"/cases/{number}", FULL, Idempotency_Key="a1")
    assert (first.status_code, first.data) == (again.status_code, again.data) == (201, first.data)
    assert again.headers["Location"] == first.headers["Location"]
    other = system("PUT", f"/cases/{number}", FULL | {"name": "Other"}, Idempotency_Key="a1")
    assert (other.status_code, other.json["code"]) == (409, "idempotency_key_reused")
    assert key("second")("PUT", f"/cases/{number}", FULL, Idempotency_Key="a1").status_code == 200
    assert system("PUT", f"/cases/{number}", FULL, Idempotency_Key="x" * 300).status_code == 422
    with database.transaction() as session:
        assert all(b"chatou" not in one.body_enc for one in session.scalars(select(ApiAnswer)))
    tokens.forget_answers(database, clock())
    assert count(database, ApiAnswer) == 2
    clock.forward(days=1, seconds=1)
    tokens.forget_answers(database, clock())
    assert count(database, ApiAnswer) == 0


def test_duplicates_at_the_same_moment_do_the_work_once(key, cases, database):
    system, answers = key(), []
    body = {"day": "2026-12-14", "place": "Office Zinder", "purpose": "kit"}

    def ask():
        answers.append(system("POST", f"/cases/{MARIAMA}/appointments", body, Idempotency_Key="once"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.status_code for one in answers} == {201}
    assert len({one.data for one in answers}) == 1
    assert count(database, Appointment) == 1


def test_too_many_requests_wait(key, cases, app, settings, clock):
    app.extensions["maraba_api"].services.settings = settings.model_copy(update={"api_rate": 2})
    system, other = key(), key("other")
    assert [system("GET", "/counts").status_code for _ in range(3)] == [200, 200, 429]
    assert other("GET", "/counts").status_code == 200
    answer = system("GET", "/counts")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    clock.forward(minutes=1)
    assert system("GET", "/counts").status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b"{", "application/json", 400),
        (b'{"name": "\xff"}', "application/json", 400),
        (b'{"names": "x"}', "application/json", 422),
        (b'{"vulnerability": "protection"}', "application/json", 422),
        (b'{"year_of_birth": "1990"}', "application/json", 422),
        (b'{"sex": "X"}', "application/json", 422),
        (b'{"name": "%s"}' % (b"x" * 20_000), "application/json", 413),
        (b"[]", "application/json; charset=utf-8", 422),
    ],
)
def test_bodies_of_another_shape_are_refused_without_being_quoted(key, cases, body, kind, status):
    system = key()
    answer = system.client.put(
        f"/api/v1/cases/{SALIFOU}", data=body, content_type=kind, headers={"Authorization": f"Bearer {system.secret}"}
    )
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert b'names": "x' not in answer.data


def test_other_methods_queries_and_paths_are_refused(key, cases):
    system = key()
    answer = system("DELETE", f"/cases/{SALIFOU}")
    assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
    assert {"GET", "PUT"} <= set(answer.headers["Allow"].split(", "))
    assert system("GET", "/cases?colour=red").status_code == 422
    assert system("GET", "/cases?limit=0").status_code == 422
    assert system("GET", "/cases?region=%00").status_code == 422
    assert system("GET", f"/cases/{SALIFOU}?x=1").status_code == 422
    assert system("GET", "/cases/12").status_code == 404


def test_a_database_that_is_away_is_said(key, app, monkeypatch):
    from sqlalchemy.exc import OperationalError

    system = key()

    def away():
        raise OperationalError("select", {}, Exception())

    monkeypatch.setattr(app.extensions["maraba_api"].services.database, "transaction", away)
    answer = system("GET", "/counts")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
