"""What staff tell by SMS of a call, help for what is wrong, and what a forged sender gets: nothing."""

from datetime import timedelta

import pytest

from bot.engine.effects import StaffAnswer
from bot.referrals import ladder, writing
from bot.referrals.answering import HELPED_AN_HOUR
from bot.store.models import Referral, Staff
from tests.referrals.conftest import NOON

MINUTE = timedelta(minutes=1)


@pytest.fixture
def climb(office):
    def run(after=timedelta(0)):
        return ladder.climb(office.database, now=NOON + after, settings=office.settings, ciphers=office.ciphers)

    return run


@pytest.fixture
def texts_back(office):
    """A person of the staff texts; returns what they then read, oldest first."""

    def run(staff_id, word, code="", result=0, *, after=MINUTE, digest=None):
        before = len(office.texts(staff_id, "staff"))
        with office.database.transaction() as session:
            writing.staff_answer(
                session, StaffAnswer(answer=word, code=code, result=result), at=NOON + after,
                sender_digest=digest or office.digest_of(staff_id), ciphers=office.ciphers, settings=office.settings,
            )  # fmt: skip
        return office.texts(staff_id, "staff")[before:]

    return run


def calls(office, referral_id):
    return [kind for kind in office.events(referral_id) if kind == "call_logged"]


def test_the_outcome_of_a_call_is_logged_and_stops_the_ladder(office, climb, texts_back):
    first = office.on_duty("a")
    referral = office.need()
    climb()
    [alert] = office.alerts(referral)
    texts_back(first, "ok", alert.code)
    [said] = texts_back(first, "done", alert.code, 2, after=9 * MINUTE)
    assert said == f"{referral_number(office, referral)}: appel note. La suite est dans le bureau."
    found = office.referral(referral)
    assert (found.first_attempt_at, found.state) == (NOON + 9 * MINUTE, "accepted")
    assert office.ladder(referral).due_at is None
    texts_back(first, "done", alert.code, 1, after=20 * MINUTE)
    assert office.referral(referral).state == "in_progress"
    assert len(calls(office, referral)) == 2


def referral_number(office, referral_id):
    ticket = office.referral(referral_id).ticket
    return f"{ticket[:3]}-{ticket[3:]}"


def test_done_without_an_ok_takes_the_request_and_closes_nothing(office, climb, texts_back):
    first = office.on_duty("a")
    referral = office.need()
    climb()
    texts_back(first, "done", office.alerts(referral)[0].code, 1)
    found = office.referral(referral)
    assert (found.accepted_by, found.state, found.outcome) == (first, "in_progress", None)


@pytest.mark.parametrize("result", [0, 6, 9])
def test_without_a_number_of_the_list_the_list_is_told(office, climb, texts_back, result):
    first = office.on_duty("a")
    referral = office.need()
    climb()
    [said] = texts_back(first, "done", office.alerts(referral)[0].code, result)
    assert "1 parle, 2 pas de reponse" in said
    assert not calls(office, referral)
    assert office.referral(referral).state == "new"


def test_nobody_tells_of_a_colleagues_call(office, climb, texts_back):
    first, second = office.on_duty("a"), office.on_duty("b")
    referral = office.need()
    climb()
    climb(16 * MINUTE)
    mine, hers = office.alerts(referral)
    texts_back(first, "ok", mine.code, after=17 * MINUTE)
    [said] = texts_back(second, "done", hers.code, 1, after=18 * MINUTE)[-1:]
    assert "ouvrez le bureau" in said or said.startswith("Rien ne vous attend")
    assert not calls(office, referral)


def test_what_is_over_is_not_reported_on(office, climb, texts_back):
    first = office.on_duty("a")
    referral = office.need()
    climb()
    [alert] = office.alerts(referral)
    texts_back(first, "ok", alert.code)
    with office.database.transaction() as session:
        session.get_one(Referral, referral).state = "closed"
    [said] = texts_back(first, "done", alert.code, 1)
    assert said.startswith("Rien ne vous attend")
    assert not calls(office, referral)


def test_the_code_of_a_digest_says_nothing_of_one_call(office, climb, texts_back):
    first = office.on_duty("a", role="assistant", queue="assistance")
    needs = [office.need(queue="assistance", level="normal") for _ in range(2)]
    climb(timedelta(days=1))
    [code] = {alert.code for need in needs for alert in office.alerts(need)}
    [said] = texts_back(first, "done", code, 1, after=timedelta(days=1, minutes=1))
    assert said == "Ce code vaut pour plusieurs numeros. Notez les appels dans le bureau."
    assert not any(calls(office, need) for need in needs)


def test_a_wrong_word_and_a_wrong_code_read_the_same(office, climb, texts_back):
    first = office.on_duty("a")
    office.need()
    climb()
    [word], [code] = texts_back(first, "unclear"), texts_back(first, "ok", "0000")
    assert word == code
    assert "OK, NON, TARD ou FAIT" in word


def test_help_ends_after_some_texts_and_returns_the_next_hour(office, climb, texts_back):
    first = office.on_duty("a")
    office.need()
    climb()
    told = [len(texts_back(first, "unclear")) for _ in range(HELPED_AN_HOUR + 3)]
    assert told == [1] * HELPED_AN_HOUR + [0] * 3
    assert len(texts_back(first, "unclear", after=61 * MINUTE)) == 1


def test_a_number_of_nobody_gets_no_help(office, texts_back):
    first = office.on_duty("a")
    for word in ("unclear", "done", "ok"):
        assert texts_back(first, word, "5093", 2, digest="stranger") == []
    assert office.texts() == []


def test_who_left_gets_no_help(office, texts_back):
    first = office.on_duty("a")
    with office.database.transaction() as session:
        session.get_one(Staff, first).active = False
    assert texts_back(first, "unclear") == []
