"""Messages that did not arrive or are unsure, and what the line costs."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.desk import presenting_messages, reading_messages
from bot.desk.blueprint import blueprint
from bot.desk.reading_messages import GROUPS
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import say
from bot.messages import Delivery
from bot.store.models import Audit, Message, Staff

A_PAGE = 60


@blueprint.get("/messages")
def messages() -> ResponseReturnValue:
    """A gateway that has none of this reader's messages answers like one that is empty."""
    staff, at = reader(), now()
    wished, gateway = request.args.get("state", ""), request.args.get("gateway", "")
    wished = wished if wished in GROUPS else ""
    start = _start()
    with services().database.transaction() as session:
        counts = reading_messages.counts(session, staff, at, gateway=gateway)
        found = reading_messages.troubled(
            session, staff, at, wished=wished, gateway=gateway, start=start, most=A_PAGE + 1
        )
        lines = [presenting_messages.line(one, at) for one in found[:A_PAGE]]
    return render_template(
        "desk/messages.html", lines=lines, counts=counts, groups=_groups(), wished=wished, gateway=gateway,
        gateways=sorted(services().gateways), start=start, more=len(found) > A_PAGE, step=A_PAGE,
        total=sum(counts.values()), paused=presenting_messages.paused().values(), here="desk.messages",
    )  # fmt: skip


@blueprint.post("/messages/<message_id>/again")
def send_again(message_id: str) -> ResponseReturnValue:
    """Staff decide that a message of which nobody knows is sent once more."""
    staff = reader()
    with services().database.transaction() as session:
        message = _undecided(session, staff, message_id)
        if message is None:
            return _too_late()
        if not presenting_messages.may_repeat(message, now()):
            flash(say("Not sent: it would come too late."))
            return redirect(url_for("desk.messages"))
        # Backwards, which only a person may do: the next report or try moves it forward again.
        message.state, message.due_at, message.lease_until, message.reason = Delivery.QUEUED.value, now(), None, ""
        _audit(session, staff, message, "message_again")
    services().wake("send_messages", message_id)
    flash(say("It is sent once more."))
    return redirect(url_for("desk.messages"))


@blueprint.post("/messages/<message_id>/leave")
def leave_message(message_id: str) -> ResponseReturnValue:
    """Staff decide that it stays as it is; a late report may still tell what became of it."""
    staff = reader()
    with services().database.transaction() as session:
        message = _undecided(session, staff, message_id)
        if message is None:
            return _too_late()
        message.settled_at = now()
        _audit(session, staff, message, "message_left")
    flash(say("It stays as it is."))
    return redirect(url_for("desk.messages"))


@blueprint.get("/costs")
def costs() -> ResponseReturnValue:
    """By month and gateway: numbers alone."""
    with services().database.transaction() as session:
        rows = reading_messages.spent(session, now(), timezone=services().settings.timezone)
    return render_template(
        "desk/costs.html",
        charts=presenting_messages.charts(rows),
        rows=presenting_messages.cost_rows(rows),
        here="desk.costs",
    )


def _undecided(session: Session, staff: Staff, message_id: str) -> Message | None:
    """The message, while nobody has decided and no report has come; 404 where the reader may not know of it."""
    known = message_id if message_id.isascii() and message_id.isalnum() else "0" * 32
    message = reading_messages.one(session, staff, known)
    if message is None:
        abort(404)
    return message if message.state == Delivery.UNKNOWN and message.settled_at is None else None


def _too_late() -> ResponseReturnValue:
    flash(say("Already decided, or a report came meanwhile."))
    return redirect(url_for("desk.messages"))


def _audit(session: Session, staff: Staff, message: Message, action: str) -> None:
    detail = {"kind": message.kind, "referral": message.referral_id}
    session.add(Audit(staff_id=staff.id, at=now(), action=action, subject=f"message:{message.id}", detail=detail))


def _groups() -> list[tuple[str, str]]:
    words = {
        "failed": say("Not arrived"),
        "unknown": say("Unsure"),
        "withheld": say("Held back"),
        "waiting": say("Waiting"),
    }
    return [(name, words[name]) for name in GROUPS]


def _start() -> int:
    wished = request.args.get("from", "0")
    return int(wished) if wished.isascii() and wished.isdigit() and len(wished) < 6 else 0
