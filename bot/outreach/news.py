"""Stage news: five stages are told by a neutral message, once a change, half an hour after it.

A change that was taken back meanwhile, or that another one followed, is not told; nor one that the person has read by
then. Source: domain rules, the process.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Row, exists, select
from sqlalchemy.orm import aliased

from bot.outreach.pushing import Run, push
from bot.store.models import Case, Contact, StageChange, StageNews

TOLD = ("PLAN_REVIEW", "TRAINING_WAIT", "KIT_READY", "MONITORING", "FINALISED")
WAIT = timedelta(minutes=30)  # in which a colleague takes a mistake back
TOO_OLD = timedelta(days=7)  # what the sweep could not tell by then is no news
NO_NEWS = ("undone", "contact")  # taken back to where the person knows it to be; resumed, for the person gave the code
MOST = 200


def tell_stages(run: Run) -> int:
    """Look at up to 200 changes; how many there were. Running it again, or twice at once, tells nothing twice."""
    found = _due(run)
    kept = run.kept_from(contact for _, _, contact in found)
    for change, case, contact in found:
        outcome, message_id = _outcome(run, change, case, contact, kept)
        news = StageNews(change_id=change.id, case_id=case.id, at=run.at, outcome=outcome, message_id=message_id)
        run.session.add(news)
    return len(found)


def _due(run: Run) -> list[Row[StageChange, Case, Contact]]:
    """Changes that nobody looked at; a file that another sweep holds is left to it."""
    looked_at = exists().where(StageNews.change_id == StageChange.id)
    query = (
        select(StageChange, Case, Contact)
        .join(Case, Case.id == StageChange.case_id)
        .outerjoin(Contact, Contact.id == Case.contact_id)
        .where(
            StageChange.at > run.at - TOO_OLD,
            StageChange.at <= run.at - WAIT,
            StageChange.to_stage.in_(TOLD),
            ~looked_at,
        )
        .order_by(StageChange.at, StageChange.id)
        .limit(MOST)
        .with_for_update(of=Case, skip_locked=True, key_share=True)
    )
    return list(run.session.execute(query))


def _outcome(
    run: Run, change: StageChange, case: Case, contact: Contact | None, kept: frozenset[int]
) -> tuple[str, str | None]:
    if case.stage != change.to_stage or change.reason in NO_NEWS or _followed(run, change):
        return "over", None
    if case.status_told_at is not None and case.status_told_at >= change.at:
        return "seen", None
    pushed = push(run, case, contact, "news", once=f"news|{change.id}", kept=kept)
    return pushed.outcome, pushed.message_id


def _followed(run: Run, change: StageChange) -> bool:
    later = aliased(StageChange)
    after = exists().where(later.case_id == change.case_id, later.id > change.id)
    return bool(run.session.scalar(select(after)))
