"""Rows of the outbox for staff. Nothing leaves here: the rows are found by the jobs, and pass the gate."""

import secrets
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.kinds import Kind
from bot.outbox import Draft, put
from bot.store.ciphers import Ciphers
from bot.store.models import Alert, Message, Staff


def tell(
    session: Session,
    staff: Staff | None,
    *,
    text: str,
    at: datetime,
    kind: str = "staff",
    referral_id: str | None = None,
    message_id: str = "",
    ciphers: Ciphers,
    settings: Settings,
) -> Message | None:
    """Queue an SMS to somebody of the staff, or (None) to the outside hotline; None where there is no phone."""
    if staff is not None and staff.phone_enc is None:
        return None
    draft = Draft(Kind(kind), staff=staff, sms=text, referral_id=referral_id, budget=None, id=message_id)
    return put(session, draft, at=at, settings=settings, ciphers=ciphers)


class Codes:
    """Four random digits an alert (safety 16). Whoever makes one holds the ladder's lock: no other process gives any."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._used: dict[int, set[str]] = {}

    def give(self, staff: Staff, *, tickets: list[str]) -> str:
        """A code that no open alert of this person uses and that stands in none of the tickets."""
        used = self._used.get(staff.id)
        if used is None:
            found = self._session.scalars(select(Alert.code).where(Alert.staff_id == staff.id, Alert.open))
            used = self._used[staff.id] = set(found)
        while True:
            code = f"{secrets.randbelow(10_000):04d}"
            if code not in used and not any(code in ticket for ticket in tickets):
                used.add(code)
                return code
