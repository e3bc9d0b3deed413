"""One referral as it is read: may we call, who has it, what was done. Every reading is written down."""

from __future__ import annotations

from flask import Response, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from bot.desk import presenting_folder, safe_contact, sealed_page
from bot.desk.blueprint import blueprint
from bot.desk.forms import ReasonForm
from bot.desk.referral_page import Shown, again, folder_of, note_reading, page, read_aloud
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.voice import voice
from bot.store import recordings


@blueprint.get("/referrals/<referral_id>")
def referral(referral_id: str) -> ResponseReturnValue:
    """The page; its reading is one audit row."""
    staff = reader()
    with services().database.transaction() as session:
        folder = folder_of(session, staff, referral_id)
        note_reading(session, staff, referral_id, "referral_read")
        return page(session, folder, staff, Shown())


@blueprint.post("/referrals/<referral_id>/texts/<int:event_id>")
def read_text(referral_id: str, event_id: int) -> ResponseReturnValue:
    """What the person wrote about a danger: opens once, for a reason that is kept (safety 5)."""
    form = ReasonForm("text")
    if not form.validate():
        return again(referral_id, Shown.of(text_form=form))
    staff = reader()
    with services().database.transaction() as session:
        folder = folder_of(session, staff, referral_id)
        event = next((one for one, _ in folder.events if one.id == event_id), None)
        if event is None or not presenting_folder.may_read_text(folder, event, staff):
            abort(404)
        text = presenting_folder.text_of(event)
        note_reading(session, staff, referral_id, "text_read", event=event_id, reason=form.reason.data)
        return page(session, folder, staff, Shown(opened_text=(event_id, text)))


@blueprint.post("/referrals/<referral_id>/number")
def read_number(referral_id: str) -> ResponseReturnValue:
    """The number outside the hours of a call, for a reason that is kept."""
    form = ReasonForm("number")
    if not form.validate():
        return again(referral_id, Shown.of(number_form=form))
    staff = reader()
    with services().database.transaction() as session:
        folder = folder_of(session, staff, referral_id)
        number = safe_contact.number_of(folder.entry.referral, folder.contact, now(), folder.opened)
        note_reading(session, staff, referral_id, "number_read", reason=form.reason.data)
        return page(session, folder, staff, Shown(opened_number=read_aloud(number)))


@blueprint.post("/referrals/<referral_id>/print")
def print_request(referral_id: str) -> ResponseReturnValue:
    """With number, name and notes, for a reason that is kept; what is private or sealed never prints."""
    form = ReasonForm("print")
    if not form.validate():
        return again(referral_id, Shown.of(print_form=form))
    staff = reader()
    with services().database.transaction() as session:
        folder = folder_of(session, staff, referral_id)
        if folder.entry.referral.private or folder.entry.referral.sealed:
            abort(404)
        number = safe_contact.number_of(folder.entry.referral, folder.contact, now(), folder.opened)
        note_reading(session, staff, referral_id, "request_printed", reason=form.reason.data)
        return page(session, folder, staff, Shown(opened_number=read_aloud(number), prints=True))


@blueprint.post("/referrals/<referral_id>/voice")
def open_voice(referral_id: str) -> ResponseReturnValue:
    """The player of a sealed request, for a reason that is kept."""
    form = ReasonForm("voice")
    if not form.validate():
        return again(referral_id, Shown.of(voice_form=form))
    staff = reader()
    with services().database.transaction() as session:
        folder = folder_of(session, staff, referral_id)
        found = voice(session, folder, staff, now())
        if found is None or not found.asks:
            abort(404)
        note_reading(session, staff, referral_id, "voice_opened", reason=form.reason.data)
    return redirect(url_for("desk.referral", referral_id=referral_id, _anchor="voice"), 303)


@blueprint.get("/referrals/<referral_id>/voice")
def play_voice(referral_id: str) -> ResponseReturnValue:
    """The sound, whole or in parts as players ask for it; that it began to play is written down."""
    staff = reader()
    with services().database.transaction() as session:
        folder = folder_of(session, staff, referral_id)
        allowed = voice(session, folder, staff, now())
        found = recordings.sound(session, referral_id, ciphers=services().ciphers) or sealed_page.sound(
            session, staff, folder
        )
        if allowed is None or not allowed.plays or found is None:
            abort(404)
        if request.headers.get("Range", "bytes=0-").startswith("bytes=0-"):
            note_reading(session, staff, referral_id, "voice_heard")
    sound, media_type = found
    response = Response(sound, mimetype=media_type, headers={"Content-Disposition": "inline"})
    return response.make_conditional(request, accept_ranges=True, complete_length=len(sound))
