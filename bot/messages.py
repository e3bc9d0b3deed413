"""What passes between a gateway and the conversation: frozen, and free of any gateway's own words."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec


class Channel(StrEnum):
    """A medium. A gateway may carry several."""

    SMS = "sms"
    USSD = "ussd"
    WHATSAPP = "whatsapp"
    VOICE = "voice"
    EMAIL = "email"  # to staff alone


class Delivery(StrEnum):
    """Where an outgoing message stands; only ever moves forward (`RANK`)."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WITHHELD = "withheld"
    EXPIRED = "expired"


class Inbound(msgspec.Struct, frozen=True, gc=False):
    """One message of a person, from any gateway.

    `external_id` is the gateway's own and unique per gateway (USSD of Africa's Talking:
    session, address and transcript joined by a line break, for it has no step id).
    `session` is the gateway's session id on USSD, else "".
    `text` is what was typed; on USSD the whole transcript (answers joined with `*`), "" on the first request.
    `step` is above 0 where a USSD gateway hands over the new answer alone: `text` is that answer, and the number grows
    within the session (docs/decisions/0015).
    `choice` is the payload of a tapped button or list row, else "".
    `address` is E.164; where a gateway gives no number, `<channel>:<its opaque id>` (`has_phone` tells them apart).
    `media` is "", "audio", "image", "location" or "other"; the content itself is never taken in here. `media_id` is how
    the gateway gives out the sound of a voice note, "" where it can't.
    `sent_at` is UTC and aware; the time of receipt where the gateway tells none.
    """

    gateway: str
    external_id: str
    channel: Channel
    address: str
    text: str
    sent_at: datetime
    session: str = ""
    choice: str = ""
    media: str = ""
    to: str = ""
    media_id: str = ""
    step: int = 0

    @property
    def reached(self) -> int:
        """How far a USSD session has come: its step, else the length of its transcript."""
        return self.step or len(self.text)


def has_phone(address: str) -> bool:
    """A phone number; otherwise the opaque id of a channel, to which nobody can make a call."""
    return address.startswith("+")


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What a gateway says became of a message we sent. `external_id` is the id its send call returned.

    `message` is our own id where the gateway echoes it: so a send whose reply was lost can still be settled.
    `part` of `parts`: a long SMS is reported part by part, and has arrived when all of them have (docs/decisions/0013).
    """

    gateway: str
    external_id: str
    state: Delivery
    code: str = ""  # the gateway's reason, for staff and for the table of failure words
    message: str = ""
    part: int = 1
    parts: int = 1


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A USSD session is over (dropped, closed or failed); carries no input."""

    gateway: str
    address: str
    session: str
    status: str


@dataclass(frozen=True, slots=True)
class OptOut:
    """The gateway or the operator says that this address no longer wants pushes.

    `blocks`: nothing that we send gets through there any more, answers neither.
    """

    gateway: str
    address: str
    channel: Channel
    external_id: str
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """A choice as a tap: `title` is read, in whole words (a gateway cuts to its own width); `payload` comes back."""

    payload: str
    title: str


@dataclass(frozen=True, slots=True)
class Template:
    """A WhatsApp text that was approved beforehand: the only thing that may open a conversation after 24 hours."""

    name: str
    language: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message that must leave. `id` is ours: stable over retries. `text` is already in its final form.

    `parts_taken`: parts of a long SMS that the gateway took in an earlier try; only the rest is sent
    (gateways whose `takes_parts` is true). `template` replaces `text` on WhatsApp. `pick` opens a list of more than
    three choices there: a word in the person's language.
    """

    id: str
    channel: Channel
    to: str  # as `Inbound.address`
    text: str
    buttons: tuple[Button, ...] = ()
    status_url: str = ""
    template: Template | None = None
    parts_taken: int = 0
    pick: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The gateway took it. `external_id` matches later status reports; `parts` and `cost` ("XOF 12.50") as it tells."""

    external_id: str
    parts: int = 0
    cost: str = ""
