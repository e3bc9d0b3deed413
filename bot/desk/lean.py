"""Pages travel packed: a list of a hundred requests is under 20 kB on a slow line."""

from __future__ import annotations

import gzip

from flask import Response, request

from bot.desk.blueprint import blueprint

WORTH_IT = 1400  # bytes: what one packet of the line carries anyway


@blueprint.after_request
def pack(response: Response) -> Response:
    """Pages alone: pictures and sound are packed already, and files are kept by the browser."""
    page = (
        response.mimetype == "text/html"
        and not response.direct_passthrough
        and "Content-Encoding" not in response.headers
    )
    if page and request.accept_encodings.quality("gzip") > 0 and len(response.get_data()) > WORTH_IT:
        response.set_data(gzip.compress(response.get_data(), 5))
        response.headers["Content-Encoding"] = "gzip"
    return response
