"""The second factor of staff: codes of an authenticator app (RFC 6238), and recovery codes for a lost phone.

Required for whoever reads protection content, and for administrators, who can let others read it.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime

import pyotp
import segno
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.desk import lock_out
from bot.referrals import access
from bot.store.ciphers import Ciphers
from bot.store.models import Audit, Staff

STEP = 30  # seconds of one code
DRIFT = 1  # steps that a phone's clock may be off
RECOVERY_CODES = 8
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that reads like something else
ISSUER = "Maraba"  # what the app shows: no word of the programme


def required(staff: Staff, settings: Settings) -> bool:
    """Must this person have one? Where it is only offered (development), nobody must."""
    if not settings.second_factor_required:
        return False
    return staff.role == "admin" or bool(access.serves(staff) & frozenset(access.CRITICAL_QUEUES))


def prepare(session: Session, staff_id: int, *, ciphers: Ciphers) -> str:
    """The secret that the app is to be given; the same until a first code proves it, then a new one. Base32."""
    staff = session.get_one(Staff, staff_id, with_for_update=True)
    if staff.totp_enc is None or staff.totp_since is not None:
        secret = pyotp.random_base32()
        if staff.totp_since is None:
            staff.totp_enc = ciphers.encrypt(secret.encode(), _place(staff))
        return secret
    return ciphers.decrypt(staff.totp_enc, _place(staff)).decode()


def confirm(
    session: Session, staff_id: int, code: str, *, now: datetime, ciphers: Ciphers, device: str = ""
) -> list[str] | None:
    """A first code proves that the app has the secret: from now on it is asked. Returns the recovery codes, once.

    None: the code does not fit, or this browser (`device`) is locked out; failures count as those of the password.
    """
    staff = session.get_one(Staff, staff_id, with_for_update=True)
    counter = lock_out.counter(session, staff, device, now)
    if staff.totp_since is not None or not _try(session, staff, code, counter, now=now, ciphers=ciphers):
        return None
    staff.totp_since = now
    codes = _new_recovery(staff, ciphers)
    session.add(Audit(staff_id=staff.id, action="second_factor_set", subject=f"staff:{staff.id}"))
    return codes


def check(
    session: Session, staff_id: int, code: str, *, now: datetime, ciphers: Ciphers, device: str = ""
) -> Staff | None:
    """The staff member, if the code is that of the app or an unused recovery code; each is good once."""
    staff = session.get_one(Staff, staff_id, with_for_update=True)
    if not staff.active or staff.totp_since is None:
        return None
    counter = lock_out.counter(session, staff, device, now)
    if lock_out.is_open(counter, now) and _use_recovery(staff, code, ciphers):
        session.add(Audit(staff_id=staff.id, action="recovery_code_used", subject=f"staff:{staff.id}"))
    elif not _try(session, staff, code, counter, now=now, ciphers=ciphers):
        return None
    lock_out.forgive(counter)
    session.add(Audit(staff_id=staff.id, action="signed_in", subject=f"staff:{staff.id}"))
    return staff


def renew_recovery(session: Session, staff_id: int, *, ciphers: Ciphers) -> list[str]:
    """New recovery codes; the old ones are void."""
    staff = session.get_one(Staff, staff_id, with_for_update=True)
    session.add(Audit(staff_id=staff.id, action="recovery_codes_made", subject=f"staff:{staff.id}"))
    return _new_recovery(staff, ciphers)


def forget(staff: Staff) -> None:
    """After a lost phone: an administrator takes it off, and the next sign-in sets up a new one."""
    staff.totp_enc, staff.totp_since, staff.recovery = None, None, []


def picture(login: str, secret: str) -> str:
    """The QR code that an authenticator app reads, as the address of an inline picture."""
    uri = pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)
    return segno.make(uri, error="m").svg_data_uri(scale=5, border=2, dark="#1D2033", light="#FFFFFF")


def _try(
    session: Session, staff: Staff, code: str, counter: lock_out.Counter, *, now: datetime, ciphers: Ciphers
) -> bool:
    """Compare with the codes of this half minute and its neighbours; never one that was used."""
    if not lock_out.is_open(counter, now) or staff.totp_enc is None:
        return False
    totp = pyotp.TOTP(ciphers.decrypt(staff.totp_enc, _place(staff)).decode())
    given = "".join(c for c in code if c in "0123456789")
    present = int(now.timestamp()) // STEP
    for step in range(present - DRIFT, present + DRIFT + 1):
        if step > staff.totp_step and hmac.compare_digest(totp.generate_otp(step), given):
            staff.totp_step = step
            return True
    lock_out.count(counter, now)
    session.add(Audit(staff_id=staff.id, action="second_factor_failed", subject=f"staff:{staff.id}"))
    return False


def _new_recovery(staff: Staff, ciphers: Ciphers) -> list[str]:
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    staff.recovery = [_kept(staff, code, ciphers) for code in codes]
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _use_recovery(staff: Staff, code: str, ciphers: Ciphers) -> bool:
    wanted = _kept(staff, "".join(c for c in code.upper() if c in ALPHABET), ciphers)
    left = [one for one in staff.recovery if not hmac.compare_digest(one, wanted)]
    used = len(left) < len(staff.recovery)
    staff.recovery = left
    return used


def _kept(staff: Staff, code: str, ciphers: Ciphers) -> str:
    return ciphers.code(f"recovery|{staff.login}", code).hex()


def _place(staff: Staff) -> bytes:
    return f"staff|{staff.login}|totp".encode()
