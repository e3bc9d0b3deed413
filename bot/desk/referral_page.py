"""The page of one referral, and how a step on it is taken: for every view that shows it or acts on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from phonenumbers import PhoneNumberFormat, country_code_for_region, format_number, parse
from sqlalchemy.orm import Session

from bot.desk import (
    presenting,
    presenting_folder,
    presenting_messages,
    presenting_reply,
    presenting_steps,
    presenting_told,
    reading,
    reading_messages,
    reading_people,
    safe_contact,
    sealed_page,
)
from bot.desk.forms import CallForm, CloseForm, CodeForm, NoteForm, ReasonForm
from bot.desk.reading import Folder
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.voice import voice
from bot.desk.words import dates, say, steps
from bot.errors import ReferralError
from bot.referrals import handing_on, sealing, undoing
from bot.referrals.lapsing import UNCONFIRMED
from bot.referrals.words import shown
from bot.store.models import Audit, Referral, Staff

UNDO = "undo:"  # category of a message that can be taken back; then referral and event


@dataclass(slots=True)
class Shown:
    """What a page shows beyond what everybody of the queue reads: forms with errors, an opened text or number."""

    forms: dict[str, FlaskForm] = field(default_factory=dict)  # by their name in the template
    opened_text: tuple[int, str] | None = None
    opened_number: str = ""
    asked: tuple[str, str] | None = None  # to whom and for what: the sentence of a consent, to be read out
    prints: bool = False  # with notes and name, for a reason that was recorded

    @classmethod
    def of(cls, **forms: FlaskForm) -> Shown:
        """With what was typed into these forms."""
        return cls(forms=forms)


def take(
    referral_id: str,
    step: Callable[[Session, Staff, Referral], str],
    *,
    to: str | Callable[[], str] = "desk.referral",
    form: tuple[str, FlaskForm, str] | None = None,
) -> ResponseReturnValue:
    """One step in one transaction, then the jobs are woken, then the next page says what was done and offers to take it
    back. `form`: its name, itself, and the field under which it is said why the step is not possible.
    """
    staff, at = reader(), now()
    try:
        with services().database.transaction() as session:
            found = reading.seen(session, staff, checked(referral_id))
            if found is None:
                abort(404)
            told = step(session, staff, found)
            sealing.seal(session, found, ciphers=services().ciphers)
            back = undoing.undoable(session, referral_id, staff, at)
            there = reading.seen(session, staff, referral_id) is not None
    except ReferralError as error:
        why = steps.WHY_NOT.get(str(error), "")
        if form is None or not why:
            raise
        form[1][form[2]].errors = [why]
        return again(referral_id, Shown(forms={form[0]: form[1]}))
    services().wake("climb", referral_id)
    services().wake("send_messages")
    flash(told, f"{UNDO}{referral_id}:{back}" if back is not None else "message")
    target = to if isinstance(to, str) else to()
    page = url_for(target, referral_id=referral_id) if target == "desk.referral" and there else url_for("desk.today")
    return redirect(page, 303)


def again(referral_id: str, shown_: Shown, status: int = 422) -> ResponseReturnValue:
    """The page with what was typed and what is missing."""
    staff = reader()
    with services().database.transaction() as session:
        folder = folder_of(session, staff, referral_id)
        note_reading(session, staff, referral_id, "referral_read")
        return page(session, folder, staff, shown_), status


def folder_of(session: Session, staff: Staff, referral_id: str) -> Folder:
    """All of one referral; 404 alike for what never was and what this person must not see (safety 19)."""
    found = reading.folder(session, staff, checked(referral_id))
    if found is None:
        abort(404)
    sealed_page.look_into(session, staff, found)
    return found


def checked(referral_id: str) -> str:
    """What can't be an id becomes one that nobody has, so that it is asked for like any other."""
    return referral_id if referral_id.isascii() and referral_id.isalnum() else "0" * 32


def note_reading(session: Session, staff: Staff, referral_id: str, action: str, **detail: object) -> None:
    """One reading, written down."""
    session.add(
        Audit(staff_id=staff.id, at=now(), action=action, subject=f"referral:{referral_id}", detail=dict(detail))
    )
    session.flush()


