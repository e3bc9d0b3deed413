"""The second factor, sessions, invitations: who is let in, and who is put out."""

import re
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from bot.desk import second_factor
from bot.store.models import Audit, Message, Referral, Staff, StaffSession

from .conftest import PASSWORD, Reader


@pytest.fixture
def strict(services):
    """As in production."""
    services.settings = services.settings.model_copy(update={"second_factor": "required"})


@pytest.fixture
def adamou(signed_in) -> Reader:
    return signed_in("adamou")


def secret_on(page: str) -> str:
    return re.search(r'<code class="secret">([A-Z2-7 ]{20,})</code>', page)[1].replace(" ", "")


def codes_on(page: str) -> list[str]:
    return re.findall(r'<code class="secret">([A-Z0-9]{5}-[A-Z0-9]{5})</code>', page)


def enrols(reader: Reader, hands) -> tuple[pyotp.TOTP, list[str]]:
    totp = pyotp.TOTP(secret_on(reader.reads("/desk/second-factor")))
    done = reader.post("/desk/second-factor", on="/desk/second-factor", code=totp.at(hands.at))
    return totp, codes_on(done.text)


def second_step(reader: Reader, code: str):
    return reader.post("/desk/second-step", on="/desk/second-step", code=code)


@pytest.mark.usefixtures("strict", "cast")
def test_whoever_reads_protection_content_sets_it_up_before_reading_anything(visitor, hands):
    answer = visitor.signs_in("hadiza")
    assert answer.location == "/desk/second-factor"
    assert visitor.get("/desk/").status_code == 302
    _, codes = enrols(visitor, hands)
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    assert visitor.get("/desk/").status_code == 200


@pytest.mark.usefixtures("strict", "cast")
def test_whoever_reads_no_protection_content_need_not(visitor):
    assert visitor.signs_in("moussa").location == "/desk/"
    assert visitor.get("/desk/").status_code == 200


@pytest.mark.usefixtures("strict", "cast")
def test_an_administrator_must_too(visitor):
    assert visitor.signs_in("adamou").location == "/desk/second-factor"


def test_afterwards_the_password_alone_opens_nothing(app, hadiza, hands):
    totp, _ = enrols(hadiza, hands)
    hands.forward(minutes=1)
    other = Reader(app.test_client())
    assert other.signs_in("hadiza").location == "/desk/second-step"
    assert other.get("/desk/").status_code == 302
    assert second_step(other, "000000").status_code == 403
    assert second_step(other, totp.at(hands.at)).location == "/desk/"
    assert other.get("/desk/").status_code == 200


def test_no_code_opens_twice(app, hadiza, hands):
    totp, _ = enrols(hadiza, hands)
    other = Reader(app.test_client())
    other.signs_in("hadiza")
    assert second_step(other, totp.at(hands.at)).status_code == 403  # it proved the app a moment ago
    hands.forward(seconds=30)
    assert second_step(other, totp.at(hands.at)).status_code == 302
    third = Reader(app.test_client())
    third.signs_in("hadiza")
    assert second_step(third, totp.at(hands.at)).status_code == 403


@pytest.mark.parametrize(("seconds", "status"), [(-30, 302), (30, 302), (-90, 403), (90, 403)])
def test_a_phone_may_be_half_a_minute_off(app, hadiza, hands, seconds, status):
    totp, _ = enrols(hadiza, hands)
    hands.forward(minutes=5)
    other = Reader(app.test_client())
    other.signs_in("hadiza")
    assert second_step(other, totp.at(hands.at + timedelta(seconds=seconds))).status_code == status


def test_five_wrong_codes_lock_like_five_wrong_passwords(app, hadiza, hands):
    totp, _ = enrols(hadiza, hands)
    hands.forward(minutes=1)
    other = Reader(app.test_client())
    other.signs_in("hadiza")
    for _ in range(5):
        second_step(other, "123456")
    assert second_step(other, totp.at(hands.at)).status_code == 403
    assert other.signs_in("hadiza").status_code == 403
    hands.forward(minutes=16)
    other.signs_in("hadiza")
    assert second_step(other, totp.at(hands.at)).status_code == 302


