"""The running service at its most talkative: no secret, no number and no text in its log."""

import json
import signal

import pytest
import requests

from tests.machine import eventually
from tests.service.running import Running
from tests.standin import AfricasTalkingCaller, TwilioCaller

pytestmark = pytest.mark.slow

PERSON, TEXT = "+22795551234", "je me cache pres du puits"
SECRETS = {
    name: f"told-{name.lower()}-0123456789"
    for name in ("HOOK_SECRET", "TWILIO_AUTH_TOKEN", "AFRICASTALKING_API_KEY", "KANNEL_PASSWORD", "META_APP_SECRET")
}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    secrets = {f"MARABA_{name}": value for name, value in SECRETS.items()}
    running = Running(tmp_path_factory.mktemp("secrets"), MARABA_LOG_LEVEL="DEBUG", **secrets)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def callers(service):
    made = (
        AfricasTalkingCaller(service.base, secret=SECRETS["HOOK_SECRET"], tries=1),
        TwilioCaller(service.base, token=SECRETS["TWILIO_AUTH_TOKEN"]),
    )
    yield made
    for caller in made:
        caller.close()


def test_hooks_and_sends_well_and_failing_leave_nothing_in_the_log(service, callers):
    africastalking, twilio = callers
    for caller in callers:
        assert caller.sms(PERSON, TEXT).status == 200
    eventually(lambda: len(service.stand_in.sent_to(PERSON)) == 2)
    service.stand_in.fail(500)
    assert africastalking.sms(PERSON, TEXT).status == 200
    assert twilio.whatsapp(PERSON, TEXT).status == 200
    eventually(lambda: "http_500" in service.log.read_text())
    service.stand_in.well()
    for path in (
        "africastalking/guess-of-a-secret/sms",
        "twilio/message",
        "meta",
        f"kannel/{SECRETS['HOOK_SECRET']}/x",
    ):
        refused = requests.post(f"{service.base}/hooks/{path}", data={"From": PERSON, "text": TEXT}, timeout=10)
        assert refused.status_code in {400, 403, 405}
    service.kill("conversation", signal.SIGSTOP)
    try:
        assert africastalking.sms(PERSON, TEXT).status == 503
        assert twilio.sms(PERSON, TEXT).status == 503
    finally:
        service.kill("conversation", signal.SIGCONT)
    eventually(lambda: "store_down" in service.log.read_text())
    log = service.log.read_text()
    for hidden in (*SECRETS.values(), "guess-of-a-secret", PERSON[1:], PERSON[4:], TEXT, json.dumps(TEXT)):
        assert hidden not in log
