"""The REST API under /api/v1: what a case system pushes and reads. `register(app, services)` adds it to an application."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.exceptions import HTTPException

from bot.api import answering, document, problems, routes, views
from bot.api.calling import Api, Clock, Services, utc_now

__all__ = ["register"]

PREFIX = "/api/v1"
OPERATIONS = (views,)  # imported for what it does: it puts its operations into `routes`


def register(app: Flask, services: Services, *, clock: Clock = utc_now) -> None:
    """Add /api/v1 to `app`, with answers of its own for what is not there."""
    app.extensions["maraba_api"] = Api(services, clock)
    for route in routes.ROUTES:
        app.add_url_rule(
            f"{PREFIX}{route.flask_path}", endpoint=f"api.{route.name}", view_func=answering.view(route),
            methods=[route.method], provide_automatic_options=False,
        )  # fmt: skip

    app.add_url_rule(f"{PREFIX}/openapi.json", endpoint="api.document", view_func=document.serve, methods=["GET"])

    def elsewhere(error: HTTPException) -> Any:
        return problems.of_http(error)

    for status in (404, 405, 413):
        app.register_error_handler(status, elsewhere)