def test_the_right_password_does_not_forgive_wrong_codes(app, hadiza, hands):
    enrols(hadiza, hands)
    hands.forward(minutes=1)
    other = Reader(app.test_client())
    for _ in range(5):
        other.signs_in("hadiza")
        second_step(other, "123456")
    assert other.signs_in("hadiza").status_code == 403


def test_a_recovery_code_opens_once(app, hadiza, hands):
    _, codes = enrols(hadiza, hands)
    other = Reader(app.test_client())
    other.signs_in("hadiza")
    assert second_step(other, codes[0].lower().replace("-", " ")).status_code == 302
    third = Reader(app.test_client())
    third.signs_in("hadiza")
    assert second_step(third, codes[0]).status_code == 403
    assert "7 codes de secours" in other.reads("/desk/account")


def test_new_recovery_codes_void_the_old_ones(app, hadiza, hands):
    _, old = enrols(hadiza, hands)
    new = codes_on(hadiza.post("/desk/account/recovery").text)
    assert not set(old) & set(new)
    other = Reader(app.test_client())
    other.signs_in("hadiza")
    assert second_step(other, old[0]).status_code == 403
    assert second_step(other, new[0]).status_code == 302


def test_the_second_step_waits_ten_minutes_and_not_longer(app, hadiza, hands):
    totp, _ = enrols(hadiza, hands)
    other = Reader(app.test_client())
    other.signs_in("hadiza")
    hands.forward(minutes=10)
    assert other.post("/desk/second-step", on="/desk/sign-in", code=totp.at(hands.at)).location == "/desk/sign-in"


def test_nobody_replaces_a_second_factor_that_is_in_use(app, hadiza, hands):
    enrols(hadiza, hands)
    assert hadiza.get("/desk/second-factor").location == "/desk/account"
    thief = Reader(app.test_client())
    thief.signs_in("hadiza")
    assert thief.get("/desk/second-factor").location == "/desk/second-step"


def test_secrets_are_not_readable_in_the_database(hadiza, hands, database):
    totp, codes = enrols(hadiza, hands)
    with database.transaction() as session:
        staff = session.scalars(select(Staff).where(Staff.login == "hadiza")).one()
        assert totp.secret.encode() not in staff.totp_enc
        assert not any(code.replace("-", "") in "".join(staff.recovery) for code in codes)


def test_one_session_is_ended_from_another(app, hadiza, database):
    phone = Reader(app.test_client())
    phone.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Android 14; Mobile; rv:140.0) Firefox/140.0"
    phone.signs_in("hadiza")
    page = hadiza.reads("/desk/account")
    assert "Firefox, Android" in page
    row = re.search(r'name="session" value="([0-9a-f]{32})"', page)[1]
    hadiza.post("/desk/account/end", session=row)
    assert phone.get("/desk/").status_code == 302
    assert hadiza.get("/desk/").status_code == 200


def test_nobody_ends_somebody_elses_session(hadiza, moussa, database):
    with database.transaction() as session:
        row = session.scalars(select(StaffSession.id).join(Staff).where(Staff.login == "hadiza")).one()
    moussa.post("/desk/account/end", session=row)
    assert hadiza.get("/desk/").status_code == 200


def test_signing_out_ends_this_session_and_a_copy_of_its_cookie(app, hadiza):
    other = Reader(app.test_client())
    other.signs_in("hadiza")
    copy = hadiza.client.get_cookie("maraba_desk", path="/desk").value
    hadiza.post("/desk/sign-out")
    hadiza.client.set_cookie("maraba_desk", copy, path="/desk")
    assert hadiza.get("/desk/").status_code == 302
    assert other.get("/desk/").status_code == 200


def test_signing_out_everywhere_ends_all(app, hadiza):
    other = Reader(app.test_client())
    other.signs_in("hadiza")
    other.post("/desk/account/end-all")
    assert (hadiza.get("/desk/").status_code, other.get("/desk/").status_code) == (302, 302)


