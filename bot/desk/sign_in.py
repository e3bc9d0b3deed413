"""Who is reading: sessions of the desk, on Flask-Login.

A session is a signed cookie (HttpOnly, SameSite=Lax, Secure in production, path /desk) that names the staff member,
their session epoch, when it began and when it was last used. It ends after 12 hours, after 30 idle minutes, when the
account is closed, and when the epoch rises.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

from flask import Flask, g, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from bot.desk.services import Desk, now
from bot.store.models import Staff

LONGEST = timedelta(hours=12)
IDLE = timedelta(minutes=30)
REFRESH_HEADER = "X-Maraba-Refresh"  # a page that reloads itself is not a person at work


class Reader(UserMixin):  # type: ignore[misc]  # Flask-Login ships no types
    """A signed-in staff member, as Flask-Login and the templates see them."""

    def __init__(self, staff: Staff) -> None:
        self.staff = staff
        self.id = staff.id
        self.name = staff.name
        self.language = staff.language


def reader() -> Staff:
    """The staff member of this request; only behind the sign-in."""
    return cast(Staff, current_user.staff)


def known_reader() -> Staff | None:
    """The staff member of this request, if somebody is signed in and the database could be asked."""
    if g.get("desk_away") or not current_user.is_authenticated:
        return None
    return reader()


def prepare(app: Flask, desk: Desk) -> None:
    """Give the application its cookie rules and its loader of staff."""
    app.config.update(
        SESSION_COOKIE_NAME="maraba_desk",
        SESSION_COOKIE_PATH="/desk",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=not desk.services.settings.development,
        PERMANENT_SESSION_LIFETIME=LONGEST,
    )
    manager = LoginManager()
    manager.init_app(app, add_context_processor=False)  # pages outside the desk need no query to know their reader
    manager.session_protection = None  # phones change their address all day; the epoch ends a stolen session
    manager.user_loader(lambda staff_id: _load(desk, staff_id))


def begin(staff: Staff) -> None:
    """Start a new session; what an earlier visitor of this browser left is dropped."""
    session.clear()
    session.permanent = True
    session["epoch"] = staff.session_epoch
    session["since"] = session["seen"] = int(now().timestamp())
    login_user(Reader(staff))


def end() -> None:
    """Forget this browser's session."""
    logout_user()
    session.clear()


def mark_used() -> None:
    """Push the idle limit on, unless the page only refreshes itself."""
    if current_user.is_authenticated and not request.headers.get(REFRESH_HEADER):
        session["seen"] = int(now().timestamp())


def _load(desk: Desk, staff_id: str) -> Reader | None:
    if not _still_valid(desk.clock()):
        return None
    with desk.services.database.transaction() as store:
        staff = store.get(Staff, int(staff_id))
    if staff is None or not staff.active or staff.session_epoch != session.get("epoch"):
        return None
    return Reader(staff)


def _still_valid(at: datetime) -> bool:
    try:
        since, seen = (datetime.fromtimestamp(session[name], UTC) for name in ("since", "seen"))
    except (KeyError, TypeError):
        return False
    return at < since + LONGEST and at < seen + IDLE
