"""Why a message did not arrive, in one vocabulary for all gateways. Words for people: bot/desk/words; what to do: docs."""

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
    PERSON_TALKS = "person_talks"  # a colleague is in conversation there
    UNREACHABLE = "unreachable"  # the number was found dead before
    NEVER_SEND = "never_send"  # a word that this channel must not carry
    TOO_OLD = "too_old"  # it would have been wrong by now
    OURS = "ours"  # a fault of ours: tell the maintainers
    OTHER = "other"
