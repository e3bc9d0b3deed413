"""Where somebody of the staff is told, chosen by themselves; an e-mail address counts once a code sent there came back."""

import hmac
import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from bot.config import Settings
from bot.errors import ReferralError
from bot.kinds import Kind
from bot.messages import Channel
from bot.outbox import Draft, put
from bot.referrals import words
from bot.store.ciphers import Ciphers
from bot.store.models import Audit, Staff

CODE_FOR = timedelta(minutes=15)
ONCE_IN = timedelta(minutes=1)  # a code: an address is not flooded
ADDRESS = re.compile(r"[^@\s<>,;:\"\x00-\x1f]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
LONGEST = 254  # RFC 5321, 4.5.3.1.3


def offered(settings: Settings) -> list[Channel]:
    """The channels that this installation has for staff."""
    there = {Channel.SMS: True, Channel.WHATSAPP: settings.staff_template, Channel.EMAIL: settings.smtp_url}
    return [channel for channel, is_set in there.items() if is_set]


def choose(session: Session, staff: Staff, chosen: list[str], *, settings: Settings) -> None:
    """All of them are used. Raises ReferralError `none` where nothing is left that reaches them."""
    known = [channel.value for channel in offered(settings) if channel in chosen]
    if not [one for one in known if one != Channel.EMAIL or staff.email_since is not None]:
        raise ReferralError("none")
    staff.alert_channels = known
    session.add(Audit(staff_id=staff.id, action="alerts_chosen", subject=f"staff:{staff.id}"))


def send_code(
    session: Session, staff: Staff, address: str, at: datetime, *, ciphers: Ciphers, settings: Settings
) -> None:
    """Keep the address, unproven, and send six digits there; until they come back nothing else goes there.

    Raises ReferralError: `address`, `soon` (a code left less than a minute ago).
    """
    address = address.strip()
    if len(address) > LONGEST or not ADDRESS.fullmatch(address) or not settings.smtp_url:
        raise ReferralError("address")
    if staff.email_expires is not None and at < staff.email_expires - CODE_FOR + ONCE_IN:
        raise ReferralError("soon")
    code = f"{secrets.randbelow(1_000_000):06d}"
    staff.email_enc = ciphers.encrypt(address.encode(), f"staff|{staff.login}|email".encode())
    staff.email_since = None
    staff.email_hmac, staff.email_expires = ciphers.code(f"staff-email|{staff.login}", code), at + CODE_FOR
    text = words.say("email_code", staff.language, code=code)
    draft = Draft(Kind.STAFF, Channel.EMAIL, staff=staff, whatsapp=text, expires_at=at + CODE_FOR, budget=None)
    put(session, draft, at=at, settings=settings, ciphers=ciphers)


def prove(session: Session, staff: Staff, code: str, at: datetime, *, ciphers: Ciphers) -> bool:
    """The code came back. A wrong one voids it: six digits and one try."""
    wanted, until = staff.email_hmac, staff.email_expires
    staff.email_hmac = None
    typed = "".join(letter for letter in code if letter.isdigit())
    if wanted is None or until is None or at >= until:
        return False
    if not hmac.compare_digest(wanted, ciphers.code(f"staff-email|{staff.login}", typed)):
        return False
    staff.email_since, staff.email_expires = at, None
    session.add(Audit(staff_id=staff.id, action="email_proven", subject=f"staff:{staff.id}"))
    return True
