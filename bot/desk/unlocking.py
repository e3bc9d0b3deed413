"""A reader's key, unlocked for this browser (docs/sealed.md).

The conversation store holds the private key encrypted under a key that only this browser's cookie holds; the cookie
alone opens nothing, and neither does a copy of the stores. It ends after 15 idle minutes, with the session, and when
the reader locks it. A page that reloads itself does not keep it open.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta

import msgspec
import nacl.utils
import structlog
from flask import request, session
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from bot.desk import lock_out, sign_in
from bot.desk.services import now, services
from bot.referrals import reader_keys
from bot.referrals.opening import Unlocked
from bot.store import keys
from bot.store.models import Audit, ReaderKey, Staff

log = structlog.get_logger(__name__)

IDLE = timedelta(minutes=15)
COOKIE = "unlock"


class _Held(msgspec.Struct, array_like=True, frozen=True):
    """What the store holds, inside its box."""

    staff_id: int
    key_id: int
    private: bytes
    until: int  # seconds since the epoch


def unlocked(store: Session, staff: Staff) -> Unlocked | None:
    """The reader's own key, if it is unlocked here and still theirs; using it counts the 15 minutes anew."""
    held = _held()
    if held is None or held.staff_id != staff.id or now().timestamp() >= held.until:
        return None
    own = reader_keys.own(store, staff.id)
    if own is None or own.id != held.key_id:
        return None
    if sign_in.REFRESH_HEADER not in request.headers:
        _hold(held.staff_id, held.key_id, held.private)
    return Unlocked(held.key_id, held.private)


def unlock(store: Session, staff_id: int, passphrase: str) -> bool:
    """Open the reader's key with the passphrase. Failures count and lock as those of the password do."""
    at = now()
    staff = store.get_one(Staff, staff_id, with_for_update=True)
    key = reader_keys.own(store, staff_id)
    counter = lock_out.counter(store, staff, lock_out.device(), at)
    if key is None or not lock_out.is_open(counter, at):
        return False
    private = reader_keys.unlock(key, passphrase)
    if private is None:
        _wrong(store, counter, staff_id, at)
        return False
    lock_out.forgive(counter)
    store.add(Audit(staff_id=staff_id, at=at, action="key_unlocked", subject=f"staff:{staff_id}"))
    return _hold(staff_id, key.id, private)


def lock() -> None:
    """Nothing sealed opens in this browser any more until the passphrase comes again."""
    session.pop(COOKIE, None)
    try:
        services().redis_client.delete(_name())
    except RedisError as error:
        log.warning("conversation_store_away", job="desk", error=type(error).__name__)


def _wrong(store: Session, counter: lock_out.Counter, staff_id: int, at: datetime) -> None:
    """One more failure, written down."""
    lock_out.count(counter, at)
    store.add(Audit(staff_id=staff_id, at=at, action="passphrase_wrong", subject=f"staff:{staff_id}"))


def change_passphrase(store: Session, key: ReaderKey, old: str, new: str) -> bool:
    """As `reader_keys.change_passphrase`, with the failures counted."""
    at = now()
    staff = store.get_one(Staff, key.staff_id, with_for_update=True)
    counter = lock_out.counter(store, staff, lock_out.device(), at)
    if not lock_out.is_open(counter, at):
        return False
    if reader_keys.change_passphrase(store, key, old, new, at):
        return True
    _wrong(store, counter, staff.id, at)
    return False


def _hold(staff_id: int, key_id: int, private: bytes) -> bool:
    """Keep it for 15 minutes more; False while the store is away."""
    cookie = _cookie_key() or nacl.utils.random(SecretBox.KEY_SIZE)
    held = _Held(staff_id, key_id, private, int((now() + IDLE).timestamp()))
    box = bytes(SecretBox(cookie).encrypt(msgspec.msgpack.encode(held)))
    try:
        services().redis_client.set(_name(), box, ex=IDLE)
    except RedisError as error:
        log.warning("conversation_store_away", job="desk", error=type(error).__name__)
        return False
    session[COOKIE] = base64.b64encode(cookie).decode()
    return True


def _held() -> _Held | None:
    cookie = _cookie_key()
    if cookie is None:
        return None
    try:
        box = services().redis_client.get(_name())
        return None if not isinstance(box, bytes) else _decode(SecretBox(cookie).decrypt(box))
    except (RedisError, CryptoError, msgspec.MsgspecError) as error:
        log.info("reader_key_locked", error=type(error).__name__)
        return None


def _cookie_key() -> bytes | None:
    try:
        key = base64.b64decode(session.get(COOKIE, ""), validate=True)
    except (binascii.Error, TypeError):
        return None
    return key if len(key) == SecretBox.KEY_SIZE else None


def _name() -> str:
    return keys.unlocked(sign_in.own_row())


_decode = msgspec.msgpack.Decoder(_Held).decode
