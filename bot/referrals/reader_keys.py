"""Keys of the readers of sealed requests: made by each, opened by their passphrase alone (docs/sealed.md).

The private key is kept in a secret box under Argon2id of the passphrase; the service keeps neither passphrase nor key.
"""

from collections.abc import Sequence
from datetime import datetime

import nacl.pwhash
import nacl.utils
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey
from nacl.public import SealedBox as Sealing
from nacl.secret import SecretBox
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.errors import ReferralError
from bot.referrals.access import serves
from bot.store.models import Audit, ReaderKey, SealedBox, Staff

SHORTEST_PASSPHRASE = 16  # characters: several words; whoever has a copy of the database may guess without end
OPERATIONS, MEMORY = 3, 128 * 1024 * 1024  # Argon2id; other figures would open no box made with these


def own(session: Session, staff_id: int) -> ReaderKey | None:
    """The key that this person seals and opens with now."""
    mine = select(ReaderKey).where(ReaderKey.staff_id == staff_id, ~ReaderKey.recovery, ReaderKey.retired_at.is_(None))
    return session.scalars(mine).one_or_none()


def of_readers(session: Session) -> list[ReaderKey]:
    """The keys of everybody who serves the sealed queue today; whoever left or changed role is not among them."""
    rows = session.execute(
        select(ReaderKey, Staff)
        .join(Staff, Staff.id == ReaderKey.staff_id)
        .where(~ReaderKey.recovery, ReaderKey.retired_at.is_(None))
        .order_by(ReaderKey.id)
    )
    return [row[0] for row in rows if "sealed" in serves(row[1])]


def of_recovery(session: Session) -> Sequence[ReaderKey]:
    """The two halves of the recovery key, or none; both have the same public key, and boxes name the first."""
    halves = select(ReaderKey).where(ReaderKey.recovery, ReaderKey.retired_at.is_(None))
    return session.scalars(halves.order_by(ReaderKey.id)).all()


def make(session: Session, staff: Staff, passphrase: str, at: datetime) -> ReaderKey:
    """A new pair of keys; an older one of theirs is retired: what was sealed for it opens with the old passphrase never.

    Raises ReferralError: `not_found` for who reads nothing sealed, `too_short`.
    """
    if "sealed" not in serves(staff):
        raise ReferralError("not_found")
    session.get_one(Staff, staff.id, with_for_update=True)  # two forms sent together make one key after the other
    retire(session, staff.id, at)
    private = PrivateKey.generate()
    salt, box = lock(bytes(private), passphrase)
    key = ReaderKey(
        staff_id=staff.id, public_key=bytes(private.public_key), private_box=box, salt=salt, recovery=False, made_at=at
    )
    session.add(key)
    session.add(Audit(staff_id=staff.id, at=at, action="reader_key_made", subject=f"staff:{staff.id}"))
    session.flush()
    return key


def retire(session: Session, staff_id: int, at: datetime) -> None:
    """Nothing more is sealed for this person; what was stays for the others."""
    before = own(session, staff_id)
    if before is not None:
        before.retired_at = at


def change_passphrase(session: Session, key: ReaderKey, old: str, new: str, at: datetime) -> bool:
    """The same key under another passphrase; False where the old one is wrong. Raises ReferralError `too_short`."""
    secret = unlock(key, old)
    if secret is None:
        return False
    key.salt, key.private_box = lock(secret, new)
    session.add(Audit(staff_id=key.staff_id, at=at, action="passphrase_changed", subject=f"staff:{key.staff_id}"))
    return True


def lock(secret: bytes, passphrase: str) -> tuple[bytes, bytes]:
    """Salt and box of a secret of 32 bytes. Raises ReferralError `too_short`."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise ReferralError("too_short")
    salt = nacl.utils.random(nacl.pwhash.argon2id.SALTBYTES)
    return salt, bytes(SecretBox(_stretched(passphrase, salt)).encrypt(secret))


def unlock(key: ReaderKey, passphrase: str) -> bytes | None:
    """The private key, or the half of one; None where the passphrase is wrong. Takes a third of a second."""
    try:
        return bytes(SecretBox(_stretched(passphrase, key.salt)).decrypt(key.private_box))
    except CryptoError:
        return None


def seal_for(key: ReaderKey, plain: bytes) -> bytes:
    """Only the owner of this key can open it; whoever sealed it can't."""
    return bytes(Sealing(PublicKey(key.public_key)).encrypt(plain))


def open_box(private: bytes, box: bytes) -> bytes | None:
    """What was sealed for this private key; None for a box of another key."""
    try:
        return bytes(Sealing(PrivateKey(private)).decrypt(box))
    except CryptoError:
        return None


def put(session: Session, referral_id: str, subject: str, plain: bytes, keys: Sequence[ReaderKey]) -> None:
    """A box for each key; one that is there under this subject gives way."""
    if not keys:
        return
    box = insert(SealedBox)
    rows = [
        {"referral_id": referral_id, "subject": subject, "key_id": key.id, "box": seal_for(key, plain)} for key in keys
    ]
    changed = box.on_conflict_do_update(index_elements=["subject", "key_id"], set_={"box": box.excluded.box})
    session.execute(changed, rows)


def share(session: Session, private: bytes, *, mine: ReaderKey, other: ReaderKey) -> int:
    """Seal for `other` what this private key opens and `other` has not; how many contents."""
    theirs = select(SealedBox.subject).where(SealedBox.key_id == other.id)
    rows = session.scalars(select(SealedBox).where(SealedBox.key_id == mine.id, SealedBox.subject.not_in(theirs)))
    shared = 0
    for row in rows.all():
        plain = open_box(private, row.box)
        if plain is not None:
            put(session, row.referral_id, row.subject, plain, [other])
            shared += 1
    return shared


def _stretched(passphrase: str, salt: bytes) -> bytes:
    return nacl.pwhash.argon2id.kdf(SecretBox.KEY_SIZE, passphrase.encode(), salt, opslimit=OPERATIONS, memlimit=MEMORY)
