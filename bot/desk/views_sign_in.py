"""Signing in and out, and the language of the screens."""

from __future__ import annotations

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from bot.desk import lock_out, passwords, second_factor, sign_in, words
from bot.desk.blueprint import blueprint
from bot.desk.forms import SignInForm
from bot.desk.paths import own_path
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
            login = form.login.data.strip()
            staff = passwords.sign_in(
                services().database, login, form.password.data, now=now(), device=lock_out.device()
            )
        if staff is not None:
            return _let_in(staff, request.args.get("next"))
        failed = True
    page = render_template("desk/sign_in.html", form=form, failed=failed, **_invented())
    return page, 403 if failed else 200


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Ends this session; the account page ends others."""
    sign_in.end()
    return redirect(url_for("desk.sign_in"))


@blueprint.post("/language")
def change_language() -> ResponseReturnValue:
    """Remember the language in a cookie and go back."""
    response = make_response(redirect(own_path(request.form.get("next"))))
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


def _let_in(staff: Staff, path: str | None) -> ResponseReturnValue:
    """In, or on to the second factor: to show it, or to set it up first where it is required."""
    back = own_path(path) if path else None
    if staff.totp_since is not None:
        sign_in.expect(staff)
        return redirect(url_for("desk.second_step", next=back))
    if second_factor.required(staff, services().settings):
        sign_in.expect(staff)
        return redirect(url_for("desk.set_second_factor"))
    sign_in.begin(staff)
    return redirect(own_path(path))


def _invented() -> dict[str, object]:
    """On a developer's machine the page lists who can sign in."""
    if not services().settings.development:
        return {}
    from bot.cases.development import DEVELOPMENT_PASSWORD  # not in production: it names a password

    with services().database.transaction() as session:
        staff = session.scalars(select(Staff).where(Staff.active, Staff.password_hash.is_not(None)).order_by(Staff.id))
        people = [{"login": one.login, "name": one.name, "role": roles.role(one.role)} for one in staff]
    return {"invented": people, "invented_password": DEVELOPMENT_PASSWORD}
