"""What staff tell by SMS of a call, help for what is wrong, and what a forged sender gets: nothing."""

from datetime import timedelta

import pytest

from bot.engine.effects import StaffAnswer, Terms, UpdateReferral
from bot.referrals import ladder, writing
from bot.referrals.answering import HELPED_AN_HOUR
from bot.referrals.guessing import WRONG
from bot.store.models import Audit, Referral, Staff
from tests.referrals.conftest import NOON

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
ALLOWED = Terms(may_call=True, window="any")


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
    assert said.startswith(f"{referral_number(office, referral)}: appel note.")
    found = office.referral(referral)
    assert (found.first_attempt_at, found.state) == (NOON + 9 * MINUTE, "accepted")
    assert office.ladder(referral).why == "unconfirmed"  # nobody else is told, but it does not end here
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


def guesses(office, texts_back, staff_id, count, *, after=MINUTE):
    """Wrong codes, one a second; returns what is read after the last."""
    right = {alert.code for alert in office.alerts()}
    wrong = [code for code in (f"{n:04d}" for n in range(10_000)) if code not in right][:count]
    return [texts_back(staff_id, "done", code, 1, after=after + n * SECOND) for n, code in enumerate(wrong)][-1]


def test_after_five_wrong_codes_the_right_one_counts_for_nothing_for_an_hour(office, climb, texts_back):
    first = office.on_duty("a")
    referral = office.need()
    climb()
    [alert] = office.alerts(referral)
    [said] = guesses(office, texts_back, first, WRONG)
    assert said == (
        "Trop de codes faux depuis votre numero. Les codes par SMS sont en pause jusqu'a 13:01. "
        "Ouvrez le bureau. Ce n'est pas vous? Dites-le."
    )
    texts_back(first, "done", alert.code, 1, after=2 * MINUTE)
    assert office.referral(referral).state == "new"
    assert office.ladder(referral).due_at == NOON + 30 * MINUTE
    texts_back(first, "ok", alert.code, after=62 * MINUTE)
    assert office.referral(referral).accepted_by == first


def test_four_wrong_codes_and_late_ones_leave_the_right_one_alone(office, climb, texts_back):
    first = office.on_duty("a")
    over, referral = office.need(), office.need()
    climb()
    [late], [alert] = office.alerts(over), office.alerts(referral)
    with office.database.transaction() as session:
        session.get_one(Referral, over).state = "closed"
    for n in range(WRONG + 1):
        texts_back(first, "ok", late.code, after=MINUTE + n * SECOND)
    guesses(office, texts_back, first, WRONG - 1, after=2 * MINUTE)
    texts_back(first, "ok", alert.code, after=3 * MINUTE)
    assert office.referral(referral).accepted_by == first


def test_while_codes_rest_an_alert_says_to_open_the_desk_and_gives_none(office, climb, texts_back):
    first, second = office.on_duty("a"), office.on_duty("b")
    office.need()
    climb()
    guesses(office, texts_back, first, WRONG)
    later = office.need(at=NOON + 2 * MINUTE)
    climb(2 * MINUTE)
    [alert] = office.alerts(later)
    assert alert.staff_id == first
    said = office.texts(first, "alert")[-1]
    assert "Ouvrez le bureau avant 12:17. Les codes par SMS sont en pause." in said
    assert alert.code not in said
    climb(17 * MINUTE)
    assert office.alerts(later)[-1].code in " ".join(office.texts(second, "alert"))


def opens_the_desk(office, referral, staff_id):
    with office.database.transaction() as session:
        session.add(Audit(staff_id=staff_id, action="referral_read", subject=f"referral:{referral}"))


@pytest.mark.parametrize("by_sms_before", [True, False])
def test_a_call_told_by_sms_alone_ends_no_ladder(office, climb, texts_back, by_sms_before):
    first, second = office.on_duty("a"), office.on_duty("b")
    referral = office.need(terms=ALLOWED)
    climb()
    [alert] = office.alerts(referral)
    if by_sms_before:
        texts_back(first, "ok", alert.code)
    [said] = texts_back(first, "done", alert.code, 1, after=2 * MINUTE)[-1:]
    assert said.endswith("appel note. Ouvrez le bureau avant 14:02, sinon le suivant est alerte.")
    texts_back(first, "done", alert.code, 1, after=119 * MINUTE)  # more of them put nothing off
    climb(121 * MINUTE)
    assert office.referral(referral).accepted_by == first
    climb(123 * MINUTE)
    assert office.referral(referral).accepted_by is None
    assert office.alerts(referral)[-1].staff_id == second
    assert "vous n'avez pas ouvert le bureau apres votre SMS" in office.texts(first, "staff")[-1]
    assert office.events(referral)[-2:] == ["lapsed", "alerted"]


def test_whoever_opens_the_desk_after_their_sms_keeps_what_they_have(office, climb, texts_back):
    first = office.on_duty("a")
    office.on_duty("b")
    referral = office.need(terms=ALLOWED)
    climb()
    texts_back(first, "done", office.alerts(referral)[0].code, 2)
    opens_the_desk(office, referral, first)
    climb(200 * MINUTE)
    assert office.referral(referral).accepted_by == first
    assert office.ladder(referral).due_at is None
    assert len(office.alerts(referral)) == 1


def test_having_been_at_the_desk_before_the_sms_stands_by_nothing(office, climb, texts_back):
    first = office.on_duty("a")
    office.on_duty("b")
    referral = office.need(terms=ALLOWED)
    climb()
    opens_the_desk(office, referral, first)
    texts_back(first, "done", office.alerts(referral)[0].code, 2)
    opens_the_desk(office, referral, second := office.on_duty("c"))
    climb(200 * MINUTE)
    assert office.referral(referral).accepted_by is None
    assert second not in {alert.staff_id for alert in office.alerts(referral)}


def test_where_no_call_is_allowed_an_ok_by_sms_alone_waits_for_the_desk(office, climb, texts_back):
    first, second = office.on_duty("a"), office.on_duty("b")
    referral = office.need(private=True)
    climb()
    [said] = texts_back(first, "ok", office.alerts(referral)[0].code)
    assert "N'appelez pas, n'ecrivez pas. Ouvrez le bureau avant 14:01" in said
    climb(122 * MINUTE)
    assert office.alerts(referral)[-1].staff_id == second


def test_terms_that_end_a_clock_leave_one_for_what_was_taken_by_sms(office, climb, texts_back):
    first = office.on_duty("a")
    referral = office.need(terms=ALLOWED)
    climb()
    texts_back(first, "ok", office.alerts(referral)[0].code)
    with office.database.transaction() as session:
        writing.update_referral(
            session, UpdateReferral(id=referral, terms=Terms(may_call=False)), at=NOON + 2 * MINUTE, turn="aa",
            ciphers=office.ciphers, settings=office.settings,
        )  # fmt: skip
    assert (office.ladder(referral).why, office.ladder(referral).due_at) == ("unconfirmed", NOON + 122 * MINUTE)


def test_a_lower_level_is_reported_on_by_sms_as_before(office, climb, texts_back):
    first = office.on_duty("a")
    referral = office.need(level="high", terms=ALLOWED)
    climb()
    [said] = texts_back(first, "done", office.alerts(referral)[0].code, 1)[-1:]
    assert said.endswith("appel note. La suite est dans le bureau.")
    assert office.ladder(referral).due_at is None