def invited(adamou: Reader, **more: object) -> str:
    fields = {"login": "rahila", "name": "Rahila", "role": "assistant", "language": "fr", "phone": "90 00 77 11"}
    page = adamou.post("/desk/staff/new", on="/desk/staff/new", **(fields | more)).text
    return re.search(r"<code class=\"secret\">([A-Z0-9-]{14})</code>", page)[1]


def test_an_invited_person_sets_a_password_and_signs_in(adamou, visitor):
    code = invited(adamou)
    wrong = visitor.post("/desk/start", on="/desk/start", login="rahila", start="AAAA-BBBB-CCCC", password=PASSWORD)
    assert wrong.status_code == 403
    done = visitor.post("/desk/start", on="/desk/start", login="rahila", start=code.lower(), password=PASSWORD)
    assert done.location == "/desk/sign-in"
    assert visitor.signs_in("rahila").location == "/desk/"
    again = visitor.post("/desk/start", on="/desk/start", login="rahila", start=code, password=PASSWORD)
    assert again.status_code == 403


def test_a_start_code_lives_two_days(adamou, visitor, hands):
    code = invited(adamou)
    hands.forward(days=2)
    late = visitor.post("/desk/start", on="/desk/start", login="rahila", start=code, password=PASSWORD)
    assert late.status_code == 403


def test_whoever_guesses_start_codes_takes_nothing_away(adamou, visitor):
    code = invited(adamou)
    for _ in range(7):
        wrong = visitor.post("/desk/start", on="/desk/start", login="rahila", start="AAAA-BBBB-CCCC", password=PASSWORD)
        assert wrong.status_code == 403
    right = visitor.post("/desk/start", on="/desk/start", login="rahila", start=code, password=PASSWORD)
    assert right.status_code == 302


def test_a_fault_stands_under_its_field(adamou):
    page = adamou.post(
        "/desk/staff/new", on="/desk/staff/new", login="rahila", name="Rahila", role="assistant", language="fr",
        phone="12",
    ).text  # fmt: skip
    assert 'id="phone-error"' in page


def test_a_reset_ends_sessions_password_and_second_factor(adamou, hadiza, hands, cast, visitor):
    enrols(hadiza, hands)
    page = adamou.post(f"/desk/staff/{cast['hadiza']}/reset").text
    assert re.search(r"[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}", page)
    assert hadiza.get("/desk/").status_code == 302
    assert visitor.signs_in("hadiza").status_code == 403


def test_after_a_reset_whoever_waits_at_the_second_step_sets_up_none_of_their_own(app, adamou, hadiza, hands, cast):
    enrols(hadiza, hands)
    thief = Reader(app.test_client())
    assert thief.signs_in("hadiza").location == "/desk/second-step"
    adamou.post(f"/desk/staff/{cast['hadiza']}/reset")
    assert thief.get("/desk/second-factor").location == "/desk/sign-in"
    assert thief.get("/desk/second-step").location == "/desk/sign-in"


def test_a_reset_ends_sessions_even_if_it_breaks_off(app, adamou, hadiza, cast, monkeypatch):
    def breaks_off(*_):
        raise RuntimeError

    monkeypatch.setattr("bot.desk.sign_in.end_all", breaks_off)
    with pytest.raises(RuntimeError):
        adamou.post(f"/desk/staff/{cast['hadiza']}/reset")
    assert hadiza.get("/desk/").status_code == 302


@pytest.mark.usefixtures("strict")
def test_who_comes_to_read_protection_content_first_sets_up_a_second_factor(moussa, cast, database):
    assert moussa.get("/desk/").status_code == 200
    with database.transaction() as session:
        session.get_one(Staff, cast["moussa"]).role = "protection"
    assert moussa.get("/desk/").status_code == 302
    assert moussa.signs_in("moussa").location == "/desk/second-factor"


def test_who_leaves_is_put_out_and_their_work_goes_on(adamou, hadiza, opened, cast, database):
    referral = opened("7352082", by="hadiza")
    answer = adamou.post(f"/desk/staff/{cast['hadiza']}/leave")
    assert answer.location == "/desk/staff"
    assert hadiza.get("/desk/").status_code == 302
    with database.transaction() as session:
        assert session.get_one(Referral, referral).accepted_by is None
        assert session.scalars(
            select(Audit.staff_id).where(Audit.action == "staff_left", Audit.staff_id.is_not(None))
        ).all()


