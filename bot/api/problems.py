"""What went wrong, as RFC 9457 says it: problem+json, with a code that programs compare. Never what was sent."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from flask import Response, request
from werkzeug.exceptions import HTTPException

TITLES = {
    400: "This is no JSON in UTF-8.",
    401: "No valid key.",
    403: "The key may not do this.",
    404: "Not found.",
    405: "This address does not know this method.",
    409: "This can't be done to the case as it is.",
    413: "The body is too large.",
    415: "Send application/json.",
    422: "What was sent has not the shape that the document describes.",
    429: "Too many requests; wait.",
    503: "The data can't be read at the moment; try again.",
}


class Problem(Exception):
    """Ends a request. `errors`: field and reason, never a value."""

    def __init__(
        self,
        status: int,
        code: str = "",
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.errors = errors
        self.headers = headers or {}

    def response(self) -> Response:
        """As it is sent."""
        body: dict[str, object] = {"type": "about:blank", "title": TITLES[self.status], "status": self.status}
        if self.code:
            body["code"] = self.code
        if self.errors:
            body["errors"] = [{"field": field, "reason": reason} for field, reason in self.errors]
        answer = Response(msgspec.json.encode(body), self.status, content_type="application/problem+json")
        answer.headers.update(self.headers)
        return answer


def of_http(error: HTTPException) -> Response | HTTPException:
    """What Flask refuses by itself, under /api alone; elsewhere it stays as it is."""
    if not request.path.startswith("/api/"):
        return error
    allowed = getattr(error, "valid_methods", None)
    headers = {"Allow": ", ".join(sorted(allowed))} if allowed else {}
    return Problem(error.code or 500, headers=headers).response()
