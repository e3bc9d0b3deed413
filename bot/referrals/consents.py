"""May what a person told us be passed on: to whom, for what, in which words it was asked (consent to refer).

Without a yes only a named right allows it, to save a life or in a child's best interest, with a reason and a second
person who agrees on their own sign-in; until then nothing counts as agreed.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.errors import ReferralError
from bot.referrals import rows
from bot.referrals.consent_wording import VERSION
from bot.store.ciphers import Ciphers
from bot.store.models import Consent, Referral, Staff

RECEIVERS = ("health", "psychosocial", "specialist", "child_services", "rescue", "legal", "partner")
PURPOSES = ("care", "safety", "papers", "assistance")
RIGHTS = ("life", "child")
CHANNELS = ("voice", "in_person")
LANGUAGES = ("fr", "ha", "en", "dje", "tmh", "ff", "kr", "ar")
SHORTEST_REASON = 3
# Who is also to be asked for, by code; each only with consent
HINTS: dict[str, str] = {
    "MED": "health", "MHP": "psychosocial", "SUI": "psychosocial", "GBV": "health", "CHI": "child_services",
    "TRF": "specialist", "DET": "rescue", "KIT": "partner",
}  # fmt: skip


def counts(consent: Consent) -> bool:
    """Does it allow passing on now? A yes that was not taken back, or a right that two people agreed on."""
    if consent.withdrawn_at is not None:
        return False
    return consent.answer == "yes" or (consent.answer == "without" and consent.second_id is not None)


def consents_of(session: Session, referral_id: str) -> list[Consent]:
    """All that was ever answered, the newest first."""
    wanted = select(Consent).where(Consent.referral_id == referral_id)
    return list(session.scalars(wanted.order_by(Consent.id.desc())))


def note_answer(
    session: Session,
    referral: Referral,
    staff: Staff,
    *,
    receiver: str,
    purpose: str,
    answer: str,
    language: str,
    channel: str,
    at: datetime,
) -> Consent:
    """What the person said once the wording was read out. A new answer for the same receiver and purpose ends the old.

    Raises ReferralError: `not_found`, `over`, `unknown_consent`.
    """
    if answer not in ("yes", "no") or language not in LANGUAGES or channel not in CHANNELS:
        raise ReferralError("unknown_consent")
    referral, _ = _about(session, referral, staff, receiver, purpose)
    there = _standing(session, referral.id, receiver, purpose)
    if there is not None and (there.answer, there.language, there.channel) == (answer, language, channel):
        return there
    if there is not None:
        there.withdrawn_at = at
    row = Consent(
        referral_id=referral.id, receiver=receiver, purpose=purpose, answer=answer, wording=VERSION,
        language=language, channel=channel, at=at, staff_id=staff.id,
    )  # fmt: skip
    return _keep(session, referral, staff, row, "consent_said", at)


def withdraw(session: Session, referral: Referral, staff: Staff, consent_id: int, at: datetime) -> None:
    """The person takes it back, or nobody needs it any more; it stops at once. Raises ReferralError: `not_found`."""
    referral, _ = rows.held(session, referral, staff, over=True)
    row = _own(session, referral, consent_id)
    if row.withdrawn_at is not None:
        return
    row.withdrawn_at = at
    rows.add_event(session, referral, staff, "consent_withdrawn", at, consent=row.id, receiver=row.receiver)
    rows.audit(session, staff, "withdraw_consent", referral=referral, at=at, consent=row.id)


def act_without(
    session: Session,
    referral: Referral,
    staff: Staff,
    *,
    receiver: str,
    purpose: str,
    right: str,
    reason: str,
    at: datetime,
    ciphers: Ciphers,
) -> Consent:
    """Ask a second person to agree that this is passed on without the person's yes; until they do, it is not.

    `child` is for who is under 18, or a child's need. Raises ReferralError: `not_found`, `over`, `unknown_consent`,
    `empty`, `not_a_child`.
    """
    if right not in RIGHTS:
        raise ReferralError("unknown_consent")
    if len(reason.strip()) < SHORTEST_REASON:
        raise ReferralError("empty")
    referral, _ = _about(session, referral, staff, receiver, purpose)
    if right == "child" and not (referral.minor or referral.code == "CHI"):
        raise ReferralError("not_a_child")
    there = _standing(session, referral.id, receiver, purpose)
    if there is not None and (there.answer, there.right, there.staff_id) == ("without", right, staff.id):
        return there
    row = Consent(
        referral_id=referral.id, receiver=receiver, purpose=purpose, answer="without", wording="", language="",
        channel="", at=at, staff_id=staff.id, right=right,
        reason_enc=ciphers.encrypt(reason.strip().encode(), place(referral.id)),
    )  # fmt: skip
    return _keep(session, referral, staff, row, "without_asked", at)


def agree(session: Session, referral: Referral, staff: Staff, consent_id: int, at: datetime) -> None:
    """The second person, on their own sign-in. Raises ReferralError: `not_found`, `over`, `yourself`, `withdrawn`."""
    referral, _ = rows.held(session, referral, staff)
    row = _own(session, referral, consent_id)
    if row.answer != "without":
        raise ReferralError("not_found")
    if row.staff_id == staff.id:
        raise ReferralError("yourself")
    if row.withdrawn_at is not None:
        raise ReferralError("withdrawn")
    if row.second_id is not None:
        return
    row.second_id, row.second_at = staff.id, at
    rows.add_event(session, referral, staff, "without_agreed", at, consent=row.id, receiver=row.receiver)
    rows.audit(session, staff, "agree_without_consent", referral=referral, at=at, consent=row.id)


def place(referral_id: str) -> bytes:
    """Where a reason belongs, for the ciphers."""
    return f"consents|{referral_id}|reason".encode()


def _about(session: Session, referral: Referral, staff: Staff, receiver: str, purpose: str) -> tuple[Referral, object]:
    if receiver not in RECEIVERS or purpose not in PURPOSES:
        raise ReferralError("unknown_consent")
    return rows.held(session, referral, staff)


def _own(session: Session, referral: Referral, consent_id: int) -> Consent:
    row = session.get(Consent, consent_id)
    if row is None or row.referral_id != referral.id:
        raise ReferralError("not_found")
    return row


def _standing(session: Session, referral_id: str, receiver: str, purpose: str) -> Consent | None:
    wanted = select(Consent).where(
        Consent.referral_id == referral_id,
        Consent.receiver == receiver,
        Consent.purpose == purpose,
        Consent.withdrawn_at.is_(None),
    )
    return session.scalars(wanted.order_by(Consent.id.desc()).limit(1)).one_or_none()


def _keep(session: Session, referral: Referral, staff: Staff, row: Consent, kind: str, at: datetime) -> Consent:
    session.add(row)
    session.flush()
    detail = {"consent": row.id, "receiver": row.receiver, "purpose": row.purpose, "answer": row.answer}
    rows.add_event(session, referral, staff, kind, at, **detail)
    rows.audit(session, staff, kind, referral=referral, at=at, **detail)
    return row
