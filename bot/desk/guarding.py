"""Around every page of the desk: sign-in, CSRF, headers, errors in words."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import structlog
from flask import Flask, Response, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from bot.desk import menu, pages, sealed_page, sign_in, words
from bot.desk.blueprint import blueprint
from bot.desk.services import now
from bot.desk.words import dates, roles
from bot.errors import ReferralError

log = structlog.get_logger(__name__)

STATIC = Path(__file__).parent / "static"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "media-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

_csrf = CSRFProtect()


def prepare(app: Flask) -> None:
    """CSRF tokens for the application; checked by the blueprint alone, for hooks can't carry one."""
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    app.config["WTF_CSRF_TIME_LIMIT"] = int(sign_in.LONGEST.total_seconds())
    _csrf.init_app(app)


@blueprint.before_request
def only_staff() -> ResponseReturnValue | None:
    """Nobody but whom `pages` lets in; `next` is a path of ours, so that signing in leads back and nowhere else."""
    if request.endpoint == "desk.static":
        return None
    _csrf.protect()
    if current_user.is_authenticated:
        sign_in.mark_used()
        return None if pages.opens(str(request.endpoint), sign_in.reader()) else abort(404)
    if pages.opens(str(request.endpoint), None):
        return None
    back = request.path if request.method == "GET" else None
    return redirect(url_for("desk.sign_in", next=back))


@blueprint.after_request
def harden(response: Response) -> Response:
    """No frames, no foreign code, no copy of a personal page in any cache."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Not `no-referrer`: over https the CSRF check wants our own pages to say where a form came from.
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
    if request.endpoint == "desk.static":
        response.headers["Cache-Control"] = "public, max-age=86400"
    else:
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Language"] = words.language()
        response.headers["Vary"] = "Cookie"
    return response


@blueprint.context_processor
def for_templates() -> dict[str, object]:
    """What every template may use."""
    return {
        "_": words.say,
        "many": words.say_many,
        "lang": words.language(),
        "dates": dates,
        "now": now(),
        "asset": asset,
        "csrf": generate_csrf,
        "me": sign_in.known_reader(),
        "role": roles.role,
        "page_groups": menu.groups(sign_in.known_reader()),
        "needs_key": sealed_page.needs_key(sign_in.known_reader()),
        "tab_counts": {"today": None, "queues": None},  # a page that knows them says so
    }


def asset(name: str) -> str:
    """The address of a static file, with its digest: a new release is never read from an old cache."""
    return url_for("desk.static", filename=name, v=_digest(name))


@cache
def _digest(name: str) -> str:
    return hashlib.blake2s((STATIC / name).read_bytes(), digest_size=5).hexdigest()


@blueprint.errorhandler(CSRFError)
def stale_form(_error: CSRFError) -> ResponseReturnValue:
    """The token is missing, old, or of another session."""
    return _told(
        400, words.say("This page is too old"), words.say("Nothing was saved. Open the page again and repeat the step.")
    )


@blueprint.errorhandler(ReferralError)
def not_allowed(error: ReferralError) -> ResponseReturnValue:
    """A step that the referral's state does not allow, most often because a colleague was first."""
    if str(error) == "not_found":
        return _no_request()
    return _told(
        409,
        words.say("This step is not possible any more"),
        words.say(
            "Nothing was saved. Someone else may have been faster; open the request again to see where it stands."
        ),
    )


@blueprint.errorhandler(OperationalError)
@blueprint.errorhandler(PoolTimeout)
def database_away(error: Exception) -> ResponseReturnValue:
    """People are still answered by the conversation store; only the desk has to wait."""
    g.desk_away = True
    log.error("desk_database_away", error=type(error).__name__)
    return _told(
        503,
        words.say("The desk cannot read its data at the moment"),
        words.say("People are still answered and nothing they ask is lost. Try again in a minute."),
    )


@blueprint.errorhandler(HTTPException)
def other_error(error: HTTPException) -> ResponseReturnValue:
    """What is unknown and what is forbidden are one answer (safety 19)."""
    code = error.code or 500
    if code == 404:
        return _no_request()
    return _told(code, words.say("This did not work"), words.say("Go back and try again."))


def _no_request() -> ResponseReturnValue:
    return _told(404, words.say("No request with this number."), "")


def _told(status: int, title: str, text: str) -> ResponseReturnValue:
    return render_template("desk/told.html", title=title, text=text), status
