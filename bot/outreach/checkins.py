"""Check-ins: a few questions in set weeks of MONITORING (flows/checkins.yaml). None is asked twice, silence ends one.

By SMS a neutral question that needs no code; whoever dials and gives the code is asked first thing in "My file".
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import Row, exists, func, select, update
from sqlalchemy.orm import Session

from bot.config import ROOT
from bot.content.check_ins import CheckInsSpec
from bot.outbox import Question
from bot.outreach.pushing import Run, push
from bot.sources import Source
from bot.store.models import Case, CheckIn, Contact, Referral

FILE = ROOT / "flows" / "checkins.yaml"
MOST = 100  # a run
PROBLEMS = ("no", "kit", "other")
YES = {"yes": True, "no": False}


def ask(run: Run) -> int:
    """End those that got no answer, then begin those that are due; how many were begun."""
    spec, today = rules(), run.clocks.local(run.at).date()
    ended = CheckIn.asked_at < run.at - timedelta(days=spec.answer_within)
    run.session.execute(update(CheckIn).where(CheckIn.state == "asked", ended).values(state="silent"))
    begun = 0
    for week in spec.weeks:
        last = today - timedelta(weeks=week)
        rows = _due(run, last - timedelta(days=spec.answer_within - 1), last, week=week, most=MOST - begun)
        kept = run.kept_from(contact for _, contact in rows)
        for case, contact in rows:
            _begin(run, case, contact, week, kept=kept)
        begun += len(rows)
    return begun


def answer(
    session: Session, check_in: int, question: str, said: str, *, channel: str, at: datetime, referral: str
) -> None:
    """One answer, kept as it is given: `running`, `visit` (yes, no) or `problem` (no, kit, other); `well` is both good.

    The same answer again changes nothing; another one to the same question is a correction. A `well` that comes after
    other answers says nothing new: the message that asked still stood on the phone.
    """
    row = session.get(CheckIn, check_in, with_for_update=True)
    if row is None:
        return
    if question in ("running", "visit") and said in YES:
        setattr(row, question, YES[said])
    elif question == "problem" and said in PROBLEMS:
        row.problem = said
    elif question == "well" and row.answered_at is None:
        row.running, row.problem = True, "no"
    else:
        return
    row.answered_at = row.answered_at or at
    row.state, row.channel = "answered", channel
    if referral:
        _link(session, row, referral)


@cache
def rules(path: Path = FILE) -> CheckInsSpec:
    """The weeks; raises FlowError for a file that can't be used."""
    spec: CheckInsSpec = Source(path).parse(CheckInsSpec)
    return spec


def _due(run: Run, first: date, last: date, *, week: int, most: int) -> list[Row[Case, Contact]]:
    asked = exists().where(CheckIn.case_id == Case.id, CheckIn.since == Case.stage_since, CheckIn.week == week)
    query = (
        select(Case, Contact)
        .outerjoin(Contact, Contact.id == Case.contact_id)
        .where(Case.stage == "MONITORING", Case.stage_since.between(first, last), ~asked)
        .order_by(Case.stage_since, Case.id)
        .limit(most)
        .with_for_update(of=Case, skip_locked=True, key_share=True)
    )
    return list(run.session.execute(query))


def _begin(run: Run, case: Case, contact: Contact | None, week: int, *, kept: frozenset[int]) -> None:
    due = case.stage_since + timedelta(weeks=week)
    row = CheckIn(case_id=case.id, since=case.stage_since, week=week, due_on=due, asked_at=run.at, pushed="")
    run.session.add(row)
    run.session.flush()
    question = Question("checkin", {"checkin": str(row.id)})
    pushed = push(run, case, contact, "checkin", once=f"checkin|{row.id}", kept=kept, question=question)
    row.pushed, row.message_id = pushed.outcome, pushed.message_id


def _link(session: Session, row: CheckIn, referral_id: str) -> None:
    """The request that a problem opened belongs to the file, though no code was given: its phone was asked."""
    referral = session.get(Referral, referral_id)
    if referral is None:
        return
    row.referral_id = referral_id
    case = session.get_one(Case, row.case_id)
    if referral.case_id is None and referral.contact_id == case.contact_id:
        referral.case_id, referral.office = case.id, case.office


def rates(session: Session, *conditions: object) -> list[Row[int, str, str, int, int, int]]:
    """By week, region and partner: asked and over, answered, with a problem. Those still waiting are left out."""
    over = CheckIn.state != "asked"
    query = (
        select(
            CheckIn.week,
            Case.region,
            Case.partner,
            func.count(CheckIn.id),
            func.count(CheckIn.id).filter(CheckIn.state == "answered"),
            func.count(CheckIn.id).filter(CheckIn.problem.in_(("kit", "other"))),
        )
        .join(Case, Case.id == CheckIn.case_id)
        .where(over, *conditions)  # type: ignore[arg-type]
        .group_by(CheckIn.week, Case.region, Case.partner)
    )
    return list(session.execute(query))
