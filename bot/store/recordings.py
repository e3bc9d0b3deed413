"""Voice notes: awaited, kept encrypted, gone after 30 days (docs/decisions/0014)."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from bot.store.ciphers import Ciphers, Unreadable
from bot.store.database import Database
from bot.store.models import Recording, SealedBox

KEPT_FOR = timedelta(days=30)  # from when the person spoke


def expect(session: Session, referral_id: str, *, gateway: str, reference: str, at: datetime, ciphers: Ciphers) -> None:
    """The sound of a request is to be fetched; a second time changes nothing."""
    if session.get(Recording, referral_id) is not None:
        return
    session.add(
        Recording(
            referral_id=referral_id,
            gateway=gateway,
            reference_enc=ciphers.encrypt(reference.encode(), _place(referral_id, "reference")),
            state="waiting",
            due_at=at,
            received_at=at,
            delete_after=at + KEPT_FOR,
        )
    )


def reference(recording: Recording, ciphers: Ciphers) -> str:
    """How the gateway gives it out; raises Unreadable."""
    return ciphers.decrypt(recording.reference_enc or b"", _place(recording.referral_id, "reference")).decode()


def keep(recording: Recording, sound: bytes, media_type: str, *, ciphers: Ciphers) -> None:
    """It is here: the gateway's reference is of no use any more."""
    recording.audio_enc = ciphers.encrypt(sound, _place(recording.referral_id, "audio"))
    recording.media_type, recording.state, recording.reference_enc = media_type, "kept", None


def sound(session: Session, referral_id: str, *, ciphers: Ciphers) -> tuple[bytes, str] | None:
    """The sound and its media type; None where it is not here, or no key opens it."""
    kept = session.execute(
        select(Recording.audio_enc, Recording.media_type).where(
            Recording.referral_id == referral_id, Recording.state == "kept"
        )
    ).one_or_none()
    if kept is None or kept.audio_enc is None:
        return None
    try:
        return ciphers.decrypt(kept.audio_enc, _place(referral_id, "audio")), kept.media_type
    except Unreadable:
        return None


def forget_old(database: Database) -> int:
    """Sound and reference of every note that has had its 30 days; how many."""
    old = (
        update(Recording)
        .where(Recording.delete_after <= func.now(), Recording.state.in_(("waiting", "kept")))
        .values(state="deleted", audio_enc=None, reference_enc=None)
        .returning(Recording.referral_id)
    )
    with database.transaction() as session:
        forgotten = session.scalars(old).all()
        sealed = [f"sound:{referral_id}" for referral_id in forgotten]
        session.execute(delete(SealedBox).where(SealedBox.subject.in_(sealed)))
        return len(forgotten)


def _place(referral_id: str, column: str) -> bytes:
    return f"recordings|{referral_id}|{column}".encode()
