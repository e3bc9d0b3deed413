"""The steps of a broadcast: try it, let it go, agree, pause, go on, cancel. Each is one press on its page."""

from __future__ import annotations

from collections.abc import Callable

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.desk.blueprint import blueprint
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.views_broadcasts import known
from bot.desk.words import broadcasts as words
from bot.desk.words import say, say_many, writing
from bot.outbox import NotWritten
from bot.outreach import broadcasts
from bot.outreach.broadcasts import BroadcastRefused
from bot.store.models import Broadcast

Step = Callable[[Session, Broadcast], str]


@blueprint.post("/broadcasts/<broadcast_id>/test")
def test_broadcast(broadcast_id: str) -> ResponseReturnValue:
    """Its texts to one's own phone; the same press twice is one message."""

    def step(session: Session, row: Broadcast) -> str:
        once = "".join(filter(str.isalnum, request.form.get("once", "")))[:40]
        count = broadcasts.test(
            session, reader(), row, now(), once=once, ciphers=services().ciphers, settings=services().settings
        )
        return say_many(
            "%(count)s SMS is on its way to your phone.", "%(count)s SMS are on their way to your phone.", count
        )

    taken = _take(broadcast_id, step)
    services().wake("send_messages")
    return taken


@blueprint.post("/broadcasts/<broadcast_id>/hand-in")
def hand_in_broadcast(broadcast_id: str) -> ResponseReturnValue:
    """Let it go, or ask for a second person."""

    def step(session: Session, row: Broadcast) -> str:
        done = broadcasts.hand_in(session, reader(), row.id, now(), version=_version(), settings=services().settings)
        return say("A second person must agree. Tell them.") if done.state == "waiting" else say("It is let go.")

    return _take(broadcast_id, step)


@blueprint.post("/broadcasts/<broadcast_id>/approve")
def approve_broadcast(broadcast_id: str) -> ResponseReturnValue:
    """The second person."""

    def step(session: Session, row: Broadcast) -> str:
        broadcasts.approve(session, reader(), row.id, now(), version=_version())
        return say("You agreed: it is let go.")

    return _take(broadcast_id, step)


@blueprint.post("/broadcasts/<broadcast_id>/back")
def send_back_broadcast(broadcast_id: str) -> ResponseReturnValue:
    """A draft again."""

    def step(session: Session, row: Broadcast) -> str:
        broadcasts.send_back(session, reader(), row.id, now(), version=_version())
        return say("It is a draft again.")

    return _take(broadcast_id, step)


@blueprint.post("/broadcasts/<broadcast_id>/pause")
def pause_broadcast(broadcast_id: str) -> ResponseReturnValue:
    """At once."""

    def step(session: Session, row: Broadcast) -> str:
        broadcasts.pause(session, reader(), row.id, now())
        return say("Paused: nothing leaves any more.")

    return _take(broadcast_id, step)


@blueprint.post("/broadcasts/<broadcast_id>/resume")
def resume_broadcast(broadcast_id: str) -> ResponseReturnValue:
    """Go on."""

    def step(session: Session, row: Broadcast) -> str:
        broadcasts.resume(session, reader(), row.id, now())
        return say("It goes on.")

    return _take(broadcast_id, step)


@blueprint.post("/broadcasts/<broadcast_id>/cancel")
def cancel_broadcast(broadcast_id: str) -> ResponseReturnValue:
    """For good."""

    def step(session: Session, row: Broadcast) -> str:
        broadcasts.cancel(session, reader(), row.id, now())
        return say("Cancelled. What has left cannot be called back.")

    return _take(broadcast_id, step)


def _take(broadcast_id: str, step: Step) -> ResponseReturnValue:
    """Take it and say so; the job is woken, and the page shows where it stands."""
    try:
        with services().database.transaction() as session:
            flash(step(session, known(session, broadcast_id)))
    except BroadcastRefused as error:
        flash(words.refused(str(error)))
    except NotWritten as error:
        flash(writing.refused(error))
    services().wake("broadcast")
    return redirect(url_for("desk.broadcast", broadcast_id=broadcast_id), 303)


def _version() -> int:
    wished = request.form.get("version", "")
    return int(wished) if wished.isascii() and wished.isdigit() and len(wished) < 7 else -1
