"""Writes the next migration from what the models have and the migrations do not: `make migration NAME="…"`."""

import sys
import tempfile
from pathlib import Path

from bot.config import Settings
from bot.store import migrate
from bot.stores import EmbeddedStores

if __name__ == "__main__":
    name = " ".join(sys.argv[1:]).strip()
    if not name:
        sys.exit('say what changes: make migration NAME="alerts know their office"')
    with tempfile.TemporaryDirectory() as folder, EmbeddedStores(Settings(data_dir=Path(folder))) as stores:
        url = stores.urls["database_url"]
        migrate.upgrade(url)
        migrate.write(url, name)
