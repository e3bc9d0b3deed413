"""A store or a gateway that is away, stopped or hung: people are served, and nothing is half done."""

import os
import signal
import time

import psutil
import pytest

from tests.machine import eventually
from tests.service.running import tickets
from tests.standin import AfricasTalkingCaller

pytestmark = pytest.mark.slow


def phone(number):
    return f"+2279333{number:04d}"


def stuck(shaken, number):
    """A critical need, up to its ticket number."""
    call = shaken.africastalking.dial(phone(number))
    shown = call.answer("1", "2", "5", "3", "1", "1", "1", "1")
    return tickets(shown.text)


def _whole_postgresql(shaken, number):
    """With the processes that serve connections, as on a machine that stands still."""
    for pid in shaken.pids("postgres"):
        server = psutil.Process(pid)
        for process in (server, *server.children(recursive=True)):
            os.kill(process.pid, number)


def test_with_postgresql_hung_people_talk_and_files_are_kindly_away(shaken):
    _whole_postgresql(shaken, signal.SIGSTOP)
    try:
        time.sleep(6)  # the sweeps have met it: whoever waits for it waits now
        began = time.monotonic()
        [ticket] = stuck(shaken, 1)
        call = shaken.africastalking.dial("+22790001234")
        away = call.answer("1", "1", "482719368", "1991")
        assert "ne voyons pas les dossiers" in away.text
        assert time.monotonic() - began < 20
        shaken.africastalking.sms(phone(2), "Bonjour")
        assert eventually(lambda: shaken.stand_in.sent_to(phone(2)), within=30)
        assert not shaken.alerts(ticket)
    finally:
        _whole_postgresql(shaken, signal.SIGCONT)
    eventually(lambda: shaken.alerts(ticket), within=60)
    assert shaken.query("select count(*) from tickets where number = %(t)s", t=ticket) == [(1,)]


def test_with_the_conversation_store_hung_a_call_is_rejected_and_counts_once_it_has_ended(shaken):
    shaken.kill("conversation", signal.SIGSTOP)
    try:
        ringing = shaken.africastalking.voice("ATVId_outage", phone(9))
        assert (ringing.status, "<Reject/>" in ringing.body) == (200, True)
        ringing = shaken.twilio.voice("CA" + "9" * 32, phone(9))
        assert (ringing.status, "<Reject" in ringing.body) == (200, True)
    finally:
        shaken.kill("conversation", signal.SIGCONT)
    eventually(lambda: shaken.africastalking.voice("ATVId_outage", phone(9), ended=True).status == 200)
    eventually(lambda: shaken.opened(phone(9), "missed_call") == 1, within=30)


def test_with_the_conversation_store_hung_ussd_says_so_and_sms_is_asked_again(shaken):
    shaken.kill("conversation", signal.SIGSTOP)
    try:
        shown = shaken.africastalking.dial(phone(3)).screen
        assert shown.status == 200
        assert shown.body.startswith("END Pas de service")
        assert "17" in shown.text
    finally:
        shaken.kill("conversation", signal.SIGCONT)
    assert shaken.africastalking.sms(phone(3), "RAPPEL", external_id="while-hung").status == 200
    assert eventually(lambda: shaken.africastalking.dial(phone(4)).screen.text.startswith("1 Francais"))


def test_an_sms_hook_answers_503_while_the_store_is_away_and_the_gateway_brings_it_again(shaken):
    shaken.kill("conversation", signal.SIGSTOP)
    impatient = shaken.caller(AfricasTalkingCaller, tries=1)
    try:
        assert impatient.sms(phone(5), "RAPPEL", external_id="once").status == 503
    finally:
        shaken.kill("conversation", signal.SIGCONT)
        impatient.close()
    assert shaken.africastalking.sms(phone(5), "RAPPEL", external_id="once").status == 200
    eventually(lambda: len(shaken.stand_in.sent_to(phone(5))) == 1)


def test_with_the_gateway_down_sends_wait_and_hooks_do_not(shaken):
    shaken.stand_in.fail(500)
    try:
        began = time.monotonic()
        shaken.africastalking.sms(phone(6), "Bonjour")
        assert time.monotonic() - began < 5
        time.sleep(1)
        assert not shaken.stand_in.sent_to(phone(6))
    finally:
        shaken.stand_in.well()
    assert len(eventually(lambda: shaken.stand_in.sent_to(phone(6)), within=90)) == 1


def test_a_slow_gateway_holds_up_no_hook(shaken):
    shaken.stand_in.slow(4)
    try:
        for number in range(10, 20):
            began = time.monotonic()
            shaken.africastalking.sms(phone(number), "Bonjour")
            assert time.monotonic() - began < 3
    finally:
        shaken.stand_in.well()
    eventually(lambda: all(shaken.stand_in.sent_to(phone(n)) for n in range(10, 20)), within=90)
