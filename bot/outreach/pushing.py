"""One neutral message about a file: may it leave, and in which words. Every sweep of the outreach writes by this alone.

No text says what it is about (flows/pushes.yaml); who dials and gives the code reads it. Sources: safety 3, 6, 13, the
channel table; after 180 silent days the code is asked for before anything else (docs/outreach.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.content.screens import Content
from bot.kinds import Kind
from bot.outbox import Draft, NotWritten, Question, put
from bot.outreach.broadcasts_audience import ADULT, protected
from bot.outreach.calendar import Calendar
from bot.referrals.clocks import Clocks
from bot.store.ciphers import Ciphers
from bot.store.models import Case, Contact, ContactAttempt, NumberChange

VERIFY_AGAIN = timedelta(days=30)
# a person says it first (safety 13), or nobody of ours says anything any more
NOT_BY_MACHINE = frozenset({"DECEASED", "LOST_CONTACT", "CANCELLED", "NOT_ELIGIBLE", "TRANSFERRED"})
OPEN_CHANGE = ("new", "doubted")  # of a number: until it is settled, nothing leaves to the old one nor the new one

Outcome = Literal["told", "verify", "withheld"]


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of it. `withheld` gives no reason: one of them would tell of a talk in private (safety 19)."""

    outcome: Outcome
    message_id: str | None = None


WITHHELD = Pushed("withheld")


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a sweep works with, in one transaction."""

    session: Session
    at: datetime
    content: Content
    settings: Settings
    ciphers: Ciphers
    calendar: Calendar = field(init=False)
    clocks: Clocks = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "calendar", Calendar.of(self.settings))
        object.__setattr__(self, "clocks", Clocks.of(self.settings))

    def kept_from(self, contacts: Iterable[Contact | None]) -> frozenset[int]:
        """Of these phones, those that get nothing by machine; asked once a batch."""
        ids = {contact.id for contact in contacts if contact is not None}
        return protected(self.session, ids, ciphers=self.ciphers) if ids else frozenset()


def push(
    run: Run,
    case: Case,
    contact: Contact | None,
    name: str,
    *,
    once: str,
    kept: frozenset[int],
    question: Question | None = None,
) -> Pushed:
    """Queue the text `name` of flows/pushes.yaml, or a question; or ask for the code first. Again makes no second one.

    `once`: what it is about, by which its id is derived. `kept`: phones that get nothing by machine. A phone of several
    is asked nothing: whoever holds it could answer for another one. It gets the news, and the code tells whose they are.
    """
    if contact is None or contact.id in kept or not may_push(run, case):
        return WITHHELD
    if contact.silent_since is not None:
        return ask_to_verify(run, case, contact)
    if question is not None and of_several(run, case):
        return _put(run, case, contact, "news", kind=Kind.REMINDER, once=once)
    return _put(run, case, contact, name, kind=Kind.REMINDER, once=once, question=question)


def of_several(run: Run, case: Case) -> bool:
    """Is the phone of this file that of another person too?"""
    other = exists().where(Case.contact_id == case.contact_id, Case.id != case.id)
    return case.phone_shared or bool(run.session.scalar(select(other)))


def ask_to_verify(run: Run, case: Case, contact: Contact) -> Pushed:
    """Ask whoever has the phone to dial and give the code, at most once in 30 days. It counts as an attempt to reach."""
    asked = contact.verify_asked_at
    if asked is not None and run.at - asked < VERIFY_AGAIN:
        return Pushed("verify")
    pushed = _put(run, case, contact, "verify", kind=Kind.VERIFY, once=f"verify|{run.at.date().isoformat()}")
    if pushed.outcome == "withheld":
        return pushed
    contact.verify_asked_at = run.at
    run.session.add(ContactAttempt(case_id=case.id, at=run.at, way="sms", reached=False))
    return Pushed("verify", pushed.message_id)


def may_push(run: Run, case: Case) -> bool:
    """May a machine write about this file at all? Of a flagged file and of a child's only people speak (safety 6, 10)."""
    year = run.clocks.local(run.at).year
    if case.stage in NOT_BY_MACHINE or case.vulnerability == "protection":
        return False
    if case.year_of_birth is not None and year - case.year_of_birth < ADULT:
        return False
    changing = exists().where(NumberChange.case_id == case.id, NumberChange.state.in_(OPEN_CHANGE))
    return not run.session.scalar(select(changing))


def language(run: Run, case: Case, contact: Contact) -> str:
    """The one that the person chose, else that of the file, where we have it in writing; else the usual one."""
    flows = run.content.flows
    wished = (contact.language or "", case.language)
    return next((one for one in wished if one in flows.languages), flows.default_language)


def _put(
    run: Run, case: Case, contact: Contact, name: str, *, kind: Kind, once: str, question: Question | None = None
) -> Pushed:
    words = language(run, case, contact)
    text = run.content.push(name, words) if question is None else _asked(run, question, words)
    message_id = run.ciphers.derived_id(f"case|{case.id}".encode(), f"outreach|{once}")
    draft = Draft(
        kind,
        contact=contact,
        sms=text,
        case_id=case.id,
        due_at=run.calendar.next_push(run.at, case.region),
        budget=1,
        id=message_id,
        question=question,
    )
    try:
        put(run.session, draft, at=run.at, settings=run.settings, ciphers=run.ciphers)
    except NotWritten:
        return WITHHELD
    return Pushed("told", message_id)


def _asked(run: Run, question: Question, words: str) -> str:
    """The words of a question are those of its state, so that the answer fits them."""
    state = run.content.flows.entries[question.entry]
    return run.content.speak(state, dict(question.values), channel="sms", language=words).text
