"""Is every part well, and what is set: for who runs the line. No text, no number, no request."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from bot.desk import presenting_service
from bot.desk.blueprint import blueprint
from bot.desk.services import now, services

REFRESH_SECONDS = 30


@blueprint.get("/service")
def service() -> ResponseReturnValue:
    """Reads what /health and /metrics read; renews itself."""
    parts = presenting_service.parts(services(), now())
    return render_template(
        "desk/service.html", parts=parts, worst=presenting_service.worst(parts), here="desk.service",
        refresh=REFRESH_SECONDS,
    )  # fmt: skip


@blueprint.get("/settings")
def settings() -> ResponseReturnValue:
    """Every setting as it is; of a secret only whether it is set."""
    return render_template(
        "desk/settings.html", settings=presenting_service.settings(services().settings), here="desk.settings"
    )
