"""The words with which a gateway refuses: one spelling each, what they mean, and what to do."""

import re
from collections.abc import Mapping

from bot.errors import SendError
from bot.reasons import Why
from handlers import outgoing
from handlers.described.spec import Code

_CLEAN = re.compile(r"[A-Za-z0-9_.-]{1,40}")


class Codes:
    """`codes` of a file. Words are compared without upper and lower case."""

    def __init__(self, codes: Mapping[str, Code]) -> None:
        self._codes = codes
        self._names = {word.casefold(): name for name, code in codes.items() for word in (name, *code.also)}
        self.reasons: dict[str, Why] = {name: code.why for name, code in codes.items()}

    def name(self, word: str) -> str:
        """The file's own spelling; an unknown word as it is, if it can stand in a log: it might hold anything."""
        word = word.strip()
        known = self._names.get(word.casefold())
        if known is not None:
            return known
        return word if _CLEAN.fullmatch(word) else "unreadable" if word else ""

    def refusal(self, word: str, retry_after: str | None = None) -> SendError | None:
        """The error of a send refused with this word; None where the file doesn't know it."""
        name = self._names.get(word.casefold())
        if name is None:
            return None
        code = self._codes[name]
        wait = (outgoing.seconds(retry_after) or code.retry_after) if code.retry or code.retry_after else None
        return SendError(
            name,
            retryable=code.retry or code.retry_after is not None,
            retry_after=wait,
            suppress=code.suppress,
            account=code.account,
        )
