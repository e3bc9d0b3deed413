"""The service over HTTP, held to its own document by whoever tries what nobody thought of."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from bot.data.tokens import SCOPES

pytestmark = pytest.mark.slow
EXAMPLES = 8  # of each operation in each phase


class Quiet(WSGIRequestHandler):
    def log_request(self, *_):
        pass


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"api_rate": 1_000_000})


@pytest.fixture
def address(app, settings):
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()


def test_the_service_does_what_its_document_says(address, key, cases, tmp_path):
    secret = key("schemathesis", scopes=SCOPES).secret
    program = Path(sys.executable).with_name("st")
    done = subprocess.run(
        [program, "run", f"{address}/api/v1/openapi.json", "--header", f"Authorization: Bearer {secret}",
         "--checks", "all", "--max-examples", str(EXAMPLES), "--seed", "7", "--no-color",
         "--suppress-health-check", "all"],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300,
        env=os.environ | {"NO_PROXY": "127.0.0.1", "COLUMNS": "160"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
