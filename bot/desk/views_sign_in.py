"""Signing in and out, and the language of the screens."""

from __future__ import annotations

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from bot.desk import passwords, sign_in, words
from bot.desk.blueprint import blueprint
from bot.desk.forms import SignInForm
from bot.desk.services import now, services
from bot.desk.words import roles
from bot.store.models import Staff

YEAR = 365 * 24 * 3600


@blueprint.route("/sign-in", methods=["GET", "POST"], endpoint="sign_in")
def sign_in_page() -> ResponseReturnValue:
    """One answer for every failure; the work is the same too (bot/desk/passwords.py)."""
    if current_user.is_authenticated:
        return redirect(url_for("desk.today"))
    form = SignInForm()
    failed = False
    if form.is_submitted():
        staff = None
        if form.validate():
            staff = passwords.sign_in(services().database, form.login.data.strip(), form.password.data, now=now())
        if staff is not None:
            sign_in.begin(staff)
            return redirect(_own_path(request.args.get("next")))
        failed = True
    page = render_template("desk/sign_in.html", form=form, failed=failed, **_invented())
    return page, 403 if failed else 200


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Ends every session of this person: a lost phone is signed out from any other."""
    passwords.end_sessions(services().database, sign_in.reader().id)
    sign_in.end()
    return redirect(url_for("desk.sign_in"))


@blueprint.post("/language")
def change_language() -> ResponseReturnValue:
    """Remember the language in a cookie and go back."""
    response = make_response(redirect(_own_path(request.form.get("next"))))
    wished = request.form.get("language", "")
    if wished in words.LANGUAGES:
        settings = services().settings
        response.set_cookie(
            words.COOKIE,
            wished,
            max_age=YEAR,
            path="/desk",
            httponly=True,
            samesite="Lax",
            secure=not settings.development,
        )
    return response


def _own_path(path: str | None) -> str:
    """A path of the desk; anything else leads to Today, so that a link can't send a reader elsewhere."""
    home: str = url_for("desk.today")
    if path and path.startswith(home) and "\\" not in path and "//" not in path and path.isprintable():
        return path
    return home


def _invented() -> dict[str, object]:
    """On a developer's machine the page lists who can sign in."""
    if not services().settings.development:
        return {}
    from bot.cases.development import DEVELOPMENT_PASSWORD  # not in production: it names a password

    with services().database.transaction() as session:
        staff = session.scalars(select(Staff).where(Staff.active, Staff.password_hash.is_not(None)).order_by(Staff.id))
        people = [{"login": one.login, "name": one.name, "role": roles.role(one.role)} for one in staff]
    return {"invented": people, "invented_password": DEVELOPMENT_PASSWORD}
