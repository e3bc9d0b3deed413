"""Twilio drops a message whose hook fails: its fallback address, and our own look at its list, bring it back."""

import signal
import time

import pytest

from tests.machine import eventually
from tests.standin import TwilioCaller

pytestmark = pytest.mark.slow


@pytest.fixture
def twilio(shaken):
    """Every message that is sent stands in the gateway's list, too, whatever our hook says."""
    caller = shaken.caller(TwilioCaller, stand_in=shaken.stand_in)
    yield caller
    caller.close()


def phone(number):
    return f"+2279444{number:04d}"


def test_what_came_while_the_store_stood_still_is_answered_once(shaken, twilio):
    shaken.kill("conversation", signal.SIGSTOP)
    try:
        failed = [twilio.sms(phone(1), "Bonjour"), twilio.sms(phone(2), "RAPPEL"), twilio.whatsapp(phone(3), "salam")]
        assert [exchange.status for exchange in failed] == [503, 503, 503]
    finally:
        shaken.kill("conversation", signal.SIGCONT)
    people = [phone(1), phone(2), f"whatsapp:{phone(3)}"]
    for person in people:
        eventually(lambda person=person: shaken.stand_in.sent_to(person), within=60)
    time.sleep(3)  # it has looked twice more by now
    assert [len(shaken.stand_in.sent_to(person)) for person in people] == [1, 1, 1]
    assert shaken.opened(phone(2), "callback") == 1


def test_a_call_that_rang_while_the_store_stood_still_is_one_request(shaken, twilio):
    shaken.kill("conversation", signal.SIGSTOP)
    try:
        assert twilio.voice("CAmissed", phone(7)).status == 200  # rejected all the same, at no cost
    finally:
        shaken.kill("conversation", signal.SIGCONT)
    eventually(lambda: shaken.opened(phone(7), "missed_call") == 1, within=60)
    twilio.voice("CAmissed", phone(7), status="busy")
    time.sleep(3)  # it has looked twice more by now
    assert shaken.opened(phone(7), "missed_call") == 1


def test_the_fallback_address_brings_the_same_message_as_one_turn(shaken):
    caller = shaken.caller(TwilioCaller, fallback=True)
    try:
        assert caller.sms(phone(4), "RAPPEL", external_id="SMfall").status == 200
        assert caller.sms(phone(4), "RAPPEL", external_id="SMfall").status == 200  # the first answer was lost
    finally:
        caller.close()
    eventually(lambda: shaken.stand_in.sent_to(phone(4)))
    time.sleep(2)
    assert len(shaken.stand_in.sent_to(phone(4))) == 1


def test_overrides_behind_a_number_sign_do_not_travel_and_do_not_count(shaken):
    """Twilio reads `#rc=3&rp=all` off the address it was given; it signs and calls the address without."""
    caller = shaken.caller(TwilioCaller, overrides="#rc=3&rp=all&ct=2000&rt=8000")
    try:
        assert caller.sms(phone(5), "Bonjour").status == 200
    finally:
        caller.close()


def test_a_report_whose_address_names_our_message_is_taken(shaken, twilio):
    twilio.sms(phone(6), "MENU")
    [sent] = eventually(lambda: shaken.stand_in.sent_to(phone(6)))
    message = sent.status_url.partition("?m=")[2]
    assert len(message) == 32
    assert twilio.status(sent.external_id, "delivered", to=phone(6), message=message).status == 200
    state = "select state from messages where id = %(m)s"
    eventually(lambda: shaken.query(state, m=message) == [("delivered",)])
