"""One referral: may we call, who has it, what was done. Every reading is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from phonenumbers import PhoneNumberFormat, country_code_for_region, format_number, parse
from sqlalchemy.orm import Session

from bot.desk import presenting, presenting_folder, presenting_messages, reading, reading_messages, safe_contact
from bot.desk.blueprint import blueprint
from bot.desk.forms import CallForm, CloseForm, CodeForm, NoteForm, ReasonForm
from bot.desk.reading import Folder
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.voice import voice
from bot.desk.words import dates, say
from bot.referrals import handing_on, writing
from bot.referrals.words import shown
from bot.store import recordings
from bot.store.models import Audit, Referral, Staff


@dataclass(slots=True)
class Shown:
    """What a page shows beyond what everybody of the queue reads: forms with errors, an opened text or number."""

    call_form: CallForm | None = None
    note_form: NoteForm | None = None
    code_form: CodeForm | None = None
    close_form: CloseForm | None = None
    text_form: ReasonForm | None = None
    number_form: ReasonForm | None = None
    voice_form: ReasonForm | None = None
    opened_text: tuple[int, str] | None = None
    opened_number: str = ""


@blueprint.get("/referrals/<referral_id>")
def referral(referral_id: str) -> ResponseReturnValue:
    """The page; its reading is one audit row."""
    staff = reader()
    with services().database.transaction() as session:
        folder = _folder(session, staff, referral_id)
        _audit(session, staff, referral_id, "referral_read")
        return _page(session, folder, staff, Shown())


@blueprint.post("/referrals/<referral_id>/accept")
def accept(referral_id: str) -> ResponseReturnValue:
    """I take it."""

    def step(session: Session, staff: Staff, found: Referral) -> str:
        by = writing.accept(session, found, staff, now(), ciphers=services().ciphers, settings=services().settings)
        number = shown(found.ticket)
        if by is None:
            return say("%(ticket)s is yours. Do not call, do not write.", ticket=number)
        when = dates.day_and_hour(by, now())
        return say("%(ticket)s is yours. First call before %(when)s.", ticket=number, when=when)

    return _take(referral_id, step)


@blueprint.post("/referrals/<referral_id>/refuse")
def refuse(referral_id: str) -> ResponseReturnValue:
    """I cannot: the next person is told."""

    def step(session: Session, staff: Staff, found: Referral) -> str:
        handing_on.refuse(session, found, staff, now())
        return say("%(ticket)s: noted, the next person is told.", ticket=shown(found.ticket))

    return _take(referral_id, step, to="desk.today")


@blueprint.post("/referrals/<referral_id>/call")
def log_call(referral_id: str) -> ResponseReturnValue:
    """What came of a call, with a note or without."""
    form = CallForm()
    if not form.validate():
        return _again(referral_id, Shown(call_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        at = now()
        writing.log_call(
            session, found, staff, form.result.data, at, ciphers=services().ciphers, settings=services().settings
        )
        if (form.note.data or "").strip():
            writing.note(session, found, staff, form.note.data, at, ciphers=services().ciphers)
        return say("Call noted, %(ticket)s.", ticket=shown(found.ticket))

    return _take(referral_id, step)


@blueprint.post("/referrals/<referral_id>/note")
def note(referral_id: str) -> ResponseReturnValue:
    """A note without a call."""
    form = NoteForm()
    if not form.validate() or not form.note.data.strip():
        return _again(referral_id, Shown(note_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        writing.note(session, found, staff, form.note.data, now(), ciphers=services().ciphers)
        return say("Note saved, %(ticket)s.", ticket=shown(found.ticket))

    return _take(referral_id, step)


@blueprint.post("/referrals/<referral_id>/call-now")
def call_now(referral_id: str) -> ResponseReturnValue:
    """Leave "call you now?" for whoever types the number (safety 2)."""

    def step(session: Session, staff: Staff, found: Referral) -> str:
        if request.form.get("left") == "0":
            handing_on.withdraw_call_now(session, found, staff, now())
            return say("“Call you now?” is withdrawn, %(ticket)s.", ticket=shown(found.ticket))
        writing.leave_call_now(session, found, staff, now(), ciphers=services().ciphers, settings=services().settings)
        return say("“Call you now?” waits for the person, %(ticket)s.", ticket=shown(found.ticket))

    return _take(referral_id, step)


@blueprint.post("/referrals/<referral_id>/code")
def set_code(referral_id: str) -> ResponseReturnValue:
    """Set the code; who may no longer see the referral afterwards lands on Today."""
    form = CodeForm(sorted(handing_on.needs()), None)
    if not form.validate():
        return _again(referral_id, Shown(code_form=form))
    kept = []

    def step(session: Session, staff: Staff, found: Referral) -> str:
        handing_on.set_code(session, found, staff, form.code.data, now(), settings=services().settings)
        session.flush()
        kept.append(reading.seen(session, staff, referral_id) is not None)
        return say("Code set, %(ticket)s.", ticket=shown(found.ticket))

    return _take(referral_id, step, to=lambda: "desk.referral" if kept[0] else "desk.today")


@blueprint.post("/referrals/<referral_id>/close")
def close(referral_id: str) -> ResponseReturnValue:
    """The end, with an outcome; nothing is sent."""
    form = CloseForm()
    if not form.validate():
        return _again(referral_id, Shown(close_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        writing.close(session, found, staff, form.outcome.data, now())
        return say("%(ticket)s is closed.", ticket=shown(found.ticket))

    return _take(referral_id, step, to="desk.today")


@blueprint.post("/referrals/<referral_id>/texts/<int:event_id>")
def read_text(referral_id: str, event_id: int) -> ResponseReturnValue:
    """What the person wrote about a danger: opens once, for a reason that is kept (safety 5)."""
    form = ReasonForm("text")
    if not form.validate():
        return _again(referral_id, Shown(text_form=form))
    staff = reader()
    with services().database.transaction() as session:
        folder = _folder(session, staff, referral_id)
        event = next((one for one, _ in folder.events if one.id == event_id), None)
        if event is None or not presenting_folder.may_read_text(folder, event, staff):
            abort(404)
        text = presenting_folder.text_of(event)
        _audit(session, staff, referral_id, "text_read", event=event_id, reason=form.reason.data)
        return _page(session, folder, staff, Shown(opened_text=(event_id, text)))


@blueprint.post("/referrals/<referral_id>/number")
def read_number(referral_id: str) -> ResponseReturnValue:
    """The number outside the hours of a call, for a reason that is kept."""
    form = ReasonForm("number")
    if not form.validate():
        return _again(referral_id, Shown(number_form=form))
    staff = reader()
    with services().database.transaction() as session:
        folder = _folder(session, staff, referral_id)
        number = safe_contact.number_of(folder.entry.referral, folder.contact, now())
        _audit(session, staff, referral_id, "number_read", reason=form.reason.data)
        return _page(session, folder, staff, Shown(opened_number=_read_aloud(number)))


@blueprint.post("/referrals/<referral_id>/voice")
def open_voice(referral_id: str) -> ResponseReturnValue:
    """The player of a sealed request, for a reason that is kept."""
    form = ReasonForm("voice")
    if not form.validate():
        return _again(referral_id, Shown(voice_form=form))
    staff = reader()
    with services().database.transaction() as session:
        folder = _folder(session, staff, referral_id)
        found = voice(session, folder, staff, now())
        if found is None or not found.asks:
            abort(404)
        _audit(session, staff, referral_id, "voice_opened", reason=form.reason.data)
    return redirect(url_for("desk.referral", referral_id=referral_id, _anchor="voice"), 303)


@blueprint.get("/referrals/<referral_id>/voice")
def play_voice(referral_id: str) -> ResponseReturnValue:
    """The sound, whole or in parts as players ask for it; that it began to play is written down."""
    staff = reader()
    with services().database.transaction() as session:
        folder = _folder(session, staff, referral_id)
        allowed = voice(session, folder, staff, now())
        found = recordings.sound(session, referral_id, ciphers=services().ciphers)
        if allowed is None or not allowed.plays or found is None:
            abort(404)
        if request.headers.get("Range", "bytes=0-").startswith("bytes=0-"):
            _audit(session, staff, referral_id, "voice_heard")
    sound, media_type = found
    response = Response(sound, mimetype=media_type, headers={"Content-Disposition": "inline"})
    return response.make_conditional(request, accept_ranges=True, complete_length=len(sound))


def _take(
    referral_id: str,
    step: Callable[[Session, Staff, Referral], str],
    *,
    to: str | Callable[[], str] = "desk.referral",
) -> ResponseReturnValue:
    """One step in one transaction, then the jobs are woken, then the next page says what was done."""
    staff = reader()
    with services().database.transaction() as session:
        found = reading.seen(session, staff, _checked(referral_id))
        if found is None:
            abort(404)
        told = step(session, staff, found)
    services().wake("climb", referral_id)
    services().wake("send_messages")
    flash(told)
    target = to if isinstance(to, str) else to()
    page = url_for(target, referral_id=referral_id) if target == "desk.referral" else url_for(target)
    return redirect(page, 303)


def _again(referral_id: str, shown_: Shown) -> ResponseReturnValue:
    """The page with what was typed and what is missing."""
    staff = reader()
    with services().database.transaction() as session:
        folder = _folder(session, staff, referral_id)
        _audit(session, staff, referral_id, "referral_read")
        return _page(session, folder, staff, shown_), 422


def _folder(session: Session, staff: Staff, referral_id: str) -> Folder:
    found = reading.folder(session, staff, _checked(referral_id))
    if found is None:
        abort(404)
    return found


def _checked(referral_id: str) -> str:
    """What can't be an id becomes one that nobody has, so that it is asked for like any other."""
    return referral_id if referral_id.isascii() and referral_id.isalnum() else "0" * 32


