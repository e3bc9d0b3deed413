"""The secret that stands in the path of hooks without a signature."""

import hmac
from collections.abc import Iterable

from bot.errors import BadSignature


class PathSecret:
    """Those that are valid now: two while one rotates."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = tuple(secret.encode() for secret in known)

    def check(self, given: str | None) -> None:
        """Compare with every one of them, in constant time; raises BadSignature."""
        word = (given or "").encode(errors="replace")
        matches = [hmac.compare_digest(word, secret) for secret in self._known]
        if not any(matches):
            raise BadSignature("the path secret does not fit")
