"""A reader's own key: make it, change its passphrase, unlock and lock it, share earlier requests; open a sealed request."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.desk import sealed_page, unlocking
from bot.desk.blueprint import blueprint
from bot.desk.forms_sealed import ChangeForm, NewKeyForm, UnlockForm
from bot.desk.referral_page import Shown, again, folder_of, note_reading
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import mark, say
from bot.referrals import reader_keys, sealing
from bot.store.models import Audit, ReaderKey, SealedBox, Staff

WRONG = mark("This passphrase opens nothing. After five wrong ones you wait 15 minutes.")


@blueprint.get("/sealed-key")
def reader_key() -> ResponseReturnValue:
    """One's own key, and who can't open earlier requests yet."""
    return _page()


@blueprint.post("/sealed-key")
def make_reader_key() -> ResponseReturnValue:
    """A first key, or a new one after a lost passphrase; what was readable until now is sealed at once."""
    form = NewKeyForm()
    if not form.validate():
        return _page(new_form=form), 422
    with services().database.transaction() as session:
        staff = session.get_one(Staff, reader().id)
        reader_keys.make(session, staff, form.passphrase.data, now())
        sealing.seal_all(session, services().ciphers)
    unlocking.lock()
    flash(say("Your key is made. Keep the passphrase where only you find it: nobody can tell it to you."))
    return redirect(url_for("desk.reader_key"), 303)


@blueprint.post("/sealed-key/passphrase")
def change_passphrase() -> ResponseReturnValue:
    """The same key under another passphrase."""
    form = ChangeForm()
    if not form.validate():
        return _page(change_form=form), 422
    with services().database.transaction() as session:
        key = reader_keys.own(session, reader().id) or abort(404)
        changed = unlocking.change_passphrase(session, key, form.old.data, form.passphrase.data)
    if not changed:
        form.old.errors = [WRONG]
        return _page(change_form=form), 403
    flash(say("Your passphrase is changed."))
    return redirect(url_for("desk.reader_key"), 303)


@blueprint.post("/sealed-key/unlock")
def unlock_key() -> ResponseReturnValue:
    """With the passphrase, for 15 minutes."""
    form = UnlockForm()
    if not form.validate():
        return _page(unlock_form=form), 422
    with services().database.transaction() as session:
        done = unlocking.unlock(session, reader().id, form.passphrase.data)
    if not done:
        form.passphrase.errors = [WRONG]
        return _page(unlock_form=form), 403
    return redirect(url_for("desk.reader_key"), 303)


@blueprint.post("/sealed-key/lock")
def lock_key() -> ResponseReturnValue:
    """Before the 15 minutes are over."""
    unlocking.lock()
    flash(say("Locked."))
    return redirect(url_for("desk.today"), 303)


@blueprint.post("/sealed-key/share")
def share_sealed() -> ResponseReturnValue:
    """Seal for a colleague, or for the recovery holders, what this reader can open and they can't."""
    wanted = request.form.get("key", "")
    with services().database.transaction() as session:
        key = unlocking.unlocked(session, reader())
        other = next((one for one, _, _ in _others(session, reader()) if str(one.id) == wanted), None)
        if key is None or other is None:
            return _page(), 422
        mine = session.get_one(ReaderKey, key.key_id)
        shared = reader_keys.share(session, key.private, mine=mine, other=other)
        detail = {"with": "recovery" if other.recovery else other.staff_id, "contents": shared}
        about = f"staff:{other.staff_id}"
        session.add(Audit(staff_id=reader().id, at=now(), action="sealed_shared", subject=about, detail=detail))
    flash(say("Shared."))
    return redirect(url_for("desk.reader_key"), 303)


@blueprint.post("/referrals/<referral_id>/open")
def open_sealed(referral_id: str) -> ResponseReturnValue:
    """For a reason that is kept; with the passphrase, where the key is not unlocked here."""
    staff = reader()
    with services().database.transaction() as session:
        folder = folder_of(session, staff, referral_id)
        form = sealed_page.open_form(session, staff)
        if not folder.sealed:
            return redirect(url_for("desk.referral", referral_id=referral_id), 303)
    if not form.validate():
        return again(referral_id, Shown.of(open_form=form))
    with services().database.transaction() as session:
        right = form.passphrase is None or unlocking.unlock(session, staff.id, form.passphrase.data)
        if right:
            note_reading(session, staff, referral_id, "sealed_opened", reason=form.reason.data)
    if not right:
        form.passphrase.errors = [WRONG]
        return again(referral_id, Shown.of(open_form=form), 403)
    return redirect(url_for("desk.referral", referral_id=referral_id), 303)


def _page(**shown: FlaskForm) -> str:
    with services().database.transaction() as session:
        staff = reader()
        key = reader_keys.own(session, staff.id)
        is_open = unlocking.unlocked(session, staff) is not None
        forms = {"new_form": NewKeyForm(), "change_form": ChangeForm(), "unlock_form": UnlockForm()}
        return render_template(
            "desk/reader_key.html", **(forms | shown), key=key, is_open=is_open,
            others=[(one.id, name, lacking) for one, name, lacking in _others(session, staff) if lacking] if key else [],
            only_one=len(reader_keys.of_readers(session)) < 2, recovery=bool(reader_keys.of_recovery(session)),
            here="desk.reader_key",
        )  # fmt: skip


def _others(session: Session, staff: Staff) -> list[tuple[ReaderKey, str, int]]:
    """The other readers, and the recovery: name, and how many contents this reader has a box of and they have not."""
    mine = reader_keys.own(session, staff.id)
    if mine is None:
        return []
    names = {one.id: one.name for one in session.scalars(select(Staff))}
    keys = [key for key in reader_keys.of_readers(session) if key.staff_id != staff.id]
    keys += reader_keys.of_recovery(session)[:1]
    found = []
    for key in keys:
        theirs = select(SealedBox.subject).where(SealedBox.key_id == key.id)
        lacking = select(func.count(SealedBox.id)).where(SealedBox.key_id == mine.id, SealedBox.subject.not_in(theirs))
        name = say("the recovery holders") if key.recovery else names[key.staff_id]
        found.append((key, name, session.scalar(lacking) or 0))
    return found
