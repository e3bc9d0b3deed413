"""Rows of the outbox for staff. Nothing leaves here: the rows are found by the jobs, and pass the gate."""

import secrets
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.messages import Channel
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
    message_id = message_id or secrets.token_hex(16)
    message = Message(
        id=message_id,
        kind=kind,
        channel=Channel.SMS.value,
        gateway=settings.staff_gateway,
        staff_id=staff.id if staff is not None else None,
        referral_id=referral_id,
        text_enc=ciphers.encrypt(text.encode(), f"messages|{message_id}|text".encode()),
        state="queued",
        created_at=at,
        due_at=at,
    )
    session.add(message)
    return message


def new_code(session: Session, staff: Staff, *, tickets: list[str]) -> str:
    """Four random digits that no open alert of this person uses and that stand in none of the tickets (safety 16).

    Locks the row of the person, so that two processes cannot give the same code at once.
    """
    session.execute(select(Staff.id).where(Staff.id == staff.id).with_for_update(key_share=True))
    used = set(session.scalars(select(Alert.code).where(Alert.staff_id == staff.id, Alert.open)))
    while True:
        code = f"{secrets.randbelow(10_000):04d}"
        if code not in used and not any(code in ticket for ticket in tickets):
            return code
