"""Keys of other systems: made by an administrator, shown once, for some scopes and some time, revoked at once.

An administrator reads nothing of people, and must not by a key either: one that reads or writes more than counts opens
nothing until a coordinator of its offices agreed. A key made at the command line needs nobody: whoever has the machine has
the data.

Kept as a keyed digest, as codes are: a copy of the database opens nothing.
"""

import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from bot.errors import CaseError
from bot.referrals import access
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.store.models import ApiAnswer, ApiToken, Audit, Staff

SCOPES = (
    "cases:read", "cases:write", "phones:read", "stages:write", "appointments:read", "appointments:write",
    "optouts:read", "counts:read",
)  # fmt: skip
COUNTS_ALONE = frozenset({"counts:read"})
LONGEST = timedelta(days=366)
ANSWERS_KEPT = timedelta(days=1)
USED_EVERY = timedelta(minutes=1)  # how exactly the last use is told
NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
_SECRET = re.compile(r"maraba_[A-Za-z0-9_-]{43}")


def make(
    session: Session, name: str, *, scopes: list[str], days: int, offices: list[str], ciphers: Ciphers, now: datetime,
    staff_id: int | None,
) -> str:  # fmt: skip
    """A new key, told this once; `staff_id` None: from the command line. Raises CaseError: name, taken, scopes, days."""
    if not NAME.fullmatch(name):
        raise CaseError("name")
    if session.scalar(select(ApiToken.id).where(ApiToken.name == name)) is not None:
        raise CaseError("taken")
    if not scopes or not set(scopes) <= set(SCOPES):
        raise CaseError("scopes")
    if not timedelta(0) < timedelta(days=days) <= LONGEST:
        raise CaseError("days")
    secret = f"maraba_{secrets.token_urlsafe(32)}"
    row = ApiToken(
        name=name, secret_hmac=_kept(ciphers, secret), scopes=sorted(scopes), offices=offices, made_by=staff_id,
        made_at=now, expires_at=now + timedelta(days=days),
        agreed_at=now if staff_id is None or set(scopes) <= COUNTS_ALONE else None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    detail = {"name": name, "scopes": sorted(scopes), "offices": offices}
    session.add(Audit(staff_id=staff_id, at=now, action="api_token_made", subject=f"api_token:{row.id}", detail=detail))
    return secret


def may_agree(token: ApiToken, staff: Staff) -> bool:
    """Is this the second person that the key waits for? All its offices must be theirs."""
    waits = token.agreed_at is None and token.revoked_at is None
    theirs = not staff.offices or (bool(token.offices) and set(token.offices) <= set(staff.offices))
    return waits and theirs and staff.id != token.made_by and access.agrees_to_keys(staff)


def agree(session: Session, token: ApiToken, staff: Staff, *, now: datetime) -> None:
    """From now on it opens what it is for. Raises CaseError: `not_yours`."""
    if not may_agree(token, staff):
        raise CaseError("not_yours")
    token.agreed_by, token.agreed_at = staff.id, now
    detail, subject = {"name": token.name, "scopes": token.scopes}, f"api_token:{token.id}"
    session.add(Audit(staff_id=staff.id, at=now, action="api_token_agreed", subject=subject, detail=detail))


def revoke(session: Session, token: ApiToken, *, now: datetime, staff_id: int | None) -> None:
    """From the next request on it opens nothing; twice is once."""
    if token.revoked_at is None:
        token.revoked_at = now
        detail = {"name": token.name}
        subject = f"api_token:{token.id}"
        session.add(Audit(staff_id=staff_id, at=now, action="api_token_revoked", subject=subject, detail=detail))


def of_secret(session: Session, secret: str, *, ciphers: Ciphers, now: datetime) -> ApiToken | None:
    """The key that somebody shows, if it opens anything now."""
    if not _SECRET.fullmatch(secret):
        return None
    found = session.scalars(select(ApiToken).where(ApiToken.secret_hmac == _kept(ciphers, secret))).one_or_none()
    if found is None or found.agreed_at is None or found.revoked_at is not None or now >= found.expires_at:
        return None
    if found.used_at is None or found.used_at + USED_EVERY <= now:
        session.execute(update(ApiToken).where(ApiToken.id == found.id).values(used_at=now))
    return found


def every(session: Session) -> list[ApiToken]:
    """Those that open something first, newest first."""
    return list(session.scalars(select(ApiToken).order_by(ApiToken.revoked_at.is_not(None), ApiToken.id.desc())))


def forget_answers(database: Database, now: datetime) -> None:
    """What requests with a key of idempotency were answered is kept for a day."""
    with database.transaction() as session:
        session.execute(delete(ApiAnswer).where(ApiAnswer.at < now - ANSWERS_KEPT))


def _kept(ciphers: Ciphers, secret: str) -> bytes:
    return ciphers.code("api-token", secret)
