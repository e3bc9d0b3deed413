"""Adding people, their passwords, their places in the duty lists."""

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from bot.referrals import staffing
from bot.referrals.ladder import climb
from bot.referrals.staffing import NewStaff, StaffError, add_staff, import_staff, leave, set_duty, set_password
from bot.referrals.steps import log_call
from bot.store.models import Audit, Duty, Referral, Staff
from tests.referrals.conftest import NOON

HADIZA = NewStaff("hadiza", "Hadiza Sabon-Rana", "protection", "90 00 99 01", languages=("fr", "ha"))


def duty(session, queue, office=""):
    places = select(Duty).where(Duty.queue == queue, Duty.office == office).order_by(Duty.position)
    return [place.staff.login for place in session.scalars(places)]


def test_somebody_added_has_an_encrypted_phone_and_the_last_place_of_their_queues(database, ciphers):
    with database.transaction() as session:
        staff = add_staff(session, HADIZA, ciphers=ciphers)
        add_staff(session, NewStaff("aicha", "Aïcha", "protection", queues=("protection", "child")), ciphers=ciphers)
        assert duty(session, "protection") == ["hadiza", "aicha"]
        assert duty(session, "child") == ["aicha"]
        assert staff.phone_digest == ciphers.address("+22790009901").digest
        assert ciphers.decrypt(staff.phone_enc, b"staff|hadiza|phone") == b"+22790009901"
        assert "staff_added" in session.scalars(select(Audit.action)).all()


def test_the_coordinator_and_partners_stand_on_no_duty_list(database, ciphers):
    with database.transaction() as session:
        add_staff(session, NewStaff("mariama", "Mariama", "coordinator"), ciphers=ciphers)
        add_staff(session, NewStaff("taagazt", "Taagazt", "partner", partner="Taagazt"), ciphers=ciphers)
        assert session.scalars(select(Duty)).all() == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"login": ""}, "login"),
        ({"login": "élodie"}, "login"),
        ({"login": "hadiza"}, "login"),
        ({"name": ""}, "name"),
        ({"role": "boss"}, "role"),
        ({"language": "de"}, "language"),
        ({"phone": "12"}, "phone"),
        ({"phone": "+227 90 00 99 01"}, "phone"),
        ({"queues": ("letters",)}, "queues"),
        ({"queues": ("sealed",)}, "queues"),
    ],
)
def test_what_is_wrong_is_named_by_field(database, ciphers, changes, field):
    values = {"login": "aicha", "name": "Aïcha", "role": "protection"} | changes
    with database.transaction() as session:
        add_staff(session, HADIZA, ciphers=ciphers)
        with pytest.raises(StaffError, match=f"^{field}: "):
            add_staff(session, NewStaff(**values), ciphers=ciphers)


def test_a_password_is_kept_as_argon2_and_ends_sessions_and_lock_outs(database, ciphers):
    with database.transaction() as session:
        staff = add_staff(session, HADIZA, ciphers=ciphers)
        session.flush()
        staff.failed_sign_ins = 4
        set_password(session, "hadiza", "a long password")
        assert staff.password_hash.startswith("$argon2id$")
        assert PasswordHasher().verify(staff.password_hash, "a long password")
        assert (staff.session_epoch, staff.failed_sign_ins) == (1, 0)
        with pytest.raises(StaffError, match="password"):
            set_password(session, "hadiza", "short")


def test_duty_is_replaced_as_a_whole_and_only_by_who_may_serve(database, ciphers):
    with database.transaction() as session:
        add_staff(session, HADIZA, ciphers=ciphers)
        for login in ("aicha", "sani"):
            add_staff(session, NewStaff(login, login, "protection"), ciphers=ciphers)
        set_duty(session, "protection", ["sani", "hadiza"])
        set_duty(session, "protection", ["aicha"], office="Zinder")
        assert duty(session, "protection") == ["sani", "hadiza"]
        assert duty(session, "protection", "Zinder") == ["aicha"]
        for queue, logins in (("gbv", ["hadiza"]), ("protection", ["nobody"]), ("protection", ["sani", "sani"])):
            with pytest.raises(StaffError):
                set_duty(session, queue, logins)


def test_who_leaves_has_no_sign_in_and_no_duty(database, ciphers):
    with database.transaction() as session:
        staff = add_staff(session, HADIZA, ciphers=ciphers)
        set_password(session, "hadiza", "a long password")
        leave(session, "hadiza")
        session.flush()
        assert (staff.active, staff.password_hash) == (False, None)
        assert duty(session, "protection") == []


def test_what_somebody_who_leaves_held_goes_to_the_next_person(office):
    first, second = office.on_duty("a"), office.on_duty("b")
    held, told = office.need(), office.need()
    climb(office.database, now=NOON, settings=office.settings, ciphers=office.ciphers)
    with office.database.transaction() as session:
        referral, staff = session.get_one(Referral, held), session.get_one(Staff, first)
        log_call(session, referral, staff, "no_answer", NOON, ciphers=office.ciphers, settings=office.settings)
    with office.database.transaction() as session:
        leave(session, "a")
    climb(office.database, settings=office.settings, ciphers=office.ciphers)
    assert office.referral(held).state == "new"
    for referral_id in (held, told):
        assert [alert.staff_id for alert in office.alerts(referral_id) if alert.open] == [second]


def test_an_import_adds_changes_and_names_bad_lines(database, ciphers, tmp_path):
    file = tmp_path / "staff.csv"
    head = "login,name,phone,role,language,languages,offices,queues,partner\n"
    good = "hadiza,Hadiza,90009901,protection,fr,fr ha,Zinder;Tahoua,,\n"
    file.write_text(head + good + "sani,Sani,12,protection,,,,,\n", encoding="utf-8")
    with database.transaction() as session:
        added, changed, bad = import_staff(session, file, ciphers=ciphers)
        assert (added, changed) == (1, 0)
        assert [(fault.line, fault.column) for fault in bad] == [(3, "phone")]
    with database.transaction() as session:
        assert import_staff(session, file, ciphers=ciphers)[:2] == (0, 0)
    file.write_text(head + good.replace("Zinder;Tahoua", "Zinder"), encoding="utf-8")
    with database.transaction() as session:
        assert import_staff(session, file, ciphers=ciphers)[:2] == (0, 1)
        assert session.scalars(select(Staff)).one().offices == ["Zinder"]


def test_too_few_people_on_a_critical_queue_forbid_to_start(settings, database):
    assert any("queue sealed" in fault for fault in staffing.faults(settings))
