"""Every cell of role, queue, code, office and seal, on both forms of the rule."""

from itertools import product

import pytest
from sqlalchemy import select

from bot.referrals.access import CODE_QUEUE, HIDDEN_FROM, QUEUES, ROLES, may_see, visible
from bot.referrals.handing_on import needs
from bot.store.models import Case, Referral, Staff
from tests.referrals.conftest import NOON

# who serves which queue by itself, straight from safety 18
SERVES = {
    "assistant": "assistance",
    "protection": "protection",
    "gbv_specialist": "gbv",
    "child_specialist": "child",
    "psea_focal": "sealed",
    "complaints_officer": "complaints",
    "community_focal": "community",
    "coordinator": "complaints assistance community",
    "partner": "",  # kits of its own cases, below
    "admin": "",
    "data_protection": "",  # PRV only, below
}


def someone(role="protection", **fields):
    return Staff(
        **{"id": 1, "login": "x", "role": role, "queues": [], "offices": [], "partner": "", "active": True} | fields
    )


def need(queue="protection", **fields):
    return Referral(**{"queue": queue, "code": None, "sealed": False, "office": "", "case_id": None} | fields)


@pytest.mark.parametrize(("role", "queue"), list(product(ROLES, QUEUES)))
def test_a_role_sees_its_queues_and_no_other(role, queue):
    assert may_see(someone(role), need(queue)) == (queue in SERVES[role].split())


@pytest.mark.parametrize(("role", "queue"), list(product(ROLES, QUEUES)))
def test_the_seal_hides_from_everyone_but_the_focal_points(role, queue):
    assert may_see(someone(role, queues=list(QUEUES)), need(queue, sealed=True)) == (role == "psea_focal")


@pytest.mark.parametrize("role", ROLES)
def test_naming_every_queue_opens_only_what_the_role_may_serve(role):
    opened = {queue for queue in QUEUES if may_see(someone(role, queues=list(QUEUES)), need(queue))}
    assert opened <= ROLES[role].usual | ROLES[role].also
    assert ("gbv" in opened) == (role == "gbv_specialist")
    assert ("sealed" in opened) == (role == "psea_focal")


EVERYBODY = frozenset(ROLES)
AIDERS = frozenset({"partner", "assistant"})
# The column "must not see" of the table of needs, as the field gave it. `None`: safety 18, tested by itself below.
MUST_NOT_SEE = {
    "MED": AIDERS, "MHP": AIDERS, "CHI": AIDERS, "TRF": AIDERS, "DET": AIDERS, "THR": AIDERS,
    "SUI": EVERYBODY - {"protection", "gbv_specialist", "child_specialist"},  # who serve its queue, if theirs
    "GBV": EVERYBODY - {"gbv_specialist"},
    "SEA": EVERYBODY - {"psea_focal"},
    "DEB": frozenset({"partner"}),
    "FRA": None,
    "BAS": frozenset(), "DOC": frozenset(), "KIT": frozenset(), "TRA": frozenset(), "TEN": frozenset(),
    "OTH": frozenset(), "DLY": frozenset(), "APL": frozenset(), "PRV": frozenset(),
}  # fmt: skip


def test_every_need_stands_in_the_table():
    assert set(MUST_NOT_SEE) == set(needs())


@pytest.mark.parametrize(("code", "roles"), [cell for cell in MUST_NOT_SEE.items() if cell[1]])
@pytest.mark.parametrize("queue", QUEUES)
def test_must_not_see_binds_in_whatever_queue_the_row_stands(code, roles, queue):
    its_case = Case(id=1, partner="Taagazt", office="Zinder")
    for role in sorted(roles):
        if queue == "sealed" and role == "psea_focal":
            continue  # the seal comes first: what is inside it stays inside, whatever its code
        staff = someone(role, queues=list(QUEUES), partner="Taagazt" if role == "partner" else "")
        assert not may_see(staff, need(queue, code=code, case_id=1), case=its_case), role


