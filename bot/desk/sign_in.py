"""Who is reading: sessions of the desk, on Flask-Login.

A session is a signed cookie (HttpOnly, SameSite=Lax, Secure in production, path /desk) that names the staff member,
their session epoch, when it began and when it was last used, and a key whose digest is a row of `staff_sessions`. It
ends after 12 hours, after 30 idle minutes, when the account is closed, when its row ends, and when the epoch rises.

Between password and second factor the cookie only says who is expected (`expect`): it opens nothing else.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import cast

from flask import Flask, g, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot.desk import lock_out, second_factor
from bot.desk.services import Desk, now, services
from bot.store.database import Database
from bot.store.models import Audit, Staff, StaffSession

LONGEST = timedelta(hours=12)
IDLE = timedelta(minutes=30)
EXPECTED_FOR = timedelta(minutes=10)  # between the password and the second factor
SEEN_EVERY = timedelta(minutes=1)  # how exactly the list of sessions tells the last use
BROWSERS = ("Firefox", "Edg", "OPR", "Chrome", "Safari")  # the first that is named: Chrome names Safari too
SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux")
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
    key = secrets.token_urlsafe(16)
    session["key"], session["epoch"] = key, staff.session_epoch
    session["since"] = session["seen"] = int(now().timestamp())
    with services().database.transaction() as store:
        store.add(StaffSession(id=_row(key), staff_id=staff.id, began_at=now(), used_at=now(), device=_device()))
        lock_out.remember(store, staff.id, now())
    login_user(Reader(staff))


def expect(staff: Staff) -> None:
    """The password was right; the second factor is still to come."""
    session.clear()
    session["expected"], session["expected_at"] = staff.id, int(now().timestamp())
    session["expected_epoch"] = staff.session_epoch


def expected() -> int | None:
    """Whose second factor this browser may show, for ten minutes; a reset or a new password ends that too."""
    at = session.get("expected_at")
    if not isinstance(at, int) or now() >= datetime.fromtimestamp(at, UTC) + EXPECTED_FOR:
        return None
    wanted = select(Staff.id).where(
        Staff.id == session.get("expected"), Staff.session_epoch == session.get("expected_epoch"), Staff.active
    )
    with services().database.transaction() as store:
        return store.scalar(wanted)


def end() -> None:
    """End this browser's session; a copy of its cookie opens nothing any more."""
    with services().database.transaction() as store:
        end_row(store, reader().id, own_row())
    logout_user()
    session.clear()


def own_row() -> str:
    """The row of this very session."""
    return _row(session.get("key", ""))


def end_row(store: Session, staff_id: int, row: str) -> bool:
    """End one session of this person; False where there is none."""
    ended = update(StaffSession).where(
        StaffSession.id == row, StaffSession.staff_id == staff_id, StaffSession.ended_at.is_(None)
    )
    done = store.execute(ended.values(ended_at=now()).returning(StaffSession.id)).first() is not None
    if done:
        store.add(Audit(staff_id=staff_id, action="signed_out", subject=f"staff:{staff_id}"))
    return done


def end_all(database: Database, staff_id: int) -> None:
    """Every session of this person ends, on every device."""
    with database.transaction() as store:
        staff = store.get_one(Staff, staff_id, with_for_update=True)
        staff.session_epoch += 1
        open_rows = StaffSession.staff_id == staff_id, StaffSession.ended_at.is_(None)
        store.execute(update(StaffSession).where(*open_rows).values(ended_at=now()))
        store.add(Audit(staff_id=staff_id, action="signed_out_everywhere", subject=f"staff:{staff_id}"))


def open_sessions(store: Session, staff_id: int) -> list[StaffSession]:
    """Where this person is signed in, last used first."""
    at = now()
    rows = select(StaffSession).where(
        StaffSession.staff_id == staff_id,
        StaffSession.ended_at.is_(None),
        StaffSession.began_at > at - LONGEST,
        StaffSession.used_at > at - IDLE - SEEN_EVERY,
    )
    return list(store.scalars(rows.order_by(StaffSession.used_at.desc())))


def mark_used() -> None:
    """Push the idle limit on, unless the page only refreshes itself."""
    if not current_user.is_authenticated or request.headers.get(REFRESH_HEADER):
        return
    at = now()
    session["seen"] = int(at.timestamp())
    if reader_session().used_at + SEEN_EVERY <= at:
        with services().database.transaction() as store:
            store.execute(update(StaffSession).where(StaffSession.id == own_row()).values(used_at=at))


def reader_session() -> StaffSession:
    """The row of this session, as it was loaded with its reader."""
    return cast(StaffSession, g.desk_session)


def _load(desk: Desk, staff_id: str) -> Reader | None:
    if not _still_valid(desk.clock()):
        return None
    with desk.services.database.transaction() as store:
        found = store.execute(
            select(Staff, StaffSession)
            .join(StaffSession, StaffSession.staff_id == Staff.id)
            .where(Staff.id == int(staff_id), StaffSession.id == own_row(), StaffSession.ended_at.is_(None))
        ).one_or_none()
    if found is None or not found.Staff.active or found.Staff.session_epoch != session.get("epoch"):
        return None
    if found.Staff.totp_since is None and second_factor.required(found.Staff, desk.services.settings):
        return None  # the role has risen since: they sign in again, and set it up on the way
    g.desk_session = found.StaffSession
    return Reader(found.Staff)


def _row(key: str) -> str:
    """The digest under which a session is kept: a copy of the database opens no session."""
    return services().ciphers.code("session", key)[:16].hex()


def _device() -> str:
    agent = request.headers.get("User-Agent", "")
    found = (next((name for name in names if name in agent), "") for names in (BROWSERS, SYSTEMS))
    return ", ".join({"Edg": "Edge", "OPR": "Opera", "Macintosh": "Mac"}.get(name, name) for name in found if name)


def _still_valid(at: datetime) -> bool:
    try:
        since, seen = (datetime.fromtimestamp(session[name], UTC) for name in ("since", "seen"))
    except (KeyError, TypeError):
        return False
    return at < since + LONGEST and at < seen + IDLE
