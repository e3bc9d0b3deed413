"""Check-ins: asked in set weeks, once, answered by SMS or after the code; a problem becomes a request."""

from datetime import date, timedelta

import pytest

from bot.acting import Acting
from bot.engine.effects import OpenReferral
from bot.outreach import checkins
from bot.outreach.acting import ACTS
from bot.referrals.writing import open_referral
from bot.store.models import Case, CheckIn, Message, Referral
from tests.outreach.conftest import NOON

TODAY = date(2026, 11, 24)
ASKED = "Comment ca va ? 1 Bien 2 Il y a un problème Suite : *321#. Effacez ce message."


def weeks_ago(weeks, days=0):
    return TODAY - timedelta(weeks=weeks, days=days)


def says(programme, check_in, question, answer, *, at=NOON, channel="sms", **more):
    with programme.database.transaction() as session:
        values = {"checkin": str(check_in), "question": question, "answer": answer} | more
        ACTS["answer_check_in"](
            Acting(session, values, None, channel, at, "1" * 32, "", programme.ciphers, programme.settings)
        )


@pytest.fixture
def asked(programme):
    programme.file("MONITORING", since=weeks_ago(3))
    programme.reach_out()
    [row] = programme.rows(CheckIn)
    return row


def test_the_question_names_nothing_and_stands_in_the_conversation(programme, asked):
    assert [(kind, text) for kind, text, _ in programme.sent()] == [("reminder", ASKED)]
    [message] = programme.rows(Message)
    assert message.question == {"entry": "checkin", "values": {"checkin": str(asked.id)}}
    assert message.case_id == asked.case_id


def test_nobody_is_asked_twice_nor_between_the_weeks(programme):
    programme.file("MONITORING", since=TODAY)
    for day in (20, 21, 22, 35, 36, 41, 42, 43, 69, 70, 71, 83):
        programme.reach_out(NOON + timedelta(days=day))
    found = programme.rows(CheckIn)
    assert [(one.week, one.due_on) for one in found] == [(week, weeks_ago(-week)) for week in (3, 6, 10)]
    assert len([one for one in programme.sent() if one[1] == ASKED]) == 3


def test_weeks_that_went_by_long_ago_are_not_asked(programme):
    programme.file("MONITORING", since=weeks_ago(9))
    programme.reach_out()
    assert programme.rows(CheckIn) == []


def test_silence_ends_one_after_fourteen_days(programme, asked):
    programme.reach_out(NOON + timedelta(days=14))
    assert programme.rows(CheckIn)[0].state == "asked"
    programme.reach_out(NOON + timedelta(days=14, minutes=5))
    assert programme.rows(CheckIn)[0].state == "silent"


def test_answers_are_kept_as_they_are_given(programme, asked):
    says(programme, asked.id, "running", "no", at=NOON)
    says(programme, asked.id, "visit", "yes", at=NOON + timedelta(minutes=1))
    says(programme, asked.id, "problem", "no")
    says(programme, asked.id, "problem", "no")
    [row] = programme.rows(CheckIn)
    assert (row.state, row.running, row.visit, row.problem, row.channel) == ("answered", False, True, "no", "sms")
    assert row.answered_at == NOON


def test_well_is_two_answers(programme, asked):
    says(programme, asked.id, "well", "yes")
    [row] = programme.rows(CheckIn)
    assert (row.running, row.problem, row.visit) == (True, "no", None)


def test_well_by_sms_days_after_the_answers_on_the_screen_changes_none(programme, asked):
    says(programme, asked.id, "running", "no")
    says(programme, asked.id, "problem", "kit")
    says(programme, asked.id, "well", "yes")
    [row] = programme.rows(CheckIn)
    assert (row.running, row.problem) == (False, "kit")


@pytest.mark.parametrize(("question", "answer"), [("running", "perhaps"), ("state", "silent"), ("problem", "fire")])
def test_what_no_flow_says_changes_nothing(programme, asked, question, answer):
    says(programme, asked.id, question, answer)
    says(programme, 10**6, "running", "yes")
    assert programme.rows(CheckIn)[0].state == "asked"


def need(programme, contact_id, *, referral_id="2" * 32):
    with programme.database.transaction() as session:
        open_referral(
            session, OpenReferral(id=referral_id, ticket="4821737", queue="assistance", level="normal", code="OTH"),
            at=NOON, turn="1" * 32, channel="sms", contact_id=contact_id, case_id=None, office="",
            ciphers=programme.ciphers,
        )  # fmt: skip
    return referral_id


def test_the_request_of_a_problem_told_by_sms_belongs_to_the_file(programme, asked):
    [case] = programme.rows(Case)
    referral = need(programme, case.contact_id)
    says(programme, asked.id, "problem", "other", ref=referral)
    [row] = programme.rows(Referral)
    assert (row.case_id, row.office, row.terms_enc) == (case.id, "Zinder", None)  # calls stay forbidden (safety 1)
    assert programme.rows(CheckIn)[0].referral_id == referral


def test_a_request_of_another_phone_stays_what_it_is(programme, asked):
    referral = need(programme, programme.phone())
    says(programme, asked.id, "problem", "other", ref=referral)
    assert programme.rows(Referral)[0].case_id is None


def test_rates_count_what_is_over(programme):
    for _ in range(3):
        programme.file("MONITORING", since=weeks_ago(3))
    programme.file("MONITORING", since=weeks_ago(3), region="Tahoua", partner="Ondes Apil")
    programme.reach_out()
    first, second, *_ = programme.rows(CheckIn)
    says(programme, first.id, "well", "yes")
    says(programme, second.id, "problem", "kit")
    programme.reach_out(NOON + timedelta(days=15))
    with programme.database.transaction() as session:
        found = sorted(tuple(row) for row in checkins.rates(session))
    assert found == [(3, "Tahoua", "Ondes Apil", 1, 0, 0), (3, "Zinder", "Taagazt", 3, 2, 1)]


def test_where_a_machine_may_not_write_whoever_dials_is_asked_all_the_same(programme):
    programme.file("MONITORING", since=weeks_ago(3), vulnerability="protection")
    programme.reach_out()
    assert programme.sent() == []
    assert [(one.state, one.pushed) for one in programme.rows(CheckIn)] == [("asked", "withheld")]


@pytest.mark.parametrize("how", ["marked", "found"])
def test_a_phone_of_several_is_told_there_is_news_and_asked_after_the_code_alone(programme, how):
    phone = programme.phone()
    programme.file("MONITORING", phone=phone, since=weeks_ago(3), phone_shared=how == "marked")
    if how == "found":
        programme.file("REGISTERED", phone=phone)
    programme.reach_out()
    [(kind, text, _)] = programme.sent()
    assert (kind, text.startswith("Il y a du nouveau")) == ("reminder", True)
    assert programme.rows(Message)[0].question is None
    assert [(one.state, one.pushed) for one in programme.rows(CheckIn)] == [("asked", "told")]