@pytest.mark.parametrize(("offices", "office", "sees"), [
    ([], "Zinder", True), (["Zinder"], "Zinder", True), (["Tahoua"], "Zinder", False), (["Tahoua"], "", True),
])  # fmt: skip
def test_offices(offices, office, sees):
    assert may_see(someone(offices=offices), need(office=office)) == sees


@pytest.mark.parametrize(("fields", "code", "sees"), [
    ({}, "FRA", True),
    ({"offices": ["Zinder"]}, "FRA", False),  # staff of the case's office
    ({"offices": ["Tahoua"]}, "FRA", True),
    ({"partner": "Taagazt"}, "FRA", False),  # staff of the case's partner
    ({"partner": "Ondes Apil"}, "FRA", True),
    ({"offices": ["Zinder"]}, None, False),  # "other complaint" before staff set the code
    ({"offices": ["Zinder"]}, "APL", True),  # an appeal is about nobody
])  # fmt: skip
def test_a_complaint_is_never_seen_by_those_it_may_be_about(fields, code, sees):
    its_case = Case(id=1, partner="Taagazt", office="Zinder")
    referral = need("complaints", code=code, office="Zinder", case_id=1)
    assert may_see(someone("complaints_officer", **fields), referral, case=its_case) == sees


def test_without_a_case_the_office_of_the_region_is_excluded():
    referral = need("complaints", code="FRA", office="Tahoua")
    assert not may_see(someone("complaints_officer", offices=["Tahoua"]), referral)
    assert may_see(someone("complaints_officer", offices=["Zinder"]), referral)


def test_a_partner_sees_kits_of_its_own_cases_only():
    mine, other = Case(id=1, partner="Taagazt", office="Zinder"), Case(id=2, partner="Ondes Apil", office="Zinder")
    partner = someone("partner", partner="Taagazt")
    assert may_see(partner, need("assistance", code="KIT", case_id=1), case=mine)
    assert not may_see(partner, need("assistance", code="KIT", case_id=2), case=other)
    assert not may_see(partner, need("assistance", code="KIT"))
    assert not may_see(partner, need("assistance", code="DOC", case_id=1), case=mine)


def test_data_protection_sees_questions_about_data_only():
    assert may_see(someone("data_protection"), need("complaints", code="PRV"))
    assert not may_see(someone("data_protection"), need("complaints", code="FRA"))


def test_who_left_sees_nothing():
    assert not may_see(someone(active=False), need())


def test_the_condition_says_the_same_as_the_rule_in_every_cell(database):
    codes = [None, "KIT", "PRV", "APL", "FRA", *CODE_QUEUE, *HIDDEN_FROM]
    with database.transaction() as session:
        cases = [
            Case(
                number=f"10000000{n}", name="x", sex="F", language="ha", region="Zinder", department="Mirriah",
                office=office, partner=partner, stage="TRAINING", opened_on=NOON.date(), stage_since=NOON.date(),
            )
            for n, (office, partner) in enumerate([("Zinder", "Taagazt"), ("Tahoua", "Ondes Apil")])
        ]  # fmt: skip
        session.add_all(cases)
        session.flush()
        by_id = {one.id: one for one in cases}
        cells = product(QUEUES, codes, (False, True), ("", "Zinder", "Tahoua"), (None, *by_id))
        for n, (queue, code, sealed, office, case_id) in enumerate(cells):
            session.add(
                Referral(
                    id=f"{n:032x}", ticket=f"{n:07d}", opened_at=NOON, source="menu", code=code, level="high",
                    queue=queue, sealed=sealed, channel="ussd", office=office, case_id=case_id,
                )
            )  # fmt: skip
        session.flush()
        rows = session.scalars(select(Referral)).all()
        for role, queues, offices, partner in product(ROLES, ([], list(QUEUES)), ([], ["Zinder"]), ("", "Taagazt")):
            staff = someone(role, queues=queues, offices=offices, partner=partner)
            listed = set(session.scalars(select(Referral.id).where(visible(staff))))
            ruled = {r.id for r in rows if may_see(staff, r, case=by_id.get(r.case_id))}
            assert listed == ruled, (role, queues, offices, partner, sorted(listed ^ ruled)[:3])
