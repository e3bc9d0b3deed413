"""Stand-ins for the four processes: they start quickly, write down what happens to them, and stop on request
(unless FAKE_STUBBORN names them).

`python -m tests.fake_service NAME FOLDER [PORT]`: NAME.pid and lines in events; `web` answers /health/live.
"""

import http.server
import os
import signal
import sys
import threading
import time
from pathlib import Path


class Live(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def main(name, folder, port=None):
    folder = Path(folder)

    def note(event):
        with (folder / "events").open("a") as file:
            file.write(f"{time.monotonic():.3f} {name} {event}\n")

    def stop(*_):
        if os.environ.get("FAKE_STUBBORN") == name:
            note("asked")
            return
        note("stopped")
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    note(f"started {'with' if os.environ.get('MARABA_REDIS_URL') else 'without'} stores")
    (folder / f"{name}.pid").write_text(str(os.getpid()))
    if port:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Live)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main(*sys.argv[1:])
