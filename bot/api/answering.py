"""Around every operation: key, scope, rate, shape of what was sent, idempotency; then one transaction."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from flask import Response, request
from pydantic import BaseModel, ValidationError
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from bot.api.calling import Api, Call, api
from bot.api.problems import Problem
from bot.api.routes import Route
from bot.data import tokens
from bot.data.pushing import Pusher, Refused
from bot.errors import CaseError
from bot.store.models import ApiAnswer, ApiToken

log = structlog.get_logger(__name__)

LARGEST = 16 * 1024  # bytes of a body: a case has about one thousand
MINUTE = 60
NUMBER = re.compile(r"[1-9][0-9]{8}")
ID = re.compile(r"[1-9][0-9]{0,17}")
KEY = re.compile(r"[\x21-\x7e]{1,200}")


def view(route: Route) -> Callable[..., Response]:
    """What Flask calls for an operation."""

    def answer(**path: str) -> Response:
        here = api()
        request.max_content_length = LARGEST
        try:
            return _headers(_answer(here, route, path))
        except Problem as problem:
            return _headers(problem.response())
        except (OperationalError, PoolTimeout) as error:
            log.error("api_database_away", error=type(error).__name__)  # noqa: TRY400 - a trace would quote the query
            return _headers(Problem(503, headers={"Retry-After": "30"}).response())

    return answer


def _answer(here: Api, route: Route, path: dict[str, str]) -> Response:
    with here.services.database.transaction() as session:
        token = _token(here, session)
    if route.scope not in token.scopes:
        raise Problem(403, "scope")
    _pace(here, token)
    found = _path(path)
    query, body = _query(route), _body(route)
    with here.services.database.transaction() as session:
        pusher = _pusher(here, token)
        call = Call(session, pusher, here.services.settings, found, query, body)
        key = request.headers.get("Idempotency-Key") if route.writes else None
        return _once(call, route, key) if key is not None else _run(call, route)


def _token(here: Api, session: Session) -> ApiToken:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    found = None
    if kind.lower() == "bearer":
        found = tokens.of_secret(session, secret.strip(), ciphers=here.services.ciphers, now=here.clock())
    if found is None:
        raise Problem(401, headers={"WWW-Authenticate": 'Bearer realm="maraba"'})
    return found


def _pace(here: Api, token: ApiToken) -> None:
    """So many requests of one key in a minute of the clock. A store that is away stops nobody."""
    at = int(here.clock().timestamp())
    key = f"a:{token.id}:{at // MINUTE}"
    try:
        with here.services.redis_client.pipeline() as asked:
            asked.incr(key)
            asked.expire(key, 2 * MINUTE)
            made = asked.execute()[0]
    except RedisError as error:
        log.warning("conversation_store_away", job="api", error=type(error).__name__)
        return
    if made > here.services.settings.api_rate:
        raise Problem(429, headers={"Retry-After": str(MINUTE - at % MINUTE)})


def _path(path: dict[str, str]) -> dict[str, Any]:
    """What can't be the number of anything is not found, as what is hidden is."""
    if not NUMBER.fullmatch(path.get("number", "100000000")) or not ID.fullmatch(path.get("id", "1")):
        raise Problem(404)
    return {name: int(value) if name == "id" else value for name, value in path.items()}


def _query(route: Route) -> BaseModel | None:
    sent = {name: values[0] if len(values) == 1 else values for name, values in request.args.lists()}
    if route.query is None:
        if sent:
            raise Problem(422, "query", errors=[("", "no parameters are known here")])
        return None
    try:
        return route.query.model_validate(sent)
    except ValidationError as error:
        raise Problem(422, "query", errors=_errors(error)) from None


def _body(route: Route) -> BaseModel | None:
    if route.body is None:
        return None
    if request.mimetype != "application/json":
        raise Problem(415)
    if request.content_length is not None and request.content_length > LARGEST:
        raise Problem(413)
    sent = request.get_data(cache=True)
    try:
        return route.body.model_validate_json(sent, strict=True)
    except ValidationError as error:
        broken = any(one["type"] == "json_invalid" for one in error.errors(include_input=False, include_url=False))
        raise Problem(400 if broken else 422, "body", errors=() if broken else _errors(error)) from None


def _errors(error: ValidationError) -> list[tuple[str, str]]:
    """Where and why; pydantic's words quote no value where the input is left out."""
    return [
        (".".join(str(part) for part in one["loc"])[:100], one["type"])
        for one in error.errors(include_input=False, include_url=False, include_context=False)
    ]


def _pusher(here: Api, token: ApiToken) -> Pusher:
    settings, at = here.services.settings, here.clock()
    today = at.astimezone(ZoneInfo(settings.timezone)).date()
    return Pusher(token, at, today, settings.default_region, here.services.ciphers)


def _run(call: Call, route: Route) -> Response:
    """The operation; what it refuses leaves nothing half written."""
    try:
        with call.session.begin_nested():
            answer = route.handler(call)
    except Problem as problem:
        return problem.response()
    except Refused as refused:
        return Problem(409, "refused", errors=[(one.column, one.reason) for one in refused.faults]).response()
    except CaseError as error:
        code = str(error)
        return Problem(404).response() if code == "not_found" else Problem(409, code).response()
    response = Response(answer.body.model_dump_json(exclude_unset=True), answer.status, content_type="application/json")
    response.headers.update(answer.headers)
    return response


def _once(call: Call, route: Route, key: str) -> Response:
    """The same request with the same key gets the same answer for a day, also while the first one still runs."""
    if not KEY.fullmatch(key):
        raise Problem(422, "idempotency_key")
    pusher = call.pusher
    kept = pusher.ciphers.code(f"api-key|{pusher.token.id}", key)[:16]
    asked = pusher.ciphers.code("api-request", f"{request.method} {request.full_path} {request.get_data().hex()}")
    lock = {"key": int.from_bytes(kept[:8], "big", signed=True)}
    call.session.execute(text("select pg_advisory_xact_lock(:key)"), lock)
    before = call.session.get(ApiAnswer, (pusher.token.id, kept))
    place = f"api_answers|{pusher.token.id}/{kept.hex()}|body".encode()
    if before is not None:
        if before.asked != asked:
            raise Problem(409, "idempotency_key_reused")
        response = Response(pusher.ciphers.decrypt(before.body_enc, place), before.status)
        response.headers.update(before.headers)
        return response
    response = _run(call, route)
    headers = {name: value for name, value in response.headers if name in ("Content-Type", "Location")}
    body_enc = pusher.ciphers.encrypt(response.get_data(), place)
    call.session.add(
        ApiAnswer(
            token_id=pusher.token.id,
            key=kept,
            asked=asked,
            status=response.status_code,
            headers=headers,
            body_enc=body_enc,
            at=pusher.at,
        )
    )
    return response


def _headers(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
