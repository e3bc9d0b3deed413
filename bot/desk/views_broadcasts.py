"""Broadcasts: what there is, writing one, and the page of one, from its preview to its last message."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.desk import presenting_broadcasts, reading_broadcasts
from bot.desk.blueprint import blueprint
from bot.desk.forms_broadcasts import TEXTS, BroadcastForm
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import broadcasts as words
from bot.desk.words import dates, say, writing
from bot.outbox import NotWritten
from bot.outreach import broadcasts, broadcasts_group
from bot.outreach.broadcasts import BroadcastRefused, Wish
from bot.outreach.broadcasts_group import COLUMNS, Group
from bot.referrals import access
from bot.store.models import Broadcast, Staff

REFRESH = 10  # seconds between two looks at one that runs
NEW = "0" * 32


@blueprint.get("/broadcasts", endpoint="broadcasts")
def all_broadcasts() -> ResponseReturnValue:
    """The latest; those that need somebody first."""
    with services().database.transaction() as session:
        found = reading_broadcasts.latest(session, reader())
        turns = reading_broadcasts.turns(session, [row.id for row, _ in found])
        lines = [presenting_broadcasts.line(row, author, turns.get(row.id, 0)) for row, author in found]
    writes = access.writes_broadcasts(reader())
    return render_template("desk/broadcasts.html", lines=lines, writes=writes, here="desk.broadcasts")


@blueprint.route("/broadcasts/new", methods=["GET", "POST"])
def new_broadcast() -> ResponseReturnValue:
    """Write one; it is a draft until somebody lets it go."""
    with services().database.transaction() as session:
        form = _form(session, None)
        if not form.is_submitted() or not _sound(session, form):
            return _compose(form, None), 422 if form.is_submitted() else 200
        made = broadcasts.compose(
            session, reader(), _wish(form), now(), once=str(form.once.data), ciphers=services().ciphers
        )
        return redirect(url_for("desk.broadcast", broadcast_id=made.id), 303)


@blueprint.route("/broadcasts/<broadcast_id>/edit", methods=["GET", "POST"])
def edit_broadcast(broadcast_id: str) -> ResponseReturnValue:
    """Change a draft."""
    with services().database.transaction() as session:
        row = known(session, broadcast_id)
        form = _form(session, row)
        if not form.is_submitted() and row.state == "draft":
            return _compose(form, row)
        if form.is_submitted() and not _sound(session, form):
            return _compose(form, row), 422
        try:
            broadcasts.change(
                session,
                reader(),
                row.id,
                _wish(form),
                now(),
                version=int(form.version.data),
                ciphers=services().ciphers,
            )
        except BroadcastRefused as error:
            flash(words.refused(str(error)))
        return redirect(url_for("desk.broadcast", broadcast_id=row.id), 303)


@blueprint.get("/broadcasts/<broadcast_id>")
def broadcast(broadcast_id: str) -> ResponseReturnValue:
    """Before it leaves: whom it would reach. Afterwards: how far it is."""
    staff = reader()
    with services().database.transaction() as session:
        row = known(session, broadcast_id)
        texts = broadcasts.texts_of(row, ciphers=services().ciphers)
        begun = row.state in ("running", "paused", "done") or (row.state == "cancelled" and row.planned_at is not None)
        shown: dict[str, Any] = {"running": None, "preview": None}
        if begun:
            ahead = reading_broadcasts.ahead(session, row) if row.planned_at else ""
            found = reading_broadcasts.progress(session, row.id)
            shown["running"] = presenting_broadcasts.running(row, found, ahead)
        elif row.state != "cancelled":
            shown["preview"] = presenting_broadcasts.preview(session, row, texts)
        names = {one: session.get_one(Staff, one).name for one in (row.made_by, row.approved_by) if one}
    return render_template(
        "desk/broadcast.html", here="desk.broadcasts", row=row, texts=texts, group=words.group(Group.of(row.wanted)),
        state=words.state(row.state), refresh=REFRESH if row.state == "running" else 0, author=names[row.made_by],
        second=names.get(row.approved_by or 0, ""), writes=access.writes_broadcasts(staff),
        may_agree=access.approves_broadcasts(staff) and row.state == "waiting" and staff.id != row.made_by,
        spoken=words.languages, share=row.share, **shown,
    )  # fmt: skip


def known(session: Session, broadcast_id: str) -> Broadcast:
    """The broadcast; 404 where there is none that this person sees."""
    if not (broadcast_id.isascii() and broadcast_id.isalnum()):
        abort(404)
    mine = select(Broadcast).where(Broadcast.id == broadcast_id, broadcasts_group.visible(reader()))
    return session.scalars(mine).one_or_none() or abort(404)


def _compose(form: BroadcastForm, row: Broadcast | None) -> str:
    kinds = [(form[kind], words.kinds()[kind], len(form[kind].data or ())) for kind in COLUMNS if form[kind].choices]
    return render_template(
        "desk/broadcast_form.html", form=form, row=row, kinds=kinds, texts=TEXTS, here="desk.broadcasts"
    )


def _form(session: Session, row: Broadcast | None) -> BroadcastForm:
    """Empty, with the usual choices, or as the draft stands."""
    values = broadcasts_group.values(session, reader())
    if row is None:
        return BroadcastForm(values, data={"otherwise": "ha", "whatsapp": True, "share": "10"})
    kept = Group.of(row.wanted)
    for kind in COLUMNS:
        values[kind] = sorted({*values[kind], *getattr(kept, kind)})
    local = dates.local(row.starts_at) if row.starts_at is not None else None
    data = {kind: list(getattr(kept, kind)) for kind in COLUMNS} | {
        "name": row.name, "otherwise": row.otherwise, "whatsapp": row.whatsapp, "share": str(row.share),
        "day": local.date() if local else None, "hour": local.time() if local else None, "once": row.id,
        "version": str(row.version),
    }  # fmt: skip
    texts = broadcasts.texts_of(row, ciphers=services().ciphers)
    return BroadcastForm(values, data=data | {f"text_{one}": texts.get(one, "") for one in TEXTS})


def _sound(session: Session, form: BroadcastForm) -> bool:
    """Is it whole, and may each text leave? Faults stand under their fields."""
    if not form.validate():
        return False
    sound, texts = True, form.texts()
    for language, text in texts.items():
        try:
            broadcasts.check_text(session, text, ciphers=services().ciphers)
        except NotWritten as error:
            form[f"text_{language}"].errors = [_refused(error)]
            sound = False
    if form.otherwise.data not in texts:
        form.otherwise.errors = [say("There is no text in this language.")]
        sound = False
    if (form.day.data is None) != (form.hour.data is None):
        form.hour.errors = [say("Day and hour, or neither: then it begins at once.")]
        sound = False
    return sound


def _refused(error: NotWritten) -> str:
    """With the group of the word, so that its author finds it."""
    group = error.reason.partition(":")[2]
    names = {
        "who": say("who people are"), "organisation": say("an organisation"), "health": say("health"),
        "violence": say("violence or protection"),
    }  # fmt: skip
    if group in names:
        return say("A word about %(group)s: it must not stand in a message. Write it without.", group=names[group])
    return writing.refused(error)


def _wish(form: BroadcastForm) -> Wish:
    zone = ZoneInfo(services().settings.timezone)
    day, hour = form.day.data, form.hour.data
    starts = datetime.combine(day, hour or time(8), zone).astimezone(UTC) if day is not None else None
    return Wish(
        str(form.name.data).strip(), form.group(), form.texts(), form.otherwise.data, bool(form.whatsapp.data),
        int(form.share.data), starts,
    )  # fmt: skip
