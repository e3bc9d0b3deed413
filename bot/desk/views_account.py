"""One's own account: the second factor, recovery codes, where one is signed in; and the first password."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from bot.desk import lock_out, second_factor, sign_in, views_alerts
from bot.desk.blueprint import blueprint
from bot.desk.forms import FactorForm, StartForm
from bot.desk.paths import own_path
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import say
from bot.referrals import staffing
from bot.store.models import Staff


@blueprint.route("/second-step", methods=["GET", "POST"])
def second_step() -> ResponseReturnValue:
    """After the password: a code of the app, or a recovery code."""
    waiting = sign_in.expected()
    if waiting is None:
        return redirect(url_for("desk.sign_in"))
    form, failed = FactorForm(), False
    if form.is_submitted():
        with services().database.transaction() as session:
            staff = second_factor.check(
                session, waiting, form.code.data or "", now=now(), ciphers=services().ciphers, device=lock_out.device()
            )
        if staff is not None:
            sign_in.begin(staff)
            return redirect(own_path(request.args.get("next")))
        failed = True
    return render_template("desk/second_step.html", form=form, failed=failed), 403 if failed else 200


@blueprint.route("/second-factor", methods=["GET", "POST"])
def set_second_factor() -> ResponseReturnValue:
    """Give the app its secret, prove it by a code, keep the recovery codes. Also on the way in, where it is required."""
    owner = reader().id if current_user.is_authenticated else sign_in.expected()
    if owner is None:
        return redirect(url_for("desk.sign_in"))
    form, failed = FactorForm(), False
    with services().database.transaction() as session:
        staff = session.get_one(Staff, owner)
        if staff.totp_since is not None:
            return redirect(url_for("desk.account" if current_user.is_authenticated else "desk.second_step"))
        if form.is_submitted():
            codes = second_factor.confirm(
                session, owner, form.code.data or "", now=now(), ciphers=services().ciphers, device=lock_out.device()
            )
            failed = codes is None
        else:
            codes = None
        secret = second_factor.prepare(session, owner, ciphers=services().ciphers) if codes is None else ""
    if codes is not None:
        if not current_user.is_authenticated:
            sign_in.begin(staff)
        return render_template("desk/recovery.html", codes=codes, here="desk.account")
    return render_template(
        "desk/second_factor.html", form=form, failed=failed, secret=_in_fours(secret), here="desk.account",
        picture=second_factor.picture(staff.login, secret), required=not current_user.is_authenticated,
    ), 403 if failed else 200  # fmt: skip


@blueprint.get("/account")
def account() -> ResponseReturnValue:
    """Second factor, recovery codes, and every browser in which one is signed in."""
    with services().database.transaction() as session:
        sessions = sign_in.open_sessions(session, reader().id)
    return render_template(
        "desk/account.html", sessions=sessions, own=sign_in.own_row(), here="desk.account", forms=views_alerts.forms(),
        address=views_alerts.address(), by_email=bool(services().settings.smtp_url),
    )  # fmt: skip


@blueprint.post("/account/recovery")
def new_recovery_codes() -> ResponseReturnValue:
    """New codes, shown this once."""
    if reader().totp_since is None:
        return redirect(url_for("desk.account"))
    with services().database.transaction() as session:
        codes = second_factor.renew_recovery(session, reader().id, ciphers=services().ciphers)
    return render_template("desk/recovery.html", codes=codes, here="desk.account")


@blueprint.post("/account/end")
def end_session() -> ResponseReturnValue:
    """Sign out another browser: the phone that was lost."""
    with services().database.transaction() as session:
        sign_in.end_row(session, reader().id, request.form.get("session", ""))
    flash(say("That device is signed out."))
    return redirect(url_for("desk.account"))


@blueprint.post("/account/end-all")
def end_everywhere() -> ResponseReturnValue:
    """Sign out everywhere, here too."""
    sign_in.end_all(services().database, reader().id)
    return redirect(url_for("desk.sign_in"))


@blueprint.route("/start", methods=["GET", "POST"])
def start() -> ResponseReturnValue:
    """The first sign-in, or a forgotten password: the code comes from the administrator, in person."""
    form, failed = StartForm(), False
    if form.validate_on_submit():
        with services().database.transaction() as session:
            done = staffing.use_start_code(
                session, form.login.data.strip(), form.start.data, form.password.data,
                ciphers=services().ciphers, now=now(),
            )  # fmt: skip
        if done:
            flash(say("Your password is set. Sign in with it."))
            return redirect(url_for("desk.sign_in"))
        failed = True
    return render_template("desk/start.html", form=form, failed=failed), 403 if failed else 200


def _in_fours(secret: str) -> str:
    """As somebody types it who can't scan."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
