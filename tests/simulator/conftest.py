"""A service of a few screens on a free port, with the simulator in it."""

import pytest
import requests

from tests.machine import free_port
from tests.simulator.fake_line import FakeLine, serve

STAFF = "+22790004410"


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def line(settings, database, ciphers, queue_client, port):
    """The service, listening."""
    here = settings.model_copy(update={"port": port})
    line = FakeLine(here, database, ciphers, queue_client, staff=STAFF)
    server = serve(line, port)
    yield line
    line.settle()
    server.shutdown()
    server.server_close()


class Page:
    """What the page's scripts do."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def get(self, path):
        with requests.get(f"{self.base}/simulator/{path}", timeout=10) as response:
            return response

    def post(self, path, **body):
        with requests.post(f"{self.base}/simulator/api/{path}", json=body, timeout=15) as response:
            return response


@pytest.fixture
def page(line, port):
    return Page(port)


@pytest.fixture
def messages(page):
    """Waits until `count` messages have arrived on phones, and returns all."""

    def wait(count, seconds=8.0):
        import time

        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = [event for event in page.get("api/news").json()["events"] if event["kind"] == "message"]
            if len(found) >= count:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{count} messages did not arrive in {seconds} s")

    return wait
