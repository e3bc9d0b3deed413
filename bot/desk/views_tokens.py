"""Keys of other systems, for the administrator: made and shown once, listed, revoked."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from bot.data import tokens
from bot.desk.blueprint import blueprint
from bot.desk.forms_tokens import FAULTS, TokenForm, scopes
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import say
from bot.errors import CaseError
from bot.store.models import ApiToken


@blueprint.route("/tokens", methods=["GET", "POST"])
def token_page() -> ResponseReturnValue:
    """Every key with its last use; a new one is shown on this very page, once."""
    form, secret, status = TokenForm(), "", 200
    if form.validate_on_submit():
        try:
            with services().database.transaction() as session:
                secret = tokens.make(
                    session, form.name.data.strip(), scopes=list(form.scopes.data), days=int(form.days.data),
                    offices=[part.strip() for part in (form.offices.data or "").split(",") if part.strip()],
                    ciphers=services().ciphers, now=now(), staff_id=reader().id,
                )  # fmt: skip
        except CaseError as error:
            form.name.errors = [FAULTS[str(error)]]
            status = 422
    elif form.is_submitted():
        status = 422
    with services().database.transaction() as session:
        found = tokens.every(session)
    return render_template(
        "desk/tokens.html", form=form, secret=secret, tokens=found, scopes=scopes(), here="desk.token_page"
    ), status


@blueprint.post("/tokens/<int:token_id>/revoke")
def revoke_token(token_id: int) -> ResponseReturnValue:
    """From now on it opens nothing."""
    with services().database.transaction() as session:
        token = session.get(ApiToken, token_id, with_for_update=True)
        if token is None:
            abort(404)
        tokens.revoke(session, token, now=now(), staff_id=reader().id)
    flash(say("The key of %(name)s opens nothing any more.", name=token.name))
    return redirect(url_for("desk.token_page"), 303)
