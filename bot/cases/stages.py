"""The stages of a case, and the one way to move it from one to another."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.content.process import process
from bot.store.models import Case, StageChange

MAIN = (
    "REGISTERED",
    "ELIGIBILITY",
    "COUNSELLING",
    "PLAN_REVIEW",
    "TRAINING_WAIT",
    "TRAINING",
    "KIT_PREPARATION",
    "KIT_READY",
    "KIT_COLLECTED",
    "MONITORING",
    "FINALISED",
)
EXCEPTIONAL = (
    "ON_HOLD",
    "WAITING_DOCUMENT",
    "LOST_CONTACT",
    "CANCELLED",
    "NOT_ELIGIBLE",
    "TRANSFERRED",
    "DECEASED",
)
STAGES = MAIN + EXCEPTIONAL


def move(
    session: Session,
    case: Case,
    to: str,
    *,
    by: str,
    at: datetime,
    since: date,
    reason: str = "",
    note_enc: bytes | None = None,
    review_on: date | None = None,
) -> StageChange:
    """Change the stage, keep what the way back needs, and write who, when, from, to, why: the one writer of moves.

    `by`: staff:<id>, import:<file> or turn. `since`: the day of Niamey on which it became so. Whether it may be done is
    asked before (bot.cases.process). Without `review_on` it is the latest day that the model allows.
    """
    model = process()
    resumes = model.rule(to).resumes
    change = StageChange(
        case_id=case.id, at=at, by=by, from_stage=case.stage, to_stage=to, reason=reason, note_enc=note_enc,
        was=before(case),
    )  # fmt: skip
    session.add(change)
    if resumes:
        case.resume_stage = case.resume_stage or case.stage
    else:
        case.resume_stage = ""
    if model.rule(to).told:
        case.told_by_person, case.told_by, case.told_at = False, None, None
    days = model.rule(to).review_days
    case.review_on = review_on or (since + timedelta(days=days) if days else None)
    case.stage, case.stage_since, case.known_on = to, since, since
    return change


def before(case: Case) -> dict[str, Any]:
    """What a move is about to change, so that it can be taken back."""
    review = case.review_on.isoformat() if case.review_on else None
    return {"since": case.stage_since.isoformat(), "resume": case.resume_stage, "review_on": review}


def status_shown(session: Session, number: str, *, at: datetime) -> None:
    """A verified person heard where the file stands: LOST_CONTACT resumes where it was (safety 13)."""
    case = session.scalars(select(Case).where(Case.number == number).with_for_update()).one_or_none()
    if case is None:
        return
    case.status_told_at = at
    if case.stage == "LOST_CONTACT" and case.resume_stage:
        move(session, case, case.resume_stage, by="turn", at=at, since=at.astimezone(UTC).date(), reason="contact")
