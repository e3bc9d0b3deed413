"""The stand-in is trusted by the crash tests: here it is tried itself."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from flask import Flask, Response, request
from werkzeug.serving import make_server

from bot.config import Settings
from bot.errors import SendError, WebhookError
from bot.messages import Channel, Outbound
from handlers.africastalking import AfricasTalking
from handlers.registry import build
from handlers.twilio import Twilio
from tests.standin import AfricasTalkingCaller, StandIn, TwilioCaller, read_journal

AMINA = "+22790123456"
MESSAGE = Outbound("m1", Channel.SMS, AMINA, "Sannu")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(journal=tmp_path / "taken.jsonl") as running:
        yield running


@pytest.fixture
def gateway(stand_in: StandIn) -> AfricasTalking:
    return AfricasTalking(Settings(africastalking_api_url=stand_in.url))


class Hooks:
    """A service that has gateways and nothing behind them: it notes events and fails on demand."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.failures = 0
        self.settings = Settings()
        app = Flask(__name__)
        app.add_url_rule("/hooks/<name>/<secret>/<kind>", view_func=self.receive, methods=["POST"])
        app.add_url_rule("/hooks/<name>/<kind>", view_func=self.receive, methods=["POST"])
        self.server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.gateways = build(Settings(public_url=self.url), ["africastalking", "twilio"])

    def receive(self, name: str, kind: str, secret: str | None = None) -> Response:
        gateway = self.gateways[name]
        if self.failures:
            self.failures -= 1
            return gateway.render_down(kind, "Plus tard")
        try:
            gateway.verify(request, secret)
            self.events += gateway.parse(request, kind)
        except WebhookError as error:
            return Response(status=error.status)
        return gateway.render(kind, "1 Oui", final=False)


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    running = Hooks()
    thread = threading.Thread(target=running.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield running
    running.server.shutdown()
    running.server.server_close()
    thread.join()


@pytest.fixture
def callers(hooks: Hooks, tmp_path: Path) -> Iterator[tuple[AfricasTalkingCaller, TwilioCaller]]:
    africastalking = AfricasTalkingCaller(hooks.url, journal=tmp_path / "at.jsonl", pause=0.01)
    twilio = TwilioCaller(hooks.url, journal=tmp_path / "twilio.jsonl")
    yield africastalking, twilio
    africastalking.close()
    twilio.close()


Callers = tuple[AfricasTalkingCaller, TwilioCaller]


def test_what_was_taken_is_in_the_journal(stand_in: StandIn, gateway: AfricasTalking, tmp_path: Path):
    sent = gateway.send(MESSAGE)
    [record] = read_journal(tmp_path / "taken.jsonl")
    assert (record["external_id"], record["to"], record["text"]) == (sent.external_id, AMINA, "Sannu")
    assert stand_in.sent_to(AMINA) == stand_in.wait_for(1)


def test_a_fault_for_two_calls_ends_after_two(stand_in: StandIn, gateway: AfricasTalking):
    stand_in.fail(500, times=2)
    for _ in range(2):
        with pytest.raises(SendError):
            gateway.send(MESSAGE)
    gateway.send(MESSAGE)
    assert len(stand_in.messages) == 1


def test_a_fault_of_the_other_gateway_is_not_ours(stand_in: StandIn, gateway: AfricasTalking):
    stand_in.fail(500, gateway="twilio")
    gateway.send(MESSAGE)
    stand_in.fail(500)
    stand_in.well()
    gateway.send(MESSAGE)
    assert len(stand_in.messages) == 2


def test_a_pause_holds_calls_until_it_ends(stand_in: StandIn, gateway: AfricasTalking):
    stand_in.pause()
    thread = threading.Thread(target=gateway.send, args=(MESSAGE,))
    thread.start()
    time.sleep(0.2)
    assert stand_in.messages == []
    stand_in.resume()
    thread.join(5)
    assert len(stand_in.messages) == 1


def test_after_a_stop_it_listens_again_on_the_same_port(stand_in: StandIn, gateway: AfricasTalking):
    gateway.send(MESSAGE)
    url = stand_in.url
    stand_in.stop()
    with pytest.raises(SendError):
        gateway.send(MESSAGE)
    stand_in.start()
    assert stand_in.url == url
    gateway.send(MESSAGE)
    assert len(stand_in.messages) == 2


def test_calls_without_credentials_are_refused_as_the_real_ones_do(stand_in: StandIn):
    africastalking = requests.post(f"{stand_in.url}/version1/messaging", data={"to": AMINA}, timeout=5)
    twilio = requests.post(f"{stand_in.url}/2010-04-01/Accounts/AC0/Messages.json", data={"To": AMINA}, timeout=5)
    assert (africastalking.status_code, twilio.status_code) == (401, 401)
    assert stand_in.messages == []


def test_its_own_process_keeps_what_it_answered_through_a_kill(tmp_path: Path):
    journal = tmp_path / "taken.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.standin", "--journal", str(journal)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        gateway = AfricasTalking(Settings(africastalking_api_url=url))
        sent = gateway.send(MESSAGE)
        requests.post(f"{url}/control", json={"do": "refuse", "code": 406, "times": 1}, timeout=5)
        with pytest.raises(SendError, match="UserInBlacklist"):
            gateway.send(MESSAGE)
        listed = requests.get(f"{url}/messages", timeout=5).json()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert [record["external_id"] for record in read_journal(journal)] == [sent.external_id]
    assert [record["external_id"] for record in listed] == [sent.external_id]


def test_a_dialled_session_grows_its_transcript(hooks: Hooks, callers: Callers):
    call = callers[0].dial(AMINA)
    call.answer("1", "2")
    call.post()
    call.drop()
    assert [event.text for event in hooks.events[:4]] == ["", "1", "1*2", "1*2"]
    assert hooks.events[2].external_id == hooks.events[3].external_id
    assert (call.screen.text, call.screen.ended) == ("1 Oui", False)


def test_a_ussd_step_is_not_repeated_by_the_gateway(hooks: Hooks, callers: Callers):
    hooks.failures = 1
    assert callers[0].dial(AMINA).screen.ended
    assert hooks.events == []


def test_an_sms_is_repeated_with_the_same_id_until_it_is_taken(hooks: Hooks, callers: Callers, tmp_path: Path):
    hooks.failures = 3
    seen = callers[0].sms(AMINA, "AIKI")
    assert (seen.status, seen.attempt) == (200, 4)
    assert len(hooks.events) == 1
    records = read_journal(tmp_path / "at.jsonl")
    assert [record["event"] for record in records] == ["sent", "seen"] * 4
    assert len({record["form"]["id"] for record in records}) == 1


def test_an_sms_to_nobody_is_given_up_at_the_bound():
    caller = AfricasTalkingCaller("http://127.0.0.1:9", tries=3, pause=0.01)
    assert (caller.sms(AMINA, "AIKI").status, len(caller.exchanges)) == (0, 3)
    caller.close()


def test_twilio_drops_what_failed_once(hooks: Hooks, callers: Callers, tmp_path: Path):
    hooks.failures = 1
    assert callers[1].sms(AMINA, "AIKI").status == 503
    assert hooks.events == []
    assert [record["event"] for record in read_journal(tmp_path / "twilio.jsonl")] == ["sent", "seen", "dropped"]


def test_twilio_with_a_fallback_calls_a_second_time(hooks: Hooks):
    caller = TwilioCaller(hooks.url, fallback=True)
    hooks.failures = 1
    assert caller.whatsapp(AMINA, "AIKI").status == 200
    assert len(hooks.events) == 1
    caller.close()


def test_what_twilio_dropped_can_be_listed(hooks: Hooks, stand_in: StandIn):
    caller = TwilioCaller(hooks.url, stand_in=stand_in)
    hooks.failures = 1
    caller.whatsapp(AMINA, "AIKI", external_id="SM1")
    caller.close()
    [found] = Twilio(Settings(twilio_api_url=stand_in.url)).missed(datetime.now(UTC) - timedelta(minutes=5))
    assert (found.external_id, found.address, found.text, found.channel) == ("SM1", AMINA, "AIKI", Channel.WHATSAPP)


HOOKS: dict[str, Callable[[Callers], object]] = {
    "sms of africastalking": lambda callers: callers[0].sms(AMINA, "AIKI"),
    "status of africastalking": lambda callers: callers[0].status("ATXid_1", "Success", address=AMINA),
    "optout of africastalking": lambda callers: callers[0].optout(AMINA),
    "end of africastalking": lambda callers: callers[0].ended("ATUid_1", AMINA),
    "sms of twilio": lambda callers: callers[1].sms(AMINA, "AIKI"),
    "whatsapp of twilio": lambda callers: callers[1].whatsapp(AMINA, "Ee", ButtonPayload="yes"),
    "status of twilio": lambda callers: callers[1].status("SM1", "failed", to=AMINA, code="30003"),
}


@pytest.mark.parametrize("name", list(HOOKS))
def test_every_hook_of_a_caller_is_taken_by_the_gateway(hooks: Hooks, callers: Callers, name: str):
    assert HOOKS[name](callers).status == 200
    assert len(hooks.events) == 1


def test_a_caller_with_another_token_or_secret_is_refused(hooks: Hooks):
    forger, guesser = TwilioCaller(hooks.url, token="guess"), AfricasTalkingCaller(hooks.url, secret="guess", tries=1)
    assert (forger.sms(AMINA, "AIKI").status, guesser.sms(AMINA, "AIKI").status) == (403, 403)
    assert hooks.events == []
    forger.close()
    guesser.close()
