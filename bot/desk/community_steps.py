"""Steps in the matters of a community: one transaction, a word on the next page, 404 for what is hidden (safety 19)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import abort, flash, redirect
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.community.telling import Teller
from bot.desk.forms import DeskForm
from bot.desk.services import services
from bot.desk.words import communities as words
from bot.desk.words import say
from bot.errors import CommunityError


@contextmanager
def matters() -> Iterator[Session]:
    """A transaction; what is hidden or never was ends as 404, other CommunityErrors go on to the caller."""
    try:
        with services().database.transaction() as session:
            yield session
    except CommunityError as error:
        if str(error) == "not_found":
            abort(404)
        raise


def take(back: str, step: Callable[[Session], str | None]) -> ResponseReturnValue:
    """Take a step, say what came of it on the page `back`; `step` may return its own words."""
    try:
        with matters() as session:
            said = step(session)
    except CommunityError as error:
        flash(words.refused(str(error)))
    else:
        flash(said or say("Saved."))
        services().wake("send_messages")
    return redirect(back, 303)


def checked(form: DeskForm) -> None:
    """Raises CommunityError `fields` for a form that is not whole; after the look whether its matter may be seen."""
    if not form.validate():
        raise CommunityError("fields")


def teller() -> Teller:
    """Who tells people, with the words of this installation."""
    return Teller(services().content.sentence, services().settings, services().ciphers)
