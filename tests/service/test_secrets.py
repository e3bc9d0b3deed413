"""The running service at its most talkative: no secret, no number and no text in its log."""

import json
import signal

import pytest
import requests

from tests.machine import eventually
from tests.service.conftest import SECRETS
from tests.standin import AfricasTalkingCaller, TwilioCaller

pytestmark = pytest.mark.slow

PERSON, TEXT = "+22795551234", "je me cache pres du puits"


@pytest.fixture
def callers(shaken):
    made = (shaken.caller(AfricasTalkingCaller, tries=1), shaken.caller(TwilioCaller))
    yield made
    for caller in made:
        caller.close()


def test_hooks_and_sends_well_and_failing_leave_nothing_in_the_log(shaken, callers):
    africastalking, twilio = callers
    before = len(shaken.log.read_text())

    def log():
        return shaken.log.read_text()[before:]

    for caller in callers:
        assert caller.sms(PERSON, TEXT).status == 200
    eventually(lambda: len(shaken.stand_in.sent_to(PERSON)) == 2)
    shaken.stand_in.fail(500)
    assert africastalking.sms(PERSON, TEXT).status == 200
    assert twilio.whatsapp(PERSON, TEXT).status == 200
    eventually(lambda: "http_500" in log())
    shaken.stand_in.well()
    for path in (
        "africastalking/guess-of-a-secret/sms",
        "twilio/message",
        "meta",
        f"kannel/{SECRETS['HOOK_SECRET']}/x",
    ):
        refused = requests.post(f"{shaken.base}/hooks/{path}", data={"From": PERSON, "text": TEXT}, timeout=10)
        assert refused.status_code in {400, 403, 405}
    shaken.kill("conversation", signal.SIGSTOP)
    try:
        assert africastalking.sms(PERSON, TEXT).status == 503
        assert twilio.sms(PERSON, TEXT).status == 503
    finally:
        shaken.kill("conversation", signal.SIGCONT)
    eventually(lambda: "store_down" in log())
    said = shaken.log.read_text()
    for hidden in (*SECRETS.values(), "guess-of-a-secret", PERSON[1:], PERSON[4:], TEXT, json.dumps(TEXT)):
        assert hidden not in said
