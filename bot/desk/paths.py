"""Where a page may send its reader."""

from __future__ import annotations

from flask import url_for


def own_path(path: str | None) -> str:
    """A path of the desk; anything else leads to Today, so that a link can't send a reader elsewhere."""
    home: str = url_for("desk.today")
    if path and path.startswith(home) and "\\" not in path and "//" not in path and path.isprintable():
        return path
    return home
