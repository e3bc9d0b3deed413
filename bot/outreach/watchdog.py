"""The watchdog: a stage that runs past its usual range (flows/stages.yaml, `days`), and a paper that is still missing.

The person is told first, neutrally; then the file stands on the desk's list, and the assistants of its office hear in
the morning how many came to it. Once a stage, for each limit that was passed.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

from sqlalchemy import Row, exists, select, update
from sqlalchemy.orm import Session

from bot.outreach.pushing import Run, push
from bot.referrals import words
from bot.referrals.telling import tell
from bot.store.models import Case, Contact, LateFile, Message, Staff

REMINDED = {"WAITING_DOCUMENT": (7, 21, 45)}  # days on which a missing paper is recalled (domain rules)
FAR = 36_500  # days: where no later limit follows
MOST = 100  # a run: whoever is told may ring, and people answer


def watch(run: Run, stages: dict[str, int]) -> int:
    """Find files past a limit and tell their people; how many were found. `stages`: days by stage code."""
    limits = {code: (days,) for code, days in stages.items() if days} | REMINDED
    today, found = run.clocks.local(run.at).date(), 0
    for stage, days in limits.items():
        for passed, following in pairwise((*days, FAR)):
            if found < MOST:
                found += _passed(run, stage, passed, following, today=today, most=MOST - found)
    return found


def _passed(run: Run, stage: str, day: int, following: int, *, today: date, most: int) -> int:
    grace = 0 if stage in REMINDED else 1  # past a range, but on the day of a reminder
    first, last = today - timedelta(days=following + grace - 1), today - timedelta(days=day + grace)
    rows = _due(run, stage, first, last, day=day, most=most)
    kept = run.kept_from(contact for _, contact in rows)
    name = "news" if stage in REMINDED else "late"
    for case, contact in rows:
        read = case.status_told_at is not None and case.status_told_at.date() > case.stage_since + timedelta(days=day)
        outcome, message_id = "seen", None
        if not read:
            once = f"late|{stage}|{case.stage_since.isoformat()}|{day}"
            pushed = push(run, case, contact, name, once=once, kept=kept)
            outcome, message_id = pushed.outcome, pushed.message_id
        late = LateFile(case_id=case.id, stage=stage, since=case.stage_since, day=day, found_at=run.at)
        late.outcome, late.message_id = outcome, message_id
        run.session.add(late)
    return len(rows)


def _due(run: Run, stage: str, first: date, last: date, *, day: int, most: int) -> list[Row[Case, Contact]]:
    """Files that passed this limit and not the following one, and were not found before."""
    known = exists().where(
        LateFile.case_id == Case.id, LateFile.stage == stage, LateFile.since == Case.stage_since, LateFile.day == day
    )
    query = (
        select(Case, Contact)
        .outerjoin(Contact, Contact.id == Case.contact_id)
        .where(Case.stage == stage, Case.stage_since.between(first, last), ~known)
        .order_by(Case.stage_since, Case.id)
        .limit(most)
        .with_for_update(of=Case, skip_locked=True, key_share=True)
    )
    return list(run.session.execute(query))


def digest(run: Run) -> int:
    """In the morning of an office day tell each assistant how many files came to the list; how many were told.

    Each is told once a day at most: the id of the text derives from the day.
    """
    session, clocks = run.session, run.clocks
    today = clocks.local(run.at).date()
    morning = clocks.moment(today, clocks.digest)
    if clocks.office_hours(today) is None or run.at < morning:
        return 0
    found = LateFile.digested_at.is_(None) & (LateFile.found_at < morning)  # what came since comes tomorrow
    new = session.execute(select(LateFile.id, Case.office).join(Case, Case.id == LateFile.case_id).where(found)).all()
    if not new:
        return 0
    counts = Counter(row.office for row in new)
    told = sum(_tell(run, staff, counts, today) for staff in _readers(session))
    session.execute(update(LateFile).where(LateFile.id.in_([row.id for row in new])).values(digested_at=run.at))
    return told


def _readers(session: Session) -> list[Staff]:
    assistants = select(Staff).where(Staff.active, Staff.role == "assistant").order_by(Staff.id)
    return list(session.scalars(assistants))


def _tell(run: Run, staff: Staff, counts: Counter[str], today: date) -> bool:
    count = sum(number for office, number in counts.items() if not staff.offices or office in staff.offices)
    message_id = run.ciphers.derived_id(str(staff.id).encode(), f"late|{today.isoformat()}")
    if not count or run.session.get(Message, message_id) is not None:
        return False
    said = words.say("late_files", staff.language, count=str(count))
    tell(run.session, staff, text=said, at=run.at, message_id=message_id, ciphers=run.ciphers, settings=run.settings)
    return True
