"""Passwords of staff: Argon2, and the same work for a login that does not exist."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from sqlalchemy import select

from bot.store.database import Database
from bot.store.models import Audit, Staff

ALLOWED_FAILURES = 5
LOCK_OUT = timedelta(minutes=15)

_hasher = PasswordHasher()


def sign_in(database: Database, login: str, password: str, *, now: datetime) -> Staff | None:
    """The staff member whom login and password name; None for every other reason, after the same work.

    Five failures lock the account for 15 minutes, the right password included. An unknown login, an account without
    a password and a locked one cost one Argon2 run like any other, so that their answers take as long.
    """
    with database.transaction() as session:
        known = session.execute(select(Staff.id, Staff.password_hash).where(Staff.login == login)).first()
    right = _fits(known.password_hash if known else None, password)
    with database.transaction() as session:
        # The row is locked: tries that arrive together are counted one after the other.
        staff = session.get(Staff, known.id if known else 0, with_for_update=True)
        if staff is None or not staff.active:
            return None
        if staff.locked_until is not None:
            if staff.locked_until > now:
                return None
            staff.locked_until, staff.failed_sign_ins = None, 0
        if not right:
            _count_failure(staff, now)
            session.add(Audit(staff_id=staff.id, action="sign_in_failed", subject=f"staff:{staff.id}"))
            return None
        staff.failed_sign_ins = 0
        session.add(Audit(staff_id=staff.id, action="signed_in", subject=f"staff:{staff.id}"))
        return staff


def end_sessions(database: Database, staff_id: int) -> None:
    """Every session of this person ends, on every device: a signed cookie can't be called back one by one."""
    with database.transaction() as session:
        staff = session.get(Staff, staff_id, with_for_update=True)
        if staff is not None:
            staff.session_epoch += 1
            session.add(Audit(staff_id=staff_id, action="signed_out", subject=f"staff:{staff_id}"))


def _count_failure(staff: Staff, now: datetime) -> None:
    staff.failed_sign_ins += 1
    if staff.failed_sign_ins >= ALLOWED_FAILURES:
        staff.locked_until = now + LOCK_OUT


def _fits(password_hash: str | None, password: str) -> bool:
    try:
        _hasher.verify(password_hash or _nobodys_hash(), password)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False
    return password_hash is not None


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("a password that nobody has")
