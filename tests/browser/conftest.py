"""Chromium and the whole service, as `make run` starts it, on a free port with a data folder of its own.

`--pictures docs/pictures` saves what the README shows.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from tests.machine import free_port

STARTS_IN = 300.0  # seconds, on a busy machine


@pytest.fixture(scope="session")
def service():
    """Its address. Started once; ended as Ctrl-C does. MARABA_TEST_SERVICE names one that runs already."""
    if os.environ.get("MARABA_TEST_SERVICE"):
        yield os.environ["MARABA_TEST_SERVICE"]
        return
    folder = Path(tempfile.mkdtemp(prefix="maraba-browser-"))
    port = free_port()
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MARABA_")}
    settings = {
        "MARABA_DATA_DIR": str(folder / "data"),
        "MARABA_PORT": str(port),
        "MARABA_TIMEZONE": _a_morning(),
        "NO_PROXY": "127.0.0.1",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot.cli", "up"], env=plain | settings, stdout=log, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, folder / "log")
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _a_morning():
    """A time zone where today's ten o'clock has just been: no quiet hour holds a message back, whenever the tests run."""
    ahead = max(-12, 10 - datetime.now(UTC).hour)
    return f"Etc/GMT{-ahead:+d}"  # the sign of these names is turned round


def _wait(url, process, log):
    end = time.monotonic() + STARTS_IN
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            people = requests.get(f"{url}/simulator/api/start", timeout=5).json()["people"]
            if any(person["staff"] for person in people) and requests.get(f"{url}/health/ready", timeout=5).ok:
                return
        except (requests.RequestException, ValueError, KeyError):
            pass
        time.sleep(0.3)
    raise AssertionError("the service did not start:\n" + log.read_text(errors="replace")[-3000:])


@pytest.fixture
def opened(chromium, service):
    """Opens a page of the service; fails the test on any error in the page's console."""
    contexts, faults = [], []

    def open_page(path="/simulator/", *, width=1280, height=1190, dark=False, **more):
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", **more
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.goto(service + path)
        if path.startswith("/simulator"):
            page.wait_for_selector("body[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def picture(request):
    """Saves a picture for the README where `--pictures` asks for it."""
    folder = request.config.getoption("--pictures")

    def take(page, name):
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.evaluate("() => window.scrollTo(0, 0)")
            page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=page.viewport_size["width"] > 600)

    return take
