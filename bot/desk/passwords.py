"""Passwords of staff: Argon2, and the same work for a login that does not exist."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from sqlalchemy import select

from bot.desk import lock_out
from bot.store.database import Database
from bot.store.models import Audit, Staff

_hasher = PasswordHasher()


def sign_in(database: Database, login: str, password: str, *, now: datetime, device: str = "") -> Staff | None:
    """The staff member whom login and password name; None for every other reason, after the same work.

    Five failures lock for 15 minutes, the right password included: this browser (`device`) where they signed in before,
    else all others. An unknown login, an account without a password and a locked one cost one Argon2 run like any
    other, so that their answers take as long.
    """
    with database.transaction() as session:
        known = session.execute(select(Staff.id, Staff.password_hash).where(Staff.login == login)).first()
    right = _fits(known.password_hash if known else None, password)
    with database.transaction() as session:
        # The row is locked: tries that arrive together are counted one after the other.
        staff = session.get(Staff, known.id if known else 0, with_for_update=True)
        if staff is None or not staff.active:
            return None
        counter = lock_out.counter(session, staff, device, now)
        if not lock_out.is_open(counter, now):
            return None
        if not right:
            lock_out.count(counter, now)
            session.add(Audit(staff_id=staff.id, action="sign_in_failed", subject=f"staff:{staff.id}"))
            return None
        if staff.totp_since is None:  # else the second step counts
            lock_out.forgive(counter)
            session.add(Audit(staff_id=staff.id, action="signed_in", subject=f"staff:{staff.id}"))
        return staff


def _fits(password_hash: str | None, password: str) -> bool:
    try:
        _hasher.verify(password_hash or _nobodys_hash(), password)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False
    return password_hash is not None


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("a password that nobody has")
