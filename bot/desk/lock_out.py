"""Five failures lock out: one counter for each browser in which somebody signed in before, and one for all others.

As a file has a counter for its enrolled phone and another for everybody else (safety 12): a stranger who knows a login
never locks its owner out where they work. A browser is known by a cookie that says nothing but a random key.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from flask import Response, g, request
from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from bot.desk.blueprint import blueprint
from bot.desk.services import services
from bot.store.models import KnownDevice, Staff

ALLOWED_FAILURES = 5
LOCK_OUT = timedelta(minutes=15)
COOKIE = "maraba_device"
KEPT = timedelta(days=180)  # without a sign-in; then the browser is one of the others
Counter = Staff | KnownDevice


def counter(session: Session, staff: Staff, device: str, at: datetime) -> Counter:
    """What counts the failures of this person in this browser, its row locked. `device`: as `device()` tells it."""
    known = session.get(KnownDevice, (device, staff.id), with_for_update=True) if device else None
    return known if known is not None and known.seen_at > at - KEPT else staff


def is_open(counter: Counter, at: datetime) -> bool:
    """May somebody try? A lock-out that is over is forgotten, with the failures that led to it."""
    if counter.locked_until is not None and counter.locked_until > at:
        return False
    if counter.locked_until is not None:
        forgive(counter)
    return True


def count(counter: Counter, at: datetime) -> None:
    """One more wrong password, code or passphrase; the fifth locks."""
    counter.failed_sign_ins += 1
    if counter.failed_sign_ins >= ALLOWED_FAILURES:
        counter.locked_until = at + LOCK_OUT


def forgive(counter: Counter) -> None:
    """Whoever tried was right."""
    counter.failed_sign_ins, counter.locked_until = 0, None


def remember(session: Session, staff_id: int, at: datetime) -> None:
    """Somebody is in: from now on this browser is one of theirs. Browsers that were long away are forgotten.

    A key by which nobody is known here is none of ours: whoever put it there would know it.
    """
    key = request.cookies.get(COOKIE, "")
    if not (key and session.scalar(select(exists().where(KnownDevice.id == _row(key))))):
        key = secrets.token_urlsafe(16)
    g.desk_device = key
    session.execute(delete(KnownDevice).where(KnownDevice.staff_id == staff_id, KnownDevice.seen_at <= at - KEPT))
    session.merge(KnownDevice(id=_row(key), staff_id=staff_id, failed_sign_ins=0, locked_until=None, seen_at=at))


@blueprint.after_request
def keep_cookie(response: Response) -> Response:
    """Give the browser its key with the answer to a sign-in."""
    key = g.get("desk_device")
    if key:
        response.set_cookie(
            COOKIE,
            key,
            max_age=KEPT,
            path="/desk",
            httponly=True,
            samesite="Lax",
            secure=not services().settings.development,
        )
    return response


def device() -> str:
    """The digest of this browser's key, as it is kept; empty where it never signed in."""
    key = request.cookies.get(COOKIE, "")
    return _row(key) if key else ""


def _row(key: str) -> str:
    return services().ciphers.code("device", key)[:16].hex()
