"""How staff see a missed call: what it is, how often it rang, and when the person may be called."""

import re
from datetime import timedelta

import pytest

from bot.engine.effects import OpenReferral, Terms
from bot.referrals.missed_calls import open_missed_call
from bot.store.models import ReferralEvent, Ticket

DAY = Terms(may_call=True, window="day")
TICKET, PAGE = "3594726", "/desk/referrals/" + "3594726".rjust(32, "a")


@pytest.fixture
def call(opened):
    """A missed call of the assistants' queue."""

    def make(**more):
        values = {"queue": "assistance", "level": "normal", "source": "missed_call", "channel": "voice", "code": "OTH"}
        return opened(TICKET, **{"terms": DAY, "due_in": 600} | values | more)

    return make


@pytest.fixture
def again(database, hands):
    """The phone rings again, minutes ago."""

    def ring(*minutes):
        with database.transaction() as session:
            for n, ago in enumerate(minutes):
                at = hands() - timedelta(minutes=ago)
                session.add(ReferralEvent(referral_id=TICKET.rjust(32, "a"), at=at, kind="called_again"))
                session.add(Ticket(number=f"111222{n}", referral_id=TICKET.rjust(32, "a"), issued_at=at))

    return ring


def plain(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        ((), "appel manqué"),
        ((5,), "appel manqué · a rappelé une fois, 09:07"),
        ((40, 30, 3), "appel manqué · a rappelé 3 fois, la dernière 09:09"),
    ],
)
def test_lists_and_page_say_that_it_rang_and_how_often(moussa, call, again, minutes, words):
    call()
    again(*minutes)
    for path in ("/desk/", "/desk/queues", PAGE):
        assert words in plain(moussa.reads(path)), path
        assert minutes or "a rappelé" not in plain(moussa.reads(path))


def test_the_banner_says_why_one_may_call_and_until_when(moussa, call):
    call(by="moussa")
    page = plain(moussa.reads(PAGE))
    assert "Appeler dans la journée, de 7:00 à 21:00" in page
    assert "La personne a fait sonner la ligne : on peut l’appeler à ce numéro." in page
    assert "Appeler 90 00 65 11" in page


def test_at_night_it_waits_for_the_morning(moussa, call, hands):
    call(by="moussa")
    hands.forward(hours=12)  # 21:12
    moussa.signs_in("moussa")
    page = plain(moussa.reads(PAGE))
    assert "Pas maintenant. Appeler demain, de 7:00 à 21:00." in page
    assert "tel:" not in page


def test_the_history_tells_each_call_and_no_number_that_nobody_was_told(moussa, call, again):
    call()
    again(40, 3)
    page = plain(moussa.reads(PAGE))
    assert page.count("La personne a rappelé") == 2
    assert "111-222" not in page


def test_a_call_that_may_not_be_answered_says_what_every_such_request_says(hadiza, call):
    """Nothing on it tells that the person ever talked in private (safety 19)."""
    call(queue="protection", terms=None)
    page = plain(hadiza.reads(PAGE))
    assert "Ne pas appeler. Ne pas écrire." in page
    assert "Attendre qu’elle refasse le code" in page
    assert "fait sonner" not in page


def test_a_call_as_it_is_recorded_begins_with_the_ringing(moussa, database, ciphers, amina, hands):
    effect = OpenReferral(
        id=TICKET.rjust(32, "a"), ticket=TICKET, queue="assistance", level="normal", code="OTH",
        source="missed_call", terms=DAY,
    )  # fmt: skip
    with database.transaction() as session:
        open_missed_call(session, effect, at=hands(), turn="00" * 16, contact_id=amina, ciphers=ciphers)
    page = plain(moussa.reads(PAGE))
    assert "La personne a fait sonner la ligne appel" in page  # what happened, and by which channel
    assert "premier choix" not in page


def test_other_requests_say_nothing_of_calls(hadiza, opened):
    opened("9412607", terms=DAY)
    for path in ("/desk/", "/desk/queues", "/desk/referrals/" + "9412607".rjust(32, "a")):
        assert "manqué" not in hadiza.reads(path)
