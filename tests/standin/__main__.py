"""`python -m tests.standin --port 9100 --journal taken.jsonl`: until SIGTERM or SIGINT.

POST /control takes {"do": "slow", "seconds": 2}, fail, vanish, refuse, well, pause, resume, keep; GET /messages lists.
"""

import argparse
import signal
import threading
from pathlib import Path

from tests.standin.server import StandIn


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.standin")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", type=Path)
    options = parser.parse_args()
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    with StandIn(port=options.port, journal=options.journal) as stand_in:
        print(stand_in.url, flush=True)
        end.wait()


if __name__ == "__main__":
    main()
