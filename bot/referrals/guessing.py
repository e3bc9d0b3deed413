"""Codes by SMS that were wrong. A sender can be forged and four digits can be tried out, so after a few wrong ones in
an hour no code from that person's number counts; the desk, where people sign in, is open as ever.

Counted in the records: whoever searches them sees that somebody guesses.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.store.models import Alert, Audit, Staff

WRONG = 5  # within an hour
REST = timedelta(hours=1)
LATE = timedelta(days=1)  # how long the code of an alert may come late without being a guess
_WRONG_CODE = "sms_code_wrong"


def note_wrong(session: Session, staff: Staff, code: str, at: datetime) -> None:
    """Count it, unless an alert of theirs had this code within a day: somebody else was faster, that is no guess."""
    had = select(Alert.id).where(Alert.staff_id == staff.id, Alert.code == code, Alert.told_at > at - LATE)
    if session.scalar(had.limit(1)) is None:
        session.add(Audit(at=at, action=_WRONG_CODE, subject=f"staff:{staff.id}"))


def rests_until(session: Session, staff_id: int, at: datetime) -> datetime | None:
    """Until when no code by SMS counts for this person; None: codes count."""
    wrong = select(Audit.at).where(
        Audit.subject == f"staff:{staff_id}", Audit.action == _WRONG_CODE, Audit.at > at - REST, Audit.at <= at
    )
    last = session.scalars(wrong.order_by(Audit.at.desc()).limit(WRONG)).all()
    return last[-1] + REST if len(last) == WRONG else None
