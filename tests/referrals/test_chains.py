import pytest

from bot.referrals.access import QUEUES, ROLES, may_see
from bot.referrals.chains import chain, faults
from bot.store.models import Case, Referral, Staff
from tests.referrals.conftest import NOON


def logins(office, referral_id, settings=None, *, at=NOON):
    with office.database.transaction() as session:
        referral = session.get_one(Referral, referral_id)
        rungs = chain(session, referral, at=at, settings=settings or office.settings)
        return [rung.staff.login if rung.staff else "hotline" for rung in rungs]


def a_case(office, **fields):
    return Case(
        number="100000009", name="x", sex="F", language="ha", region=office, department="x", office=office,
        stage="TRAINING", opened_on=NOON.date(), stage_since=NOON.date(), **fields,
    )  # fmt: skip


def test_own_office_first_then_all_offices_by_position(office):
    office.on_duty("third", position=2)
    office.on_duty("second", position=1)
    office.on_duty("first", office="Agadez", position=9, offices=["Agadez"])
    office.on_duty("elsewhere", office="Zinder", position=1, offices=["Zinder"])
    assert logins(office, office.need(office="Agadez")) == ["first", "second", "third"]


def test_who_has_no_office_is_answered_by_whoever_is_on_duty(office):
    office.on_duty("agadez", office="Agadez", offices=["Agadez"])
    office.on_duty("all")
    assert logins(office, office.need()) == ["all", "agadez"]


@pytest.mark.parametrize("queue", QUEUES)
def test_nobody_stands_in_a_chain_who_may_not_see(office, queue):
    for role in ROLES:
        office.on_duty(role, role, queue, queues=list(QUEUES))
    found = logins(office, office.need(queue=queue))
    assert found
    with office.database.transaction() as session:
        for login in found:
            assert may_see(
                session.query(Staff).filter_by(login=login).one(), Referral(queue=queue, office="", sealed=False)
            )
    if queue in ("gbv", "child", "sealed"):
        assert "coordinator" not in found


def test_sealed_goes_to_the_second_focal_point_then_outside(office, settings):
    office.on_duty("one", "psea_focal", "sealed")
    office.on_duty("two", "psea_focal", "sealed")
    office.on_duty("boss", "coordinator", "sealed", queues=list(QUEUES))
    sealed = office.need(queue="sealed", sealed=True)
    assert logins(office, sealed) == ["one", "two"]
    outside = settings.model_copy(update={"outside_hotline": "+22720000000"})
    assert logins(office, sealed, outside) == ["one", "two", "hotline"]


def test_a_complaint_passes_by_the_case_office_and_partner(office, database):
    with database.transaction() as session:
        its = a_case("Zinder", partner="Taagazt")
        session.add(its)
        session.flush()
        case_id = its.id
    office.on_duty("here", "complaints_officer", "complaints", offices=["Zinder"])
    office.on_duty("partner", "complaints_officer", "complaints", partner="Taagazt")
    office.on_duty("away", "complaints_officer", "complaints", offices=["Tahoua"])
    complaint = office.need(queue="complaints", code="FRA", level="high", office="Zinder", case_id=case_id)
    assert logins(office, complaint) == ["away"]


def test_a_complaint_without_a_file_leaves_out_the_office_of_the_phones_own_file(office):
    contact = office.contact()
    with office.database.transaction() as session:
        session.add(a_case("Zinder", contact_id=contact))
    office.on_duty("here", "complaints_officer", "complaints", offices=["Zinder"])
    office.on_duty("away", "complaints_officer", "complaints", offices=["Tahoua"])
    complaint = office.need(queue="complaints", code="FRA", level="high", contact_id=contact)
    assert logins(office, complaint) == ["away"]


def test_an_empty_duty_list_falls_back_to_the_role(office):
    office.on_duty("unlisted", queue="")
    office.on_duty("other", "assistant", queue="")
    assert logins(office, office.need()) == ["unlisted"]


def test_people_without_phone_or_gone_are_passed_by(office, database):
    gone = office.on_duty("gone", active=False)
    silent = office.on_duty("silent")
    office.on_duty("there")
    with database.transaction() as session:
        session.get_one(Staff, silent).phone_enc = None
    assert gone
    assert logins(office, office.need()) == ["there"]


def test_a_critical_queue_with_fewer_than_two_people_is_a_fault(office, database, settings):
    office.on_duty("p1")
    for queue, role in [("gbv", "gbv_specialist"), ("child", "child_specialist"), ("sealed", "psea_focal")]:
        office.on_duty(f"{role}1", role, queue)
        office.on_duty(f"{role}2", role, queue)
    with database.transaction() as session:
        told = faults(session, settings)
    assert len(told) == 1
    assert told[0].startswith("queue protection has fewer than 2 people")
    office.on_duty("p2")
    with database.transaction() as session:
        assert faults(session, settings) == []


def test_two_people_of_another_office_do_not_count(office, database, settings):
    for queue, role in [
        ("protection", "protection"), ("gbv", "gbv_specialist"), ("child", "child_specialist"), ("sealed", "psea_focal"),
    ]:  # fmt: skip
        for n in (1, 2):
            office.on_duty(f"{role}{n}", role, queue, office="Tahoua", offices=["Tahoua"])
    with database.transaction() as session:
        session.add(
            Case(
                number="100000009", name="x", sex="F", language="ha", region="Zinder", department="Mirriah",
                office="Zinder", stage="TRAINING", opened_on=NOON.date(), stage_since=NOON.date(),
            )
        )  # fmt: skip
    with database.transaction() as session:
        told = faults(session, settings)
    assert [line.split()[1] for line in told] == ["protection", "gbv", "child"]  # the seal knows no offices
    assert all("Zinder" in line for line in told)
