import statistics
import time
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from bot.desk import passwords
from bot.referrals.staffing import set_password
from bot.store.models import Audit, Staff

from .conftest import NOON, PASSWORD

PAGES = ["/desk/", "/desk/queues", "/desk/find", "/desk/referrals/" + "a" * 32]
STEPS = ["accept", "refuse", "call", "note", "call-now", "code", "close", "texts/1", "number"]


@pytest.mark.parametrize("page", PAGES)
def test_nobody_reads_without_signing_in(visitor, page):
    answer = visitor.get(page)
    assert answer.status_code == 302
    assert answer.location.startswith("/desk/sign-in?next=")


@pytest.mark.parametrize("step", STEPS)
def test_nobody_acts_without_signing_in(visitor, cast, opened, step):
    referral = opened("7352082")
    answer = visitor.post(f"/desk/referrals/{referral}/{step}", on="/desk/sign-in")
    assert (answer.status_code, answer.location) == (302, "/desk/sign-in")


@pytest.mark.parametrize("step", STEPS)
def test_a_step_without_its_token_is_refused(hadiza, opened, step):
    referral = opened("7352082")
    answer = hadiza.client.post(f"/desk/referrals/{referral}/{step}")
    assert answer.status_code == 400
    assert "trop ancienne" in answer.text


def test_a_token_of_another_session_is_refused(hadiza, moussa, opened):
    referral = opened("7352082")
    answer = hadiza.client.post(f"/desk/referrals/{referral}/accept", data={"csrf_token": moussa.token()})
    assert answer.status_code == 400


def test_signing_in_without_a_token_is_refused(visitor, cast):
    answer = visitor.client.post("/desk/sign-in", data={"login": "hadiza", "password": PASSWORD})
    assert answer.status_code == 400


def test_signing_in_leads_back_to_the_page_that_was_asked_for(visitor, cast):
    answer = visitor.post("/desk/sign-in?next=/desk/queues", on="/desk/sign-in", login="hadiza", password=PASSWORD)
    assert answer.location == "/desk/queues"


@pytest.mark.parametrize(
    "elsewhere", ["https://example.org/", "//example.org", "/desk//example.org", "/hooks", "/desk/\\x"]
)
def test_signing_in_never_leads_elsewhere(visitor, cast, elsewhere):
    answer = visitor.client.post(
        "/desk/sign-in", query_string={"next": elsewhere},
        data={"csrf_token": visitor.token("/desk/sign-in"), "login": "hadiza", "password": PASSWORD},
    )  # fmt: skip
    assert answer.location == "/desk/"


@pytest.mark.parametrize(
    ("login", "password"), [("hadiza", "wrong"), ("nobody", PASSWORD), ("", ""), ("ha\0diza", "x")]
)
def test_every_failure_reads_the_same(visitor, cast, login, password):
    answer = visitor.signs_in(login, password)
    assert answer.status_code == 403
    assert "Identifiant ou mot de passe incorrect" in answer.text


def test_five_failures_close_the_account_for_fifteen_minutes(visitor, cast, hands):
    for _ in range(5):
        visitor.signs_in("hadiza", "wrong")
    assert visitor.signs_in("hadiza").status_code == 403
    hands.forward(minutes=14, seconds=59)
    assert visitor.signs_in("hadiza").status_code == 403
    hands.forward(seconds=1)
    assert visitor.signs_in("hadiza").status_code == 302


def test_four_failures_do_not_and_success_forgets_them(visitor, cast, database):
    for _ in range(4):
        visitor.signs_in("hadiza", "wrong")
    assert visitor.signs_in("hadiza").status_code == 302
    with database.transaction() as session:
        assert session.scalar(select(Staff.failed_sign_ins).where(Staff.login == "hadiza")) == 0


def test_a_locked_account_does_not_lock_another(visitor, cast):
    for _ in range(5):
        visitor.signs_in("hadiza", "wrong")
    assert visitor.signs_in("aicha").status_code == 302


