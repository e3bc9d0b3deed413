"""What staff did in the matters of a community, for ever."""

from datetime import datetime

from sqlalchemy.orm import Session

from bot.store.models import Audit, Staff


def note(session: Session, staff: Staff, action: str, subject: str, at: datetime, **detail: object) -> None:
    """One line of the records: codes and numbers only. `subject`: community:<id>, proposal:<id>, group:<id> …"""
    session.add(Audit(staff_id=staff.id, at=at, action=f"community.{action}", subject=subject, detail=dict(detail)))
