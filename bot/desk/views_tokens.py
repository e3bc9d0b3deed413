"""Keys of other systems: an administrator makes them, each shown once; a coordinator agrees; both revoke."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.data import tokens
from bot.desk.blueprint import blueprint
from bot.desk.forms_tokens import FAULTS, TokenForm, scopes
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import say
from bot.errors import CaseError
from bot.referrals import access
from bot.store.models import ApiToken


@blueprint.get("/tokens")
def token_page() -> ResponseReturnValue:
    """Every key with its last use."""
    return _page(TokenForm())


@blueprint.post("/tokens")
def make_token() -> ResponseReturnValue:
    """A new key, shown on the page that answers, once."""
    form = TokenForm()
    if not form.validate():
        return _page(form), 422
    try:
        with services().database.transaction() as session:
            secret = tokens.make(
                session, form.name.data.strip(), scopes=list(form.scopes.data), days=int(form.days.data),
                offices=[part.strip() for part in (form.offices.data or "").split(",") if part.strip()],
                ciphers=services().ciphers, now=now(), staff_id=reader().id,
            )  # fmt: skip
    except CaseError as error:
        form.name.errors = [FAULTS[str(error)]]
        return _page(form), 422
    return _page(form, secret)


@blueprint.post("/tokens/<int:token_id>/agree")
def agree_to_token(token_id: int) -> ResponseReturnValue:
    """The second person's yes: from now on it opens what it is for."""
    with services().database.transaction() as session:
        token = _token(session, token_id)
        try:
            tokens.agree(session, token, reader(), now=now())
        except CaseError:
            abort(404)
    flash(say("The key of %(name)s works from now on.", name=token.name))
    return redirect(url_for("desk.token_page"), 303)


@blueprint.post("/tokens/<int:token_id>/revoke")
def revoke_token(token_id: int) -> ResponseReturnValue:
    """From now on it opens nothing."""
    with services().database.transaction() as session:
        token = _token(session, token_id)
        tokens.revoke(session, token, now=now(), staff_id=reader().id)
    flash(say("The key of %(name)s opens nothing any more.", name=token.name))
    return redirect(url_for("desk.token_page"), 303)


def _token(session: Session, token_id: int) -> ApiToken:
    return session.get(ApiToken, token_id, with_for_update=True) or abort(404)


def _page(form: TokenForm, secret: str = "") -> str:
    with services().database.transaction() as session:
        found = tokens.every(session)
    mine = {one.id for one in found if tokens.may_agree(one, reader())}
    return render_template(
        "desk/tokens.html", form=form if access.manages_staff(reader()) else None, secret=secret, tokens=found,
        to_agree=mine, scopes=scopes(), here="desk.token_page",
    )  # fmt: skip
