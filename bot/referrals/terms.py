"""How a person may be reached, as a referral keeps it: encrypted, absent means "do not call, do not write"."""

import msgspec
import structlog

from bot.engine.effects import Terms
from bot.store.ciphers import Ciphers, Unreadable
from bot.store.models import Referral

log = structlog.get_logger(__name__)

ANY_TIME = Terms(may_call=True)
NOBODY = Terms(may_call=False)
_decode = msgspec.msgpack.Decoder(Terms).decode


def read_terms(referral: Referral, *, ciphers: Ciphers) -> Terms | None:
    """The terms of a referral; None where nobody said yet, and where they do not open: default deny (safety 1)."""
    return open_terms(referral.id, referral.terms_enc, ciphers=ciphers)


def open_terms(referral_id: str, terms_enc: bytes | None, *, ciphers: Ciphers) -> Terms | None:
    """As `read_terms`, from the column."""
    if terms_enc is None:
        return None
    try:
        return _decode(ciphers.decrypt(terms_enc, _place(referral_id)))
    except (Unreadable, msgspec.MsgspecError):
        log.warning("terms_unreadable", referral=referral_id)
        return None


def write_terms(referral: Referral, terms: Terms, *, ciphers: Ciphers) -> None:
    """Keep them; the old ones are gone, for safety changes (safety 1)."""
    referral.terms_enc = ciphers.encrypt(msgspec.msgpack.encode(terms), _place(referral.id))


def _place(referral_id: str) -> bytes:
    return f"referrals|{referral_id}|terms".encode()
