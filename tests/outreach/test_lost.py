"""Lost contact: attempts, searches, and phones from which nothing was heard."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.cases.stages import status_shown
from bot.errors import CaseError
from bot.gate import Gate, Recipient
from bot.kinds import Kind
from bot.messages import Channel, Outbound
from bot.outreach import lost
from bot.store.models import Audit, Case, Contact, ContactAttempt, LostContact, NumberChange, Staff, StageChange
from tests.outreach.conftest import NOON

ZONE = ZoneInfo("Africa/Niamey")
TODAY = date(2026, 11, 24)
VERIFY = "Composez *321# et tapez votre code, merci. Effacez ce message."


def attempt(day, way="call", *, reached=False):
    return ContactAttempt(at=NOON + timedelta(days=day), way=way, reached=reached)


@pytest.mark.parametrize(
    ("attempts", "enough"),
    [
        ([attempt(0), attempt(1), attempt(2, "sms")], True),
        ([attempt(0), attempt(1), attempt(2)], False),  # one way alone
        ([attempt(0), attempt(0, "sms"), attempt(1)], False),  # two days
        ([attempt(0), attempt(0, "sms"), attempt(1), attempt(9, "visit")], True),
        ([attempt(0), attempt(1), attempt(2, "sms"), attempt(3, reached=True)], False),
        ([attempt(0, reached=True), attempt(1), attempt(2, "sms"), attempt(3)], True),
        ([], False),
    ],
)
def test_three_attempts_on_three_days_over_two_ways(attempts, enough):
    assert lost.tried_enough(attempts, zone=ZONE) == enough


@pytest.fixture
def moussa(programme):
    return programme.staff("moussa")


def tries(programme, case_id, staff_id, day, way="call", *, reached=False):
    with programme.database.transaction() as session:
        lost.note_attempt(
            session, session.get_one(Case, case_id), way=way, reached=reached,
            staff=session.get_one(Staff, staff_id), at=NOON + timedelta(days=day), settings=programme.settings,
        )  # fmt: skip


def declares(programme, case_id, staff_id, *, at=NOON):
    with programme.database.transaction() as session:
        case, staff = session.get_one(Case, case_id), session.get_one(Staff, staff_id)
        lost.declare(session, case, staff=staff, at=at, today=at.date())


def searched(programme, moussa):
    case = programme.file("KIT_READY")
    for day, way in enumerate(("call", "sms", "visit")):
        tries(programme, case, moussa, day, way)
    return case


def test_nobody_is_lost_before_the_third_attempt(programme, moussa):
    case = programme.file("KIT_READY")
    tries(programme, case, moussa, 0)
    tries(programme, case, moussa, 1, "sms")
    with pytest.raises(CaseError, match="not_searched"):
        declares(programme, case, moussa)


def test_a_file_is_set_to_lost_contact_by_a_colleague_and_goes_on_with_the_code(programme, moussa):
    case = searched(programme, moussa)
    [search] = programme.rows(LostContact)
    assert (search.why, search.declared_at) == ("no_answer", None)
    declares(programme, case, moussa)
    [row] = programme.rows(Case)
    assert (row.stage, row.resume_stage) == ("LOST_CONTACT", "KIT_READY")
    assert programme.rows(LostContact)[0].review_at == TODAY + timedelta(days=90)
    with pytest.raises(CaseError, match="moved_on"):
        declares(programme, case, moussa)
    later = NOON + timedelta(days=40)
    with programme.database.transaction() as session:
        status_shown(session, row.number, at=later)
        lost.opened_with_code(session, row.number, programme_phone(programme), at=later)
    [row] = programme.rows(Case)
    assert (row.stage, row.resume_stage) == ("KIT_READY", "")
    assert programme.rows(LostContact)[0].ended_at == later
    assert [one.action for one in programme.rows(Audit)] == ["attempt_noted"] * 3 + ["lost_contact_declared"]


def programme_phone(programme):
    return programme.phone("+22790999999")


def test_whoever_is_reached_is_lost_no_more(programme, moussa):
    case = searched(programme, moussa)
    declares(programme, case, moussa)
    tries(programme, case, moussa, 30, "relative", reached=True)
    assert programme.rows(Case)[0].stage == "KIT_READY"
    assert programme.rows(LostContact)[0].ended_at is not None
    assert [one.by for one in programme.rows(StageChange)][-1] == f"staff:{moussa}"


def test_three_no_shows_open_one_search(programme):
    case = programme.file("KIT_READY")
    for day in range(2):
        with programme.database.transaction() as session:
            lost.three_no_shows(session, session.get_one(Case, case), at=NOON + timedelta(days=day))
    [search] = programme.rows(LostContact)
    assert (search.why, search.opened_at) == ("no_shows", NOON)


def test_nobody_searches_for_the_dead_nor_for_who_is_done(programme):
    for stage in ("DECEASED", "CANCELLED", "FINALISED"):
        case = programme.file(stage)
        with programme.database.transaction() as session:
            lost.three_no_shows(session, session.get_one(Case, case), at=NOON)
    assert programme.rows(LostContact) == []


def test_the_coordinator_looks_again_after_90_days(programme, moussa):
    case = searched(programme, moussa)
    declares(programme, case, moussa)
    with programme.database.transaction() as session:
        later = NOON + timedelta(days=91)
        staff = session.get_one(Staff, moussa)
        lost.review(session, session.get_one(Case, case), staff=staff, at=later, today=later.date())
    assert programme.rows(LostContact)[0].review_at == TODAY + timedelta(days=181)


# phones from which nothing was heard


def silent(programme, days, **fields):
    at = NOON - timedelta(days=days)
    return programme.phone(first_seen_at=at, last_seen_at=at, **fields)


def test_after_180_silent_days_the_code_is_asked_for_once(programme):
    phone = silent(programme, 181)
    programme.file("KIT_READY", phone=phone)
    programme.file("KIT_READY", phone=silent(programme, 179))
    programme.file("FINALISED", phone=silent(programme, 181))
    for minutes in (0, 5, 600):
        programme.reach_out(NOON + timedelta(minutes=minutes))
    assert [(kind, text) for kind, text, _ in programme.sent()] == [("verify", VERIFY)]
    assert [one.id for one in programme.rows(Contact, Contact.silent_since.is_not(None))] == [phone]
    assert [(one.way, one.reached, one.staff_id) for one in programme.rows(ContactAttempt)] == [("sms", False, None)]


def test_who_never_wrote_is_silent_since_we_know_the_phone(programme):
    programme.file("KIT_READY", phone=programme.phone(last_seen_at=None, first_seen_at=NOON - timedelta(days=181)))
    programme.reach_out()
    assert len(programme.sent()) == 1


def test_of_a_flagged_file_nothing_is_asked_by_machine_but_nothing_is_pushed_either(programme):
    programme.file("KIT_READY", phone=silent(programme, 181), vulnerability="protection")
    programme.reach_out()
    assert programme.sent() == []
    assert len(programme.rows(Contact, Contact.silent_since.is_not(None))) == 1


def test_the_code_from_the_own_phone_ends_it_and_from_another_does_not(programme):
    phone, other = silent(programme, 181), programme.phone()
    programme.file("KIT_READY", phone=phone)
    programme.reach_out()
    [case] = programme.rows(Case)
    for asking, still in ((other, True), (phone, False)):
        with programme.database.transaction() as session:
            lost.opened_with_code(session, case.number, asking, at=NOON)
        [own] = programme.rows(Contact, Contact.id == phone)
        assert (own.silent_since is not None) == still
    assert own.proved_at == NOON
    assert own.verify_asked_at is None


@pytest.mark.parametrize("kind", Kind)
def test_the_gate_lets_nothing_personal_out_to_a_silent_phone(settings, kind):
    gate = Gate(settings, {"africastalking": None}, outgoing_allowed=lambda _name: True)
    outbound = Outbound("m1", Channel.SMS, "+22790001234", VERIFY)
    recipient = Recipient(silent=True, texts="yes")
    verdict = gate.check(outbound, kind, gateway="africastalking", recipient=recipient, now=NOON)
    assert verdict.passes == (kind not in (Kind.REMINDER, Kind.BROADCAST))
    assert verdict.passes or verdict.reason == "silent"


def test_a_new_number_that_waits_is_doubted_when_the_old_phone_gives_the_code(programme):
    old, new = programme.phone(), programme.phone()
    case_id = programme.file("KIT_READY", phone=old)
    change = programme.add(
        NumberChange(case_id=case_id, before_id=old, contact_id=new, at=NOON, turn="1" * 32, state="new")
    )
    [case] = programme.rows(Case)
    with programme.database.transaction() as session:
        lost.opened_with_code(session, case.number, new, at=NOON)
    assert programme.rows(NumberChange)[0].state == "new"
    with programme.database.transaction() as session:
        lost.opened_with_code(session, case.number, old, at=NOON)
    assert [(one.id, one.state) for one in programme.rows(NumberChange)] == [(change, "doubted")]