def _audit(session: Session, staff: Staff, referral_id: str, action: str, **detail: object) -> None:
    session.add(
        Audit(staff_id=staff.id, at=now(), action=action, subject=f"referral:{referral_id}", detail=dict(detail))
    )
    session.flush()


def _page(session: Session, folder: Folder, staff: Staff, shown_: Shown) -> str:
    """Everything in words; nothing personal leaves but through here."""
    referral, at = folder.entry.referral, now()
    safe = safe_contact.safe_contact(referral, at)
    is_open = referral.state not in reading.DONE
    mine = referral.accepted_by == staff.id
    number = safe_contact.number_of(referral, folder.contact, at)
    tel = number if safe.may_call_now and mine and is_open else ""
    by = folder.entry.ladder.due_at if folder.entry.ladder else None
    allowed = sorted(handing_on.needs())
    return render_template(
        "desk/referral.html",
        id=referral.id,
        ticket=shown(referral.ticket),
        letter=presenting.letter(referral),
        level=presenting.badge(referral),
        head=presenting_folder.head(folder, staff, at),
        safe=safe,
        day=presenting_folder.day_line(safe, at),
        tel=tel,
        tel_words=_read_aloud(tel),
        has_number=bool(number),
        no_number=safe_contact.no_number(folder.contact),
        open=is_open,
        held=referral.accepted_by is not None,
        mine=mine,
        holder=folder.accepted_by,
        may_act=referral.accepted_by is not None,
        first_call=presenting.before(by, at) if by and mine else None,
        call_now_left=referral.call_now,
        ladder=presenting_folder.ladder(session, folder, at),
        known=presenting_folder.known(folder, at),
        history=presenting_folder.history(folder, staff, at),
        same_phone=[_other(one) for one in folder.same_phone],
        about=[presenting_messages.of_message(*one, at) for one in reading_messages.about(session, referral.id)],
        never_print=referral.private or referral.sealed,
        here="desk.queues",
        tab_counts={"today": reading.mine_count(session, staff), "queues": reading.open_count(session, staff)},
        call_form=shown_.call_form or CallForm(),
        note_form=shown_.note_form or NoteForm(),
        code_form=shown_.code_form or CodeForm(allowed, referral.code),
        close_form=shown_.close_form or CloseForm(),
        text_form=shown_.text_form or ReasonForm("text"),
        number_form=shown_.number_form or ReasonForm("number"),
        voice_form=shown_.voice_form or ReasonForm("voice"),
        voice=voice(session, folder, staff, at),
        opened_text=shown_.opened_text,
        opened_number=shown_.opened_number,
    )


def _other(referral: Referral) -> dict[str, object]:
    closed = referral.closed_at
    state = say("closed %(day)s", day=dates.short_date(dates.local(closed).date())) if closed else say("open")
    return {
        "id": referral.id, "ticket": shown(referral.ticket), "badge": presenting.badge(referral), "state": state,
    }  # fmt: skip


def _read_aloud(number: str) -> str:
    """A number of the country without its prefix, grouped as people read it."""
    if not number:
        return ""
    parsed = parse(number)
    home = country_code_for_region(services().settings.default_region)
    style = PhoneNumberFormat.NATIONAL if parsed.country_code == home else PhoneNumberFormat.INTERNATIONAL
    return str(format_number(parsed, style))
