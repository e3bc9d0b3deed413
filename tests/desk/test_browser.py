"""The desk in a real browser: nothing is refused by its own policy, and Today stays fresh by itself."""

import subprocess
import threading
from collections.abc import Callable

import pytest
from werkzeug.serving import make_server

from tests.chromium import FLAGS, PROGRAM

from .conftest import MORNING

pytestmark = pytest.mark.browser


@pytest.fixture
def served(app, hadiza):
    """The application on loopback as Hadiza's browser sees it, and a list of what happens at the first refresh."""
    cookie = hadiza.client.get_cookie("maraba_desk", path="/desk").value
    meanwhile: list[Callable[[], object]] = []

    def signed_in(environ, start_response):
        environ["HTTP_COOKIE"] = f"maraba_desk={cookie}"
        if "HTTP_X_MARABA_REFRESH" in environ and meanwhile:
            meanwhile.pop()()
        return app(environ, start_response)

    server = make_server("127.0.0.1", 0, signed_in, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}", meanwhile
    server.shutdown()
    server.server_close()


def visit(address: str, *, seconds: int) -> tuple[str, list[str]]:
    """The page after so many seconds of the browser's own time, and what its console said."""
    command = [
        PROGRAM,
        "--headless",
        "--enable-logging=stderr",
        *FLAGS,
        f"--virtual-time-budget={seconds * 1000}",
        "--dump-dom",
        address,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_no_page_breaks_its_own_policy(served, opened):
    base, _ = served
    referral = opened("9412607", terms=MORNING, by="hadiza")
    for path in ("/desk/", "/desk/queues", f"/desk/referrals/{referral}"):
        page, console = visit(base + path, seconds=5)
        assert "941-2607" in page
        assert console == [], path


def test_today_renews_itself_and_says_that_an_alert_is_new(served, opened):
    base, meanwhile = served
    opened("7352082", told="hadiza")
    meanwhile.append(lambda: opened("1234567", told="hadiza"))
    page, console = visit(f"{base}/desk/", seconds=70)
    assert "123-4567" in page
    assert "Nouvelle alerte critique sans réponse</p>" in page
    assert console == []
