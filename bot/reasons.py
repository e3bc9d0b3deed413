"""Why a message did not arrive, in one vocabulary for all gateways. Words for people: bot/desk/words; what to do: docs."""

from collections.abc import Mapping
from enum import StrEnum


class Why(StrEnum):
    """A cause that staff or the operator can act on. Each gateway maps its own codes to these."""

    BAD_NUMBER = "bad_number"  # no such number, or one that takes no SMS: the contact is marked
    PHONE_OFF = "phone_off"  # not reachable now
    BLOCKED = "blocked"  # the person or the operator stopped us there
    NOT_ON_WHATSAPP = "not_on_whatsapp"
    WINDOW = "window"  # more than 24 hours since the person wrote on WhatsApp
    REFUSED_TEXT = "refused_text"  # a filter, or a template that does not fit
    TOO_FAST = "too_fast"  # over a limit of the gateway
    CREDIT = "credit"  # our account there is empty
    ACCOUNT = "account"  # token, sender or account refused
    NO_ROUTE = "no_route"  # the gateway has no way to this network or country
    GATEWAY_DOWN = "gateway_down"  # not reachable, or failing
    UNSURE = "unsure"  # the call was cut: it may have arrived
    STOPPED = "stopped"  # STOP, or an opt-out of this kind
    QUIET = "quiet"  # quiet or unsafe hours
    NOT_ALLOWED = "not_allowed"  # the contact's terms, a private talk, a sealed or a child's request
    DECEASED = "deceased"  # the person of the file that it is about has died
    PERSON_TALKS = "person_talks"  # a conversation is under way there
    SILENT = "silent"  # nothing was heard from the phone for so long that the code is asked for first
    UNREACHABLE = "unreachable"  # the number was found dead before
    NEVER_SEND = "never_send"  # a word that this channel must not carry
    CANCELLED = "cancelled"  # staff ended the broadcast before it left
    TOO_OLD = "too_old"  # it would have been wrong by now
    OURS = "ours"  # a fault of ours: tell the maintainers
    OTHER = "other"


OWN: dict[str, Why] = {  # what the gate, the sender and the calls to any gateway may say
    "stopped": Why.STOPPED,
    "blocked": Why.BLOCKED,
    "quiet": Why.QUIET,
    "private": Why.NOT_ALLOWED,
    "terms": Why.NOT_ALLOWED,
    "deceased": Why.DECEASED,
    "human": Why.PERSON_TALKS,
    "window": Why.WINDOW,
    "busy": Why.PERSON_TALKS,  # a question of ours waits for the end of another conversation
    "unreachable": Why.UNREACHABLE,
    "silent": Why.SILENT,
    "never_send": Why.NEVER_SEND,
    "too_old": Why.TOO_OLD,
    "cancelled": Why.CANCELLED,
    "answered": Why.TOO_OLD,  # somebody took the request before its alert left
    "no_gateway": Why.ACCOUNT,
    "bad_api_url": Why.ACCOUNT,
    "moved": Why.TOO_OLD,  # the appointment that it told of is no more
    "channel_not_carried": Why.NO_ROUTE,
    "no_number": Why.UNREACHABLE,
    "no_connection": Why.GATEWAY_DOWN,
    "paused": Why.GATEWAY_DOWN,
    "lease": Why.UNSURE,  # whoever was sending it died
    "lost": Why.UNSURE,
    "read_timeout": Why.UNSURE,
    "connection_lost": Why.UNSURE,
    "unreadable_reply": Why.UNSURE,
    "http_502": Why.UNSURE,
    "http_504": Why.UNSURE,
    "http_401": Why.ACCOUNT,
    "http_402": Why.CREDIT,
    "http_403": Why.ACCOUNT,
    "http_429": Why.TOO_FAST,
    "unreadable": Why.OURS,  # no key of ours opens the text or the number
    "stop_unknown": Why.OURS,  # the conversation store could not be asked for a STOP
    "not_in_development": Why.OURS,
}


def why(gateway_reasons: Mapping[str, Why], code: str) -> Why:
    """What a message's `reason` means: by the gateway's own table, else by ours. A code nobody knows is `OTHER`."""
    known = gateway_reasons.get(code) or OWN.get(code) or OWN.get(code.partition(":")[0])
    if known is not None:
        return known
    if code.startswith("http_5"):
        return Why.GATEWAY_DOWN
    # a refused call without words, or the type of an exception: `KeyError`
    return Why.OURS if code.startswith("http_4") or code.endswith(("Error", "Exception")) else Why.OTHER