def as_role(adamou, staff_id, login, role):
    path = f"/desk/staff/{staff_id}"
    return adamou.post(path, on=path, login=login, name=login.title(), role=role, language="fr")


def test_who_left_stays_away_until_brought_back_with_a_new_code(adamou, hadiza, cast, database, visitor):
    adamou.post(f"/desk/staff/{cast['hadiza']}/leave")
    as_role(adamou, cast["hadiza"], "hadiza", "protection")
    with database.transaction() as session:
        assert not session.get_one(Staff, cast["hadiza"]).active
    assert f'href="/desk/staff/{cast["hadiza"]}"' in adamou.reads("/desk/staff")
    page = adamou.post(f"/desk/staff/{cast['hadiza']}/return", on=f"/desk/staff/{cast['hadiza']}").text
    assert visitor.signs_in("hadiza").status_code == 403
    code = re.search(r"<code class=\"secret\">([A-Z0-9-]{14})</code>", page)[1]
    visitor.post("/desk/start", on="/desk/start", login="hadiza", start=code, password=PASSWORD)
    assert visitor.signs_in("hadiza").status_code == 302
    again = adamou.post(f"/desk/staff/{cast['hadiza']}/return", on=f"/desk/staff/{cast['hadiza']}")
    assert (again.status_code, "secret" in again.text) == (302, False)


def test_nobody_gives_themselves_a_role(adamou, cast, database):
    page = as_role(adamou, cast["adamou"], "adamou", "protection")
    assert 'id="role-error"' in page.text
    with database.transaction() as session:
        assert session.get_one(Staff, cast["adamou"]).role == "admin"


def told_to(database, ciphers, login):
    with database.transaction() as session:
        sent = session.scalars(select(Message).join(Staff, Staff.id == Message.staff_id).where(Staff.login == login))
        return [ciphers.decrypt(one.text_enc, f"messages|{one.id}|text".encode()).decode() for one in sent]


def test_the_coordinator_hears_of_roles_of_administrators_alone(adamou, cast, database, ciphers):
    with database.transaction() as session:
        number = "+22790008811"
        ousmane = session.get_one(Staff, cast["ousmane"])
        ousmane.role, ousmane.phone_digest = "coordinator", ciphers.address(number).digest
        ousmane.phone_enc = ciphers.encrypt(number.encode(), b"staff|ousmane|phone")
    as_role(adamou, cast["moussa"], "moussa", "protection")
    assert told_to(database, ciphers, "ousmane") == []
    as_role(adamou, cast["moussa"], "moussa", "admin")
    as_role(adamou, cast["moussa"], "moussa", "protection")
    told = told_to(database, ciphers, "ousmane")
    assert len(told) == 2
    assert all(text.startswith("Maraba: adamou a change le role de moussa") for text in told)
    with database.transaction() as session:
        changed = session.scalars(
            select(Audit.detail).where(Audit.action == "staff_changed", Audit.staff_id == cast["adamou"])
        ).all()
        assert {"role": "admin", "before": "protection"} in changed


def test_an_administrator_cannot_put_themselves_out(adamou, cast):
    adamou.post(f"/desk/staff/{cast['adamou']}/leave")
    assert adamou.get("/desk/staff").status_code == 200


@pytest.mark.parametrize("login", ["hadiza", "moussa", "zeinabou", "ousmane"])
@pytest.mark.parametrize("path", ["/desk/staff", "/desk/staff/new", "/desk/staff/1"])
def test_nobody_else_sees_the_pages_of_staff(signed_in, login, path):
    reader = signed_in(login)
    assert reader.get(path).status_code == 404
    assert "/desk/staff" not in reader.reads("/desk/account")


def test_an_administrator_sees_no_content(adamou, opened):
    referral = opened("7352082")
    assert adamou.get(f"/desk/referrals/{referral}").status_code == 404
    assert "7352082" not in adamou.reads("/desk/") + adamou.reads("/desk/queues")
