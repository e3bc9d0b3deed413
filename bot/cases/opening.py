"""What staff do so that a person can open the own file: give a one-time start code, lift a lock (safety 10, 12)."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.errors import BotError
from bot.store.attempts import Attempts
from bot.store.ciphers import Ciphers
from bot.store.models import Audit, Case

START_CODE_DAYS = 14


class NoSuchCase(BotError):
    """No case has this number."""


def give_start_code(
    session: Session,
    number: str,
    *,
    attempts: Attempts,
    ciphers: Ciphers,
    now: datetime,
    staff_id: int | None = None,
    proof: str = "",
) -> str:
    """A new 6-digit start code, shown once; an older one ends, locks are lifted. Raises NoSuchCase, StoreDown.

    To be given in person or on a verified call only: with the case number it lets anybody choose the code. `proof` is
    kept: how staff knew whom they gave it to.
    """
    case = unlock(session, number, attempts=attempts, staff_id=staff_id, proof=proof)
    code = f"{secrets.randbelow(1_000_000):06d}"
    case.start_code_hmac = ciphers.code(f"start|{number}", code)
    case.start_code_expires = now + timedelta(days=START_CODE_DAYS)
    session.add(Audit(staff_id=staff_id, action="start_code_given", subject=f"case:{case.id}", detail=_detail(proof)))
    return code


def unlock(session: Session, number: str, *, attempts: Attempts, staff_id: int | None = None, proof: str = "") -> Case:
    """Lift both locks and forget the errors; the code stays. Raises NoSuchCase, StoreDown."""
    case = session.scalars(select(Case).where(Case.number == number).with_for_update()).one_or_none()
    if case is None:
        raise NoSuchCase("no case has this number; was a digit mistyped?")
    case.locked_enrolled = case.locked_others = False
    attempts.clear(number)
    session.add(Audit(staff_id=staff_id, action="case_unlocked", subject=f"case:{case.id}", detail=_detail(proof)))
    return case


def _detail(proof: str) -> dict[str, str]:
    return {"proof": proof} if proof else {}
