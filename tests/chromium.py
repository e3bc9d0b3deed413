"""The browser of the tests marked `browser`: where it is, and how it is started."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = os.environ.get("MARABA_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), "")
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),  # its sandbox refuses root
]