def page(session: Session, folder: Folder, staff: Staff, shown_: Shown) -> str:
    """Everything in words; nothing personal leaves but through here."""
    referral, at = folder.entry.referral, now()
    shown_.forms.setdefault("open_form", sealed_page.open_form(session, staff))
    return render_template(
        "desk/referral.html",
        **(_forms(referral) | presenting_steps.forms(referral) | shown_.forms),
        **sealed_page.part(session, staff, folder),
        **presenting_reply.part(session, folder, staff, at),
        **presenting_steps.part(session, folder, staff, at, shown_.asked),
        **_lists(session, folder, staff, at),
        **_calling(folder, staff, at),
        **_standing(folder, staff, at),
        phone_page=referral.contact_id,
        file_page=file.id if (file := reading_people.file(session, staff, referral.case_id or 0)) else None,
        here="desk.queues",
        tab_counts={"today": reading.mine_count(session, staff), "queues": reading.open_count(session, staff)},
        voice=voice(session, folder, staff, at),
        opened_text=shown_.opened_text,
        opened_number=shown_.opened_number,
        prints=shown_.prints,
        case_name=folder.case.name if shown_.prints and folder.case is not None else "",
    )


def _calling(folder: Folder, staff: Staff, at: datetime) -> dict[str, object]:
    """How the person may be reached, and by when somebody should have called."""
    referral, ladder = folder.entry.referral, folder.entry.ladder
    safe = safe_contact.safe_contact(referral, at, folder.opened)
    mine, is_open = referral.accepted_by == staff.id, referral.state not in reading.DONE
    number = safe_contact.number_of(referral, folder.contact, at, folder.opened)
    tel = number if safe.may_call_now and mine and is_open else ""
    by = ladder.due_at if ladder is not None and ladder.why != UNCONFIRMED else None
    return {
        "safe": safe,
        "day": presenting_folder.day_line(safe, at),
        "tel": tel,
        "tel_words": read_aloud(tel),
        "has_number": bool(number),
        "no_number": sealed_page.no_number(folder) or safe_contact.no_number(folder.contact),
        "first_call": presenting.before(by, at) if by and mine else None,
        "call_now_left": referral.call_now,
    }


def _standing(folder: Folder, staff: Staff, at: datetime) -> dict[str, object]:
    """What it is, who has it, and what this reader may do."""
    referral = folder.entry.referral
    return {
        "id": referral.id,
        "ticket": shown(referral.ticket),
        "letter": presenting.letter(referral),
        "level": presenting.badge(referral),
        "head": presenting_folder.head(folder, staff, at),
        "open": referral.state not in reading.DONE,
        "held": referral.accepted_by is not None,
        "mine": referral.accepted_by == staff.id,
        "holder": folder.accepted_by,
        "may_act": referral.accepted_by is not None,
        "never_print": referral.private or referral.sealed,
    }


def _lists(session: Session, folder: Folder, staff: Staff, at: datetime) -> dict[str, object]:
    """What stands in rows: who was told, what is known, what happened, what was sent."""
    referral_id = folder.entry.referral.id
    return {
        "ladder": presenting_folder.ladder(session, folder, at),
        "told": presenting_told.table(session, referral_id, at),
        "known": presenting_folder.known(folder, at),
        "history": presenting_folder.history(folder, staff, at),
        "same_phone": [_other(one) for one in folder.same_phone],
        "about": [presenting_messages.of_message(*one, at) for one in reading_messages.about(session, referral_id)],
    }


def _forms(referral: Referral) -> dict[str, FlaskForm]:
    """Every form of the page as it is before anybody types."""
    return {
        "call_form": CallForm(),
        "note_form": NoteForm(),
        "code_form": CodeForm(sorted(handing_on.needs()), referral.code),
        "close_form": CloseForm(),
        "reply_form": presenting_reply.reply_form(),
        "text_form": ReasonForm("text"),
        "number_form": ReasonForm("number"),
        "print_form": ReasonForm("print"),
        "voice_form": ReasonForm("voice"),
    }


def _other(referral: Referral) -> dict[str, object]:
    closed = referral.closed_at
    state = say("closed %(day)s", day=dates.short_date(dates.local(closed).date())) if closed else say("open")
    return {
        "id": referral.id, "ticket": shown(referral.ticket), "badge": presenting.badge(referral), "state": state,
    }  # fmt: skip


def read_aloud(number: str) -> str:
    """A number of the country without its prefix, grouped as people read it."""
    if not number:
        return ""
    parsed = parse(number)
    home = country_code_for_region(services().settings.default_region)
    style = PhoneNumberFormat.NATIONAL if parsed.country_code == home else PhoneNumberFormat.INTERNATIONAL
    return str(format_number(parsed, style))
