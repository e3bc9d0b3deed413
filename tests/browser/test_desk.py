"""From the line to the desk: who dials is on Hadiza's page a moment later, and she learns how to call."""

import re
import time

import pytest
import requests

from bot.config import Settings
from bot.talk import Terminal, talk

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ALERT_IN = 30.0  # seconds, on a busy machine
PHONE = "+22790001277"
FRENCH, PRIVATE, URGENT, ALWAYS, A_WOMAN = "1", "9", "1", "1", "1"


@pytest.fixture
def ticket(service):
    """The number that somebody got at the end of a private talk, once its alert has left."""
    keys, screens = [FRENCH, PRIVATE, URGENT, ALWAYS, A_WOMAN], []
    talk(Settings(), channel="ussd", phone=PHONE, url=service, terminal=Terminal(lambda _: keys.pop(0), screens.append))
    number = re.search(r"\d{3}-\d{4}", "".join(screens))[0]
    end = time.monotonic() + ALERT_IN
    while not any(number in event.get("text", "") for event in _news(service)):
        assert time.monotonic() < end, "no alert"
        time.sleep(0.2)
    return number


def _news(service):
    events = requests.get(f"{service}/simulator/api/news", timeout=10).json()["events"]
    return [event for event in events if event["kind"] == "message"]


@pytest.fixture
def desk(opened):
    """The desk on Hadiza's phone, signed in as the sign-in page tells developers."""
    page = opened("/desk/sign-in", width=360, height=800)
    page.fill("[name=login]", "hadiza")
    page.fill("[name=password]", page.inner_text("code.secret"))
    page.press("[name=password]", "Enter")
    page.wait_for_selector("h1:text('Aujourd')")
    return page


def test_hadiza_takes_the_request_and_reads_first_how_to_call(ticket, desk, picture):
    card = f"article[aria-label='{ticket}']"
    desk.wait_for_selector(card)
    picture(desk, "desk-today-360")
    desk.click(f"{card} .button.first")
    desk.wait_for_selector(f"h1:text('{ticket}')")
    first = desk.inner_text("section.safe")
    assert re.search(r"Qui appelle\s+une femme", first)
    assert "Pas de message écrit." in first
    picture(desk, "desk-request-360")
