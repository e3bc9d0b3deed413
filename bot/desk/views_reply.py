"""Writing to a person: first what they will read, then sending it; and the end of a request."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from bot.desk import presenting_reply
from bot.desk.blueprint import blueprint
from bot.desk.forms import CloseForm, ReplyForm
from bot.desk.reading import Folder
from bot.desk.referral_page import Shown, again, folder_of, take
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import codes, say, writing
from bot.desk.words import language as reader_language
from bot.errors import ReferralError
from bot.outbox import NotWritten
from bot.referrals import closing, replying
from bot.referrals.words import shown
from bot.store.models import Referral, Staff


@blueprint.post("/referrals/<referral_id>/reply")
def preview_reply(referral_id: str) -> ResponseReturnValue:
    """What the person will read, in how many parts, at what price; nothing leaves yet."""
    form = presenting_reply.reply_form()
    if not form.validate():
        return again(referral_id, Shown.of(reply_form=form))
    staff = reader()
    try:
        with services().database.transaction() as session:
            folder = folder_of(session, staff, referral_id)
            return _preview(session, folder, form)
    except (NotWritten, ReferralError) as error:
        return _refused(referral_id, form, error)


@blueprint.post("/referrals/<referral_id>/reply/send")
def send_reply(referral_id: str) -> ResponseReturnValue:
    """Send what the preview showed; the same one twice is one message."""
    form = presenting_reply.reply_form()
    if not form.validate() or not form.once.data:
        return again(referral_id, Shown.of(reply_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        folder = folder_of(session, staff, referral_id)
        text, sentence = _words(folder, form), str(form.sentence.data)
        replying.reply(
            session, found, staff, text, now(), once=str(form.once.data), sentence=sentence,
            ciphers=services().ciphers, settings=services().settings,
        )  # fmt: skip
        return say("Written to the person, %(ticket)s.", ticket=shown(found.ticket))

    try:
        return take(referral_id, step)
    except (NotWritten, ReferralError) as error:
        return _refused(referral_id, form, error)


@blueprint.post("/referrals/<referral_id>/close")
def close(referral_id: str) -> ResponseReturnValue:
    """The end: an outcome, and a question to the person or a reason why not."""
    form = CloseForm()
    if not form.validate():
        return again(referral_id, Shown.of(close_form=form))

    def step(session: Session, staff: Staff, found: Referral) -> str:
        told = closing.close(
            session, found, staff, form.outcome.data, now(), untold=form.untold.data,
            ciphers=services().ciphers, settings=services().settings,
        )  # fmt: skip
        return say("%(ticket)s is closed.", ticket=shown(found.ticket)) + " " + writing.told(told)

    return take(referral_id, step, to="desk.today", form=("close_form", form, "outcome"))


def _preview(session: Session, folder: Folder, form: ReplyForm) -> str:
    referral, settings = folder.entry.referral, services().settings
    text = _words(folder, form)
    found = replying.preview(session, referral, text, now(), ciphers=services().ciphers, settings=settings)
    language = presenting_reply.language_of(referral, folder.contact)
    sentence = str(form.sentence.data)
    return render_template(
        "desk/reply.html",
        id=referral.id,
        ticket=shown(referral.ticket),
        preview=found,
        size=writing.size(found),
        spoken=codes.spoken(language),
        lang=language if sentence else "",
        meaning=services().content.sentence(sentence, reader_language()) if sentence else "",
        reply_form=form,
        here="desk.queues",
    )


def _words(folder: Folder, form: ReplyForm) -> str:
    if not form.sentence.data:
        return str(form.text.data).strip()
    language = presenting_reply.language_of(folder.entry.referral, folder.contact)
    return services().content.sentence(form.sentence.data, language)


def _refused(referral_id: str, form: ReplyForm, error: NotWritten | ReferralError) -> ResponseReturnValue:
    """What was typed stays; what may not be written at all is said by the page itself."""
    if isinstance(error, ReferralError) and str(error) != "may_not_write":
        raise error
    if isinstance(error, NotWritten):
        form.text.errors = [writing.refused(error)]
    return again(referral_id, Shown.of(reply_form=form))
