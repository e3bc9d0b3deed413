"""The stages of a case, and the one way to move it from one to another."""

from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

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


def move(session: Session, case: Case, to: str, *, by: str, at: datetime, since: date, reason: str = "") -> None:
    """Change the stage and write who, when, from, to, why. `by`: staff:<id>, import:<file> or turn."""
    session.add(StageChange(case_id=case.id, at=at, by=by, from_stage=case.stage, to_stage=to, reason=reason))
    case.stage = to
    case.stage_since = since


def status_shown(session: Session, number: str, *, at: datetime) -> None:
    """A verified person heard where the file stands: LOST_CONTACT resumes where it was (safety 13)."""
    case = session.scalars(select(Case).where(Case.number == number).with_for_update()).one_or_none()
    if case is None:
        return
    case.status_told_at = at
    if case.stage == "LOST_CONTACT" and case.resume_stage:
        move(session, case, case.resume_stage, by="turn", at=at, since=at.astimezone(UTC).date(), reason="contact")
        case.resume_stage = ""
