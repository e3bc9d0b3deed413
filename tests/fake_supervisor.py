"""The real supervisor with stand-in processes: `python -m tests.fake_supervisor FOLDER`, settings by environment;
FAKE_PATIENCE: seconds in which each must have stopped.
"""

import os
import sys

from bot import config
from bot.cli import typer
from bot.errors import BotError
from bot.supervisor import Supervisor


def main(folder):
    settings = config.load()
    module = [sys.executable, "-m", "tests.fake_service"]
    children = {name: [*module, name, folder] for name in ("recorder", "worker", "clock")}
    children["web"] = [*module, "web", folder, str(settings.port)]
    patience = float(os.environ.get("FAKE_PATIENCE", "8"))
    try:
        Supervisor(settings, children=children, prepare=lambda _settings: None, patience=patience).run()
    except BotError as fault:
        typer.echo(f"maraba: {fault}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
