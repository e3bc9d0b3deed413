"""A JSON line a record, on the disk before the caller goes on."""

import json
import os
import threading
from pathlib import Path
from typing import Any


class Journal:
    """Appends records to a file, each one fsynced; without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._file = path.open("ab") if path is not None else None

    def write(self, record: dict[str, Any]) -> None:
        """Append one record; it is on the disk on return."""
        if self._file is None:
            return
        line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
        with self._lock:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Every whole record; a line cut by a kill is left out."""
    found = []
    for line in path.read_bytes().split(b"\n"):
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
