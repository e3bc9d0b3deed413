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
            count_failure(staff, now)
            session.add(Audit(staff_id=staff.id, action="sign_in_failed", subject=f"staff:{staff.id}"))
            return None
        if staff.totp_since is None:  # else the second step counts
            staff.failed_sign_ins = 0
            session.add(Audit(staff_id=staff.id, action="signed_in", subject=f"staff:{staff.id}"))
        return staff


def count_failure(staff: Staff, now: datetime) -> None:
    """One more wrong password or code; the fifth locks."""
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
