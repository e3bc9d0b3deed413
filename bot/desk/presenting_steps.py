"""What the page of one referral offers to do, in words: hand over, levels, flags, consents, the failed calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session

from bot.desk import presenting_folder
from bot.desk.forms_steps import (
    ConsentForm,
    FlagForm,
    HandOverForm,
    LevelForm,
    RefuseForm,
    ReopenForm,
    TakeOverForm,
    TermsForm,
    WithoutForm,
)
from bot.desk.presenting import Badge, badge
from bot.desk.reading import Folder, names
from bot.desk.services import services
from bot.desk.words import codes, dates, say, say_many, steps
from bot.engine.effects import LEVELS
from bot.referrals import access, attempts, consent_wording, consents, flags
from bot.referrals.clocks import Clocks
from bot.referrals.words import shown
from bot.store.ciphers import Unreadable
from bot.store.models import Consent, Referral, Staff

log = structlog.get_logger(__name__)

MOST_DUE = 10


@dataclass(frozen=True, slots=True)
class Reminder:
    """A flag; `due`: its day has come."""

    id: int
    word: str
    day: str
    due: bool


@dataclass(frozen=True, slots=True)
class DueReminder:
    """Of a list: that there is one, never of what (it may tell the need)."""

    id: str
    ticket: str
    badge: Badge
    day: str
    late: bool


@dataclass(frozen=True, slots=True)
class Passing:
    """One answer about passing on. `tone`: ok, wait or no; `agrees`: this reader may be the second person."""

    id: int
    tone: str
    title: str
    state: str
    reason: str
    agrees: bool
    ends: bool


def due(session: Session, staff: Staff, at: datetime) -> list[DueReminder]:
    """The reminders of today and before, for the list of the day."""
    today = dates.local(at).date()
    return [
        DueReminder(
            referral.id, shown(referral.ticket), badge(referral), dates.short_date(flag.until), flag.until < today
        )
        for flag, referral in flags.due(session, staff, today, most=MOST_DUE)
    ]


def forms(referral: Referral) -> dict[str, FlaskForm]:
    """The forms of the steps as they are before anybody types."""
    hint = consents.HINTS.get(referral.code or "", "")
    return {
        "refuse_form": RefuseForm(),
        "hand_form": HandOverForm([queue for queue in access.QUEUES if queue != access.queue_of(referral)]),
        "over_form": TakeOverForm(),
        "level_form": LevelForm([level for level in reversed(LEVELS) if level != referral.level]),
        "reopen_form": ReopenForm(),
        "terms_form": TermsForm(),
        "flag_form": FlagForm(),
        "consent_form": ConsentForm(hint, referral.call_language or referral.language or ""),
        "without_form": WithoutForm(hint),
    }


def part(
    session: Session, folder: Folder, staff: Staff, at: datetime, asked: tuple[str, str] | None
) -> dict[str, object]:
    """The rest of what their templates show. `asked`: receiver and purpose of the sentence to read out now."""
    referral = folder.entry.referral
    rows = consents.consents_of(session, referral.id)
    people = names(session, {one for row in rows for one in (row.staff_id, row.second_id) if one is not None})
    return {
        "reminders": _reminders(session, referral, at),
        "today": dates.local(at).date().isoformat(),
        "passings": [_passing(folder, row, people, staff, at) for row in rows],
        "hint": _hint(referral),
        "sentences": _sentences(referral, *asked) if asked else [],
        "failed": _failed(folder, at),
        "sealed": access.queue_of(referral) == "sealed",
        "may_reopen": referral.state == "closed",
        "writes_never": referral.private or referral.sealed,
    }


def _reminders(session: Session, referral: Referral, at: datetime) -> list[Reminder]:
    today = dates.local(at).date()
    return [
        Reminder(flag.id, steps.word(steps.flag_words(), flag.word), dates.short_date(flag.until), flag.until <= today)
        for flag in flags.flags_of(session, referral.id)
    ]


def _passing(folder: Folder, row: Consent, people: dict[int, str], staff: Staff, at: datetime) -> Passing:
    receiver, purpose = steps.word(steps.receivers(), row.receiver), steps.word(steps.purposes(), row.purpose)
    by, when = people.get(row.staff_id, ""), dates.day_and_hour(row.at, at)
    is_open = folder.entry.referral.state not in ("closed", "attached")
    waits = row.answer == "without" and row.second_id is None and row.withdrawn_at is None
    if row.withdrawn_at is not None:
        state = say("Taken back %(when)s.", when=dates.day_and_hour(row.withdrawn_at, at))
    elif waits:
        state = say("Waits for a second person. Pass nothing on. Asked by %(name)s, %(when)s.", name=by, when=when)
    elif row.answer == "without":
        right = steps.word(steps.rights(), row.right)
        second = people.get(row.second_id or 0, "")
        state = say("Without a yes, %(right)s: %(one)s and %(two)s agreed.", right=right, one=by, two=second)
    else:
        said = say("The person said yes") if row.answer == "yes" else say("The person said no")
        how = [steps.word(steps.how(), row.channel), codes.spoken(row.language), when, by]
        how.append(say("wording %(version)s", version=row.wording))
        state = f"{said} · " + " · ".join(filter(None, how))
    tone = "ok" if consents.counts(row) else "wait" if waits else "no"
    agrees = waits and is_open and row.staff_id != staff.id
    ends = row.withdrawn_at is None and row.answer != "no"
    return Passing(row.id, tone, f"{receiver} · {purpose}", state, _reason(folder, row, staff), agrees, ends)


def _reason(folder: Folder, row: Consent, staff: Staff) -> str:
    """Why somebody wished to act without a yes: for the queue that had the request then, or for who opened the seal."""
    if not presenting_folder.may_read(folder, (row.at, 0), staff):
        return ""
    if row.reason_enc is None:
        return folder.opened.reasons.get(row.id, "") if folder.opened is not None else ""
    try:
        return services().ciphers.decrypt(row.reason_enc, consents.place(row.referral_id)).decode()
    except Unreadable:
        log.error("reason_unreadable", referral=row.referral_id)  # noqa: TRY400 - a key is missing, no bug of ours
        return ""


def _hint(referral: Referral) -> str:
    receiver = consents.HINTS.get(referral.code or "")
    if receiver is None:
        return ""
    return say(
        "Often useful for this need: %(receiver)s, if the person says yes.",
        receiver=steps.word(steps.receivers(), receiver),
    )


def _sentences(referral: Referral, receiver: str, purpose: str) -> list[tuple[str, str, str]]:
    """Language, its name, and the sentence to read out: the person's language first."""
    spoken = referral.call_language or referral.language or "fr"
    order = sorted(consent_wording.LANGUAGES, key=lambda code: code != spoken)
    return [(code, codes.spoken(code), consent_wording.wording(receiver, purpose, code)) for code in order]


def _failed(folder: Folder, at: datetime) -> dict[str, object] | None:
    """Three days on which nobody could be reached; None where it has not come to that."""
    found = attempts.failed((event for event, _ in folder.events), clocks=Clocks.of(services().settings))
    if not found.enough:
        return None
    days = ", ".join(dates.short_date(day) for day in found.days)
    title = say_many("No talk on %(count)s day", "No talk on %(count)s days", len(found.days))
    return {"title": title, "days": days, "written": found.written, "channels": found.channels}
