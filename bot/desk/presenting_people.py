"""Files and phones in words."""

from __future__ import annotations

from datetime import date, datetime

from bot.desk import presenting
from bot.desk.presenting import Badge
from bot.desk.reading_people import Phone, stopped_on
from bot.desk.words import appointments, codes, dates, optouts, process, say
from bot.desk.words.stages import following, stage
from bot.referrals.words import shown
from bot.store.models import Case, Referral

Facts = list[tuple[str, str]]


def facts_of_file(file: Case, *, flagged: bool) -> Facts:
    """Label and words; what is empty is left out. `flagged`: the reader may know of the flag."""
    flags = {"standard": say("yes"), "protection": say("yes, protection")} if flagged else {}
    place = appointments.place(file.appointment_place) if file.appointment_place else ""
    appointment = ", ".join(filter(None, (_day(file.next_appointment), place)))
    return _filled([
        (say("Stage"), say("%(stage)s, since %(day)s", stage=stage(file.stage), day=_day(file.stage_since))),
        (say("What comes next"), following(file.stage, file.resume_stage)),
        (say("Appointment"), appointment if file.next_appointment else say("none yet")),
        (say("Project"), process.named(file.project_type)),
        (say("Training"), process.named(file.training_type)),
        (say("Kit"), process.named(file.assistance_type)),
        (say("Partner organisation"), file.partner),
        (say("Office"), file.office),
        (say("Home"), ", ".join(filter(None, (file.department, file.region)))),
        (say("Language"), codes.spoken(file.language)),
        (say("Opened on"), _day(file.opened_on)),
        (say("To be looked at on"), _day(file.review_on)),
        (say("Flagged"), flags.get(file.vulnerability, "")),
    ])  # fmt: skip


def tries(file: Case, now: datetime) -> list[str]:
    """That somebody tried to open the file, and what is locked (safety 12)."""
    when = dates.day_and_hour(file.last_attempt_at, now) if file.last_attempt_at else ""
    found = []
    if file.locked_enrolled:
        found.append(say("Six wrong codes from the person's own phone: the file is locked there."))
    if file.locked_others:
        found.append(say("Six wrong codes from another phone: locked for all others, the person's own still works."))
    if found and when:
        found.append(say("Last try: %(when)s.", when=when))
    return found


def facts_of_phone(found: Phone, now: datetime) -> Facts:
    """Language, consent, what arrives and what does not; never the number."""
    contact = found.contact
    answers = {"yes": say("yes"), "no": say("no")}
    consent = answers.get(contact.consent or "", say("not asked"))
    if contact.consent and contact.consent_at:
        consent += f", {_day(dates.local(contact.consent_at).date())}"
    blocked = ", ".join(codes.channel(one) for one in contact.blocked)
    dead = dates.local(contact.unreachable_at).date() if contact.unreachable_at else None
    return _filled([
        (say("Language"), codes.spoken(contact.language) or say("not known yet")),
        (say("Agreed to the notice"), consent),
        (say("May be texted after a dropped line"), answers.get(contact.texts or "", say("not asked"))),
        (say("Blocked"), say("%(channels)s: no answer reaches the person", channels=blocked) if blocked else ""),
        (say("Found dead"), say("since %(when)s, until somebody writes from it", when=_day(dead)) if dead else ""),
    ])  # fmt: skip


def ended(found: Phone) -> list[str]:
    """What is not sent any more, in words."""
    return [optouts.stopped(name) for name in sorted(stopped_on(found))]


def noted(found: Phone, now: datetime) -> list[tuple[str, str]]:
    """What staff noted: the words, and who and when."""
    return [
        (
            " · ".join(optouts.stopped(name) for name in one.stopped),
            ", ".join(filter(None, (who, dates.day_and_hour(one.at, now)))),
        )
        for one, who in found.opt_outs
    ]


def request_line(referral: Referral) -> dict[str, str | Badge]:
    """A request in a list of a file or a phone: badge, number, state; never the need."""
    closed = referral.closed_at
    state = say("closed %(day)s", day=_day(dates.local(closed).date())) if closed else say("open")
    return {"id": referral.id, "ticket": shown(referral.ticket), "badge": presenting.badge(referral), "state": state}


def _day(day: date | None) -> str:
    return day.strftime("%d/%m/%Y") if day else ""


def _filled(facts: Facts) -> Facts:
    return [(label, words) for label, words in facts if words]
