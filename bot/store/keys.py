"""The keys of the conversation store. The hash tag is the shard, so that one script serves one slot."""

from bot.store.ciphers import SHARDS, AddressKey

_TAGS = tuple(f"{{s{shard:02d}}}" for shard in range(SHARDS))


def tag(shard: int) -> str:
    """The hash tag of a shard."""
    return _TAGS[shard]


def session(address: AddressKey, channel: str) -> str:
    """Where this address stands on this channel."""
    return f"{tag(address.shard)}s:{address.digest}:{channel}"


def contact(address: AddressKey) -> str:
    """What turns need to know of this address."""
    return f"{tag(address.shard)}c:{address.digest}"


def seen(shard: int, turn_id: bytes) -> str:
    """Mark of a message already handled; on USSD it holds the reply."""
    return f"{tag(shard)}m:{turn_id.hex()}"


def journal(shard: int) -> str:
    """What PostgreSQL does not have yet."""
    return f"{tag(shard)}j"


def answers(shard: int) -> str:
    """Answers on their way out."""
    return f"{tag(shard)}o"


def claim(shard: int, answer_id: bytes) -> str:
    """Held while one answer is being sent; kept a day, so that no answer leaves twice."""
    return f"{tag(shard)}x:{answer_id.hex()}"


def tickets(shard: int) -> str:
    """Bitmap of the ticket numbers in use."""
    return f"{tag(shard)}n"


def attempts(shard: int, case_digest: str) -> str:
    """Errors on a case, one hash: own phone and others (safety 12)."""
    return f"{tag(shard)}t:{case_digest}"


def unlocked(session: str) -> str:
    """A reader's key, unlocked for one browser and encrypted under what its cookie holds."""
    return f"u:{session}"