@pytest.fixture
def costly(database, cast, monkeypatch):
    """Aïcha's password and nobody's cost enough to drown what the database does."""
    hasher = PasswordHasher(time_cost=2, memory_cost=32_768, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", hasher)
    passwords._nobodys_hash.cache_clear()
    with database.transaction() as session:
        session.execute(update(Staff).where(Staff.login == "aicha").values(password_hash=hasher.hash("her own")))
    yield
    passwords._nobodys_hash.cache_clear()


def test_an_unknown_login_costs_as_much_as_a_known_one(database, costly):
    def median(login: str) -> float:
        times = []
        for _ in range(5):
            begin = time.process_time()
            assert passwords.sign_in(database, login, "wrong", now=NOON) is None
            times.append(time.process_time() - begin)
        return statistics.median(times)

    median("nobody")  # the hash of nobody is made once
    known, unknown = median("aicha"), median("nobody")
    assert 0.5 < unknown / known < 2


def test_who_has_left_does_not_get_in_and_is_put_out(visitor, hadiza, database):
    with database.transaction() as session:
        session.scalars(select(Staff).where(Staff.login == "hadiza")).one().active = False
    assert visitor.signs_in("hadiza").status_code == 403
    assert hadiza.get("/desk/").status_code == 302


@pytest.mark.parametrize(("pause", "status"), [({"minutes": 29}, 200), ({"minutes": 30}, 302)])
def test_a_session_ends_after_thirty_idle_minutes(hadiza, hands, pause, status):
    hands.forward(**pause)
    assert hadiza.get("/desk/").status_code == status


def test_a_session_ends_after_twelve_hours_of_work(hadiza, hands):
    for _ in range(12 * 3 - 1):
        hands.forward(minutes=20)
        assert hadiza.get("/desk/").status_code == 200
    hands.forward(minutes=20)
    assert hadiza.get("/desk/").status_code == 302


def test_a_page_that_refreshes_itself_keeps_nobody_signed_in(hadiza, hands):
    for _ in range(29):
        hands.forward(minutes=1)
        assert hadiza.get("/desk/", headers={"X-Maraba-Refresh": "1"}).status_code == 200
    hands.forward(minutes=1)
    assert hadiza.get("/desk/", headers={"X-Maraba-Refresh": "1"}).status_code == 302


def test_signing_out_everywhere_ends_every_session_of_the_person(signed_in):
    phone, office, colleague = signed_in("hadiza"), signed_in("hadiza"), signed_in("moussa")
    assert phone.post("/desk/account/end-all").status_code == 302
    assert phone.get("/desk/").status_code == 302
    assert office.get("/desk/").status_code == 302
    assert colleague.get("/desk/").status_code == 200


def test_a_kept_cookie_is_worth_nothing_after_signing_out(app, hadiza):
    kept = hadiza.client.get_cookie("maraba_desk", path="/desk")
    hadiza.post("/desk/sign-out")
    thief = app.test_client()
    thief.set_cookie("maraba_desk", kept.value, path="/desk")
    assert thief.get("/desk/").status_code == 302


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(visitor, cast, app):
    app.config["SESSION_COOKIE_SECURE"] = True
    cookie = visitor.client.get("/desk/sign-in").headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Secure", "Path=/desk"} <= set(cookie.split("; "))


def test_production_asks_for_secure_cookies_and_shows_nobody(services, visitor, cast):
    import flask

    from bot import desk

    app = flask.Flask("maraba")
    desk.register(app, services)
    assert app.config["SESSION_COOKIE_SECURE"] is True
    assert "hadiza" not in visitor.reads("/desk/sign-in")


def test_development_lists_the_invented_people(services, settings, visitor, cast):
    from bot.cases.development import DEVELOPMENT_PASSWORD

    services.settings = settings
    page = visitor.reads("/desk/sign-in")
    assert "hadiza" in page
    assert DEVELOPMENT_PASSWORD in page


def test_signing_in_and_its_failures_are_written_down(visitor, cast, database):
    visitor.signs_in("hadiza", "wrong")
    visitor.signs_in("hadiza")
    with database.transaction() as session:
        rows = session.execute(select(Audit.action, Audit.subject).order_by(Audit.id)).all()
    subject = f"staff:{cast['hadiza']}"
    assert [tuple(row) for row in rows] == [("sign_in_failed", subject), ("signed_in", subject)]


def test_a_password_set_on_the_command_line_opens_the_desk(visitor, cast, database):
    with database.transaction() as session:
        set_password(session, "aicha", "seven mangoes in a bag")
    assert visitor.signs_in("aicha").status_code == 403
    assert visitor.signs_in("aicha", "seven mangoes in a bag").status_code == 302


def test_an_expired_lock_gives_five_new_tries(visitor, cast, hands):
    for _ in range(5):
        visitor.signs_in("hadiza", "wrong")
    hands.at += timedelta(minutes=16)
    for _ in range(4):
        visitor.signs_in("hadiza", "wrong")
    assert visitor.signs_in("hadiza").status_code == 302
