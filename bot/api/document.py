"""The OpenAPI 3.1 document, made of the operations and their models; tests hold the running service to it."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from flask import Response
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bot.api import routes, shapes
from bot.api.problems import TITLES
from bot.api.routes import Route

ALWAYS = (401, 403, 422, 429, 503)
_OF_THE_BODY = (400, 413, 415)
_REF = "#/components/schemas/{model}"
_PATH = {
    "number": {"type": "string", "pattern": "^[1-9][0-9]{8}$", "examples": ["482719368"]},
    "id": {"type": "integer", "minimum": 1, "maximum": 10**18 - 1},
}
_KEY = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "description": "Any name of this very request: the same again within a day gets the same answer.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$", "minLength": 1, "maxLength": 200},
}  # fmt: skip


def serve() -> Response:
    """The document, for everybody."""
    return Response(_packed(), content_type="application/json")


@cache
def _packed() -> bytes:
    return msgspec.json.encode(document())


def document() -> dict[str, Any]:
    """As a dictionary of JSON."""
    models: set[type[BaseModel]] = {shapes.ProblemRead}
    for route in routes.ROUTES:
        models |= {model for model in (route.body, route.answer) if model is not None}
    ordered = sorted(models, key=lambda one: one.__name__)
    _, found = models_json_schema([(one, "validation") for one in ordered], ref_template=_REF)
    paths: dict[str, Any] = {}
    for route in routes.ROUTES:
        paths.setdefault(f"/api/v1{route.path}", {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Maraba", "version": "1",
            "description": "Cases, stages, appointments, opt-outs and counts. No protection content, no needs, no flags.",
        },
        "paths": paths,
        "security": [{"key": []}],
        "components": {
            "schemas": found["$defs"],
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }  # fmt: skip


def _operation(route: Route) -> dict[str, Any]:
    said = (route.handler.__doc__ or "").strip()
    found: dict[str, Any] = {
        "operationId": route.name,
        "summary": said,
        "description": f"Scope `{route.scope}`.",
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": _schema(route.body)}}}
    return found


def _parameters(route: Route) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in _PATH.items()
        if f"{{{name}}}" in route.path
    ]
    if route.query is not None:
        for name, schema in route.query.model_json_schema()["properties"].items():
            found.append({"name": name, "in": "query", "required": False, "schema": _without_null(schema)})
    if route.writes:
        found.append(_KEY)
    return found


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is there or it is not; it can't be null."""
    options = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(options) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**rest, **options[0]}


def _responses(route: Route) -> dict[str, Any]:
    body = _OF_THE_BODY if route.body is not None else ()
    found: dict[str, Any] = {
        str(status): {
            "description": "Done." if status == 200 else "Made.",
            "content": {"application/json": {"schema": _schema(route.answer)}},
        }
        for status in route.statuses
    }
    problem = {"application/problem+json": {"schema": _schema(shapes.ProblemRead)}}
    for status in sorted({*ALWAYS, *body, *route.problems}):
        found[str(status)] = {"description": TITLES[status], "content": problem}
    headers = {"Retry-After": {"schema": {"type": "integer"}, "required": True}}
    for status in ("429", "503"):
        found[status]["headers"] = headers
    found["401"]["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}}
    return found


def _schema(model: type[Any]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}
