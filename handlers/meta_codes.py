"""What Meta's error codes mean, as far as messages meet them. Source: its error reference, as resellers restate it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import requests

from bot.errors import SendError
from bot.reasons import Why
from handlers import outgoing

OPTED_OUT = 131050
PAIR_PAUSE = 6.0  # seconds between two messages to one person, once they were too many

_later = partial(SendError, retryable=True)
_account = partial(SendError, retryable=True, account=True)  # nothing leaves until somebody has seen to it
REFUSALS: Mapping[int, Callable[[str], SendError]] = {  # all others: this message will never be taken as it is
    **dict.fromkeys((1, 2, 131000, 131016, 131057, 133004), _later),
    **dict.fromkeys((4, 80007, 130429), partial(_later, retry_after=30.0)),
    131048: partial(_later, retry_after=outgoing.LONGEST_WAIT),  # too many people blocked us: slowly
    131056: partial(_later, retry_after=PAIR_PAUSE),
    **dict.fromkeys((0, 3, 10, 190, 200, 368, 131005, 131031, 131042, 131045, 133010), _account),
}
_WHY = {
    Why.GATEWAY_DOWN: (1, 2, 131000, 131016, 131057, 133004),
    Why.TOO_FAST: (4, 80007, 130429, 131048, 131056),
    Why.ACCOUNT: (0, 3, 10, 190, 200, 368, 131005, 131031, 131030, 131045, 133010),
    Why.CREDIT: (131042,),
    Why.NOT_ON_WHATSAPP: (131026,),
    Why.WINDOW: (131047,),
    Why.STOPPED: (OPTED_OUT,),
    Why.REFUSED_TEXT: (131049, 130472, 132000, 132001, 132005, 132007, 132012, 132015, 132016, 131062),
    Why.BAD_NUMBER: (131021,),
    Why.OURS: (100, 131008, 131009, 131051, 131052, 131053),
}
REASONS: Mapping[str, Why] = {str(code): why for why, codes in _WHY.items() for code in codes}


def refusal(error: Any, reply: requests.Response) -> SendError:
    """By Meta's code; the HTTP status says little. Without a code, or a new one on a 5xx: by the status."""
    code = error.get("code") if isinstance(error, dict) else None
    pause = reply.headers.get("Retry-After")
    known = REFUSALS.get(code) if isinstance(code, int) else None
    if known is None and (not isinstance(code, int) or reply.status_code in {429, 500, 502, 503, 504}):
        return outgoing.http_error(reply.status_code, pause)
    made = known(str(code)) if known is not None else SendError(str(code))
    if made.retryable:
        made.retry_after = outgoing.seconds(pause) or made.retry_after
    return made
