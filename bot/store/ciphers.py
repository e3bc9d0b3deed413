"""Digests and encryption: one place, so that no number, text or code is ever kept in the clear.

Digests (address, turn, code) come from MARABA_INDEX_KEY and never change. Ciphertexts come from
MARABA_ENCRYPTION_KEYS, which rotate: key id (1 byte), nonce (12), AES-256-GCM. The nonce doubles as
the version of a stored value.
"""

import base64
import hashlib
import os
import threading

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.config import Settings
from bot.errors import ConfigError

SHARDS = 64  # for ever: the hash tag of every key


class Unreadable(ValueError):
    """A ciphertext that none of our keys opens, or that was moved to another place."""


class AddressKey(msgspec.Struct, frozen=True, gc=False):
    """An address as the stores know it: 16 characters of keyed digest, and its shard (0 to 63)."""

    digest: str
    shard: int


def address_of(digest: str) -> AddressKey:
    """The key of an address by its digest: the shard follows from the first byte."""
    return AddressKey(digest, base64.urlsafe_b64decode(digest[:4])[0] % SHARDS)


class _Nonces(threading.local):
    """Random nonces, drawn from the system a few hundred at a time: a call for each costs more than the encryption.

    Each thread has its own, and a forked process starts anew: no nonce is ever given twice.
    """

    LENGTH, AT_ONCE = 12, 256

    def __init__(self) -> None:
        self._drawn, self._process, self._next = b"", 0, 0

    def take(self) -> bytes:
        """12 bytes that nobody had before."""
        start = self._next
        if start >= len(self._drawn) or self._process != _process[0]:
            self._drawn, self._process, start = os.urandom(self.LENGTH * self.AT_ONCE), _process[0], 0
        self._next = start + self.LENGTH
        return self._drawn[start : self._next]


_process = [os.getpid()]
os.register_at_fork(after_in_child=lambda: _process.__setitem__(0, os.getpid()))
_nonces = _Nonces()


class Mac:
    """HMAC-SHA256 with a fixed key, both pads hashed beforehand: a third of the time of `hmac.digest`."""

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def __call__(self, message: bytes) -> bytes:
        """32 bytes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


class Ciphers:
    """All keys of the service. Safe to share between threads."""

    def __init__(self, *, index_key: str, encryption_keys: str) -> None:
        root = index_key.encode()
        self._address_mac, self._turn_mac, self._ticket_mac, self._code_mac = (
            Mac(HKDF(SHA256(), 32, None, b"maraba " + name).derive(root))
            for name in (b"address", b"turn", b"ticket", b"code pepper")
        )
        self._keys = dict(_parse_keys(encryption_keys))
        self._first = next(iter(self._keys))
        self._first_cipher = self._keys[self._first]
        self._first_prefix = bytes([self._first])

    @classmethod
    def of(cls, settings: Settings) -> "Ciphers":
        """The keys that the settings name; raises ConfigError."""
        return cls(
            index_key=settings.index_key.get_secret_value(),
            encryption_keys=settings.encryption_keys.get_secret_value(),
        )

    def address(self, identity: str) -> AddressKey:
        """Digest and shard of an E.164 number (or of `channel:opaque id`)."""
        return address_of(base64.urlsafe_b64encode(self._address_mac(identity.encode())[:12]).decode())

    def turn_id(self, gateway: str, external_id: str) -> bytes:
        """16 bytes, the same for the same message for ever: a redelivery finds what the first delivery did."""
        return self._turn_mac(f"{gateway}\n{external_id}".encode())[:16]

    def derived_id(self, turn_id: bytes, what: str) -> str:
        """32 hex characters for the n-th thing a turn makes (`referral|0`), equal on every repetition."""
        return self._turn_mac(turn_id + what.encode())[:16].hex()

    def ticket_slot(self, turn_id: bytes, effect: int, attempt: int) -> int:
        """The place of a ticket number in its shard: 0 to 15,624, not in sequence; another one for each attempt."""
        raw = self._ticket_mac(turn_id + bytes([effect, attempt]))
        return int.from_bytes(raw[:8], "big") % 15_625

    def code(self, scope: str, code: str) -> bytes:
        """A secret code as it is kept: HMAC with its own pepper, bound to `scope` (a case, a purpose)."""
        return self._code_mac(f"{scope}\n{code}".encode())

    def encrypt(self, plain: bytes, place: bytes) -> bytes:
        """Encrypt for one place (key name, or `turn id|field`); elsewhere it does not open."""
        nonce = _nonces.take()
        return self._first_prefix + nonce + self._first_cipher.encrypt(nonce, plain, place)

    def decrypt(self, value: bytes, place: bytes) -> bytes:
        """Raises Unreadable."""
        try:
            return self._keys[value[0]].decrypt(value[1:13], value[13:], place)
        except (KeyError, IndexError, InvalidTag, ValueError):
            raise Unreadable(f"a value of {len(value)} bytes does not open") from None


def _parse_keys(text: str) -> list[tuple[int, AESGCM]]:
    keys = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        number, _, encoded = part.partition(":")
        try:
            raw = base64.b64decode(encoded, validate=True)
            if len(raw) != 32 or not 1 <= int(number) <= 255:
                raise ValueError
        except ValueError:
            raise ConfigError(
                "MARABA_ENCRYPTION_KEYS: each part is id:base64 of 32 bytes, ids 1 to 255; "
                "make one with `maraba new-key`"
            ) from None
        keys.append((int(number), AESGCM(raw)))
    if not keys:
        raise ConfigError("MARABA_ENCRYPTION_KEYS is empty; make a key with `maraba new-key`")
    return keys
