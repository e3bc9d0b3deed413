"""The committee's answer to everybody who reported a tension, and may be written to."""

from __future__ import annotations

from datetime import timedelta

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from bot.community import communities, tensions
from bot.desk.blueprint import blueprint
from bot.desk.community_steps import matters
from bot.desk.forms_community import TEXTS, AnswerForm
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import communities as words
from bot.desk.words import dates, say, writing
from bot.errors import CommunityError
from bot.outbox import NotWritten
from bot.store.models import Community, TensionAnswer

WEEKS = timedelta(weeks=4)  # how far back the form looks unless told otherwise


@blueprint.route("/communities/<int:community_id>/answer", methods=["GET", "POST"])
def answer_tensions(community_id: int) -> ResponseReturnValue:
    """Once to each; how many is told to nobody, for it would tell who reported."""
    today = dates.local(now()).date()
    with matters() as session:
        row = communities.held(session, reader(), community_id)
    form = AnswerForm(data={"first": today - WEEKS, "last": today})
    if form.is_submitted() and form.validate() and _sent(form, row):
        flash(say("It goes to everybody who allowed an answer, each once."))
        services().wake("send_messages")
        return redirect(url_for("desk.community", community_id=row.id), 303)
    page = render_template("desk/tension_answer.html", form=form, row=row, texts=TEXTS, here="desk.communities")
    return page, 422 if form.is_submitted() else 200


def _sent(form: AnswerForm, row: Community) -> bool:
    """False where the days or the words forbid it; the fault stands under its field."""
    answered = TensionAnswer(
        community_id=row.id, kind=form.kind.data, first_day=form.first.data, last_day=form.last.data,
        words=form.texts(), staff_id=reader().id, at=now(),
    )  # fmt: skip
    settings, ciphers = services().settings, services().ciphers
    try:
        with matters() as session:
            held = communities.held(session, reader(), row.id)
            tensions.answer(session, reader(), held, answered, now(), settings=settings, ciphers=ciphers)
    except NotWritten as error:
        form.text_fr.errors = [writing.refused(error)]
    except CommunityError as error:
        form.last.errors = [words.refused(str(error))]
    else:
        return True
    return False
