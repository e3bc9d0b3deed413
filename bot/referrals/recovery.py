"""The recovery key of sealed requests: two holders, and nothing opens without both (docs/sealed.md).

Its private key is never kept: each holder has a half under a passphrase of their own, and only the two halves together
(exclusive or) are the key. One half says nothing of it.
"""

from collections.abc import Sequence
from datetime import datetime

import nacl.utils
from nacl.public import PrivateKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.errors import ReferralError
from bot.referrals import reader_keys
from bot.referrals.access import serves
from bot.store.models import Audit, ReaderKey, SealedBox, Staff

HOLDERS = 2


def set_up(session: Session, holders: Sequence[Staff], passphrases: Sequence[str], at: datetime) -> None:
    """A new recovery key for two people; the one before is retired. What is sealed already a reader shares with it.

    Raises ReferralError: `two_holders` (two different people, neither of them a reader), `too_short`.
    """
    if len({one.id for one in holders}) != HOLDERS or any("sealed" in serves(one) for one in holders):
        raise ReferralError("two_holders")
    for old in reader_keys.of_recovery(session):
        old.retired_at = at
    private = PrivateKey.generate()
    pad = nacl.utils.random(len(bytes(private)))
    for holder, half, passphrase in zip(holders, (pad, _xor(bytes(private), pad)), passphrases, strict=True):
        salt, box = reader_keys.lock(half, passphrase)
        row = ReaderKey(
            staff_id=holder.id, public_key=bytes(private.public_key), private_box=box, salt=salt, recovery=True,
            made_at=at,
        )  # fmt: skip
        session.add(row)
        session.add(Audit(at=at, action="recovery_set", subject=f"staff:{holder.id}"))
    session.flush()


def recover(session: Session, reader: Staff, passphrases: Sequence[str], at: datetime) -> int:
    """With both passphrases, in the order of `holders`: seal for this reader what they can't open; how many contents.

    Raises ReferralError: `no_recovery`, `no_key` (the reader has not made a key), `wrong_passphrase`.
    """
    halves, key = reader_keys.of_recovery(session), reader_keys.own(session, reader.id)
    if len(halves) != HOLDERS:
        raise ReferralError("no_recovery")
    if key is None or "sealed" not in serves(reader):
        raise ReferralError("no_key")
    opened = [reader_keys.unlock(half, word) for half, word in zip(halves, passphrases, strict=True)]
    if opened[0] is None or opened[1] is None:
        raise ReferralError("wrong_passphrase")
    shared = reader_keys.share(session, _xor(opened[0], opened[1]), mine=halves[0], other=key)
    detail = {"contents": shared, "holders": [half.staff_id for half in halves]}
    session.add(Audit(at=at, action="sealed_recovered", subject=f"staff:{reader.id}", detail=detail))
    return shared


def holders(session: Session) -> list[str]:
    """The logins of the two, in the order of their halves; [] where there is no recovery."""
    ids = [half.staff_id for half in reader_keys.of_recovery(session)]
    return [session.get_one(Staff, one).login for one in ids]


def waits(session: Session) -> int:
    """How many contents of readers are not sealed for the recovery: they open for nobody once the readers are gone."""
    halves = reader_keys.of_recovery(session)
    theirs = select(SealedBox.subject).where(SealedBox.key_id == (halves[0].id if halves else None))
    return len(session.scalars(select(SealedBox.subject).where(SealedBox.subject.not_in(theirs)).distinct()).all())


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
