"""What a turn orders beyond replies. Orders in the present tense; history (`referral_opened`) is the recorder's.

They travel through the journal as tagged MessagePack inside an encrypted entry. Add fields only at the
end and with a default: a recorder must read what an older web process wrote.
"""

from typing import Literal

import msgspec

Level = Literal["normal", "high", "critical"]
LEVELS: tuple[Level, ...] = ("normal", "high", "critical")
MISSED_CALL = "missed_call"  # the `source` of a referral that nobody said a word about


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a person may be reached; the absence of terms means: do not call, do not write (safety 1).

    `window`: any, day (7-21: the safe hours, where nobody was asked), morning (7-12), afternoon (12-17),
    evening (17-21), office time of Niamey.
    `number`: another number than the one used, E.164, "" for the same.
    `text`: may we also write? Only ever set by staff after asking.
    `now_until`: seconds since the epoch up to which "call us now: yes" holds, whatever the rest says, at
    `now_number` ("" for the same); 0: nobody said so. Afterwards the rest holds again (safety 1, 2).
    `sealed`: who answers, what to say and which number are sealed for the readers (docs/sealed.md), not empty.
    """

    may_call: bool
    window: str = "any"
    number: str = ""
    text: bool = False
    who_answers: str = ""
    cover_phrase: str = ""
    now_until: int = 0
    now_number: str = ""
    said_at: int = 0
    said_by: str = ""
    sealed: bool = False


class Effect(msgspec.Struct, frozen=True, omit_defaults=True, tag=True, kw_only=True):
    """Base of all effects."""


class OpenReferral(Effect, frozen=True, omit_defaults=True, kw_only=True):
    """Hand a need to staff, saved at the first choice. `id` and `ticket` derive from the turn."""

    id: str
    ticket: str
    queue: str
    level: Level
    code: str | None = None
    source: str = "menu"
    private: bool = False
    sealed: bool = False
    minor: bool = False
    language: str | None = None
    case: str | None = None
    terms: Terms | None = None
    text: bool = False  # the turn's own text is the person's words (hush): kept encrypted with the referral
    media: str = ""  # how the gateway gives out the voice note that this is about


class UpdateReferral(Effect, frozen=True, omit_defaults=True, kw_only=True):
    """What the person added on later screens. A level only ever rises here; None leaves as it was."""

    id: str
    urgent: bool | None = None
    level: Level | None = None
    queue: str | None = None
    code: str | None = None
    caller: str | None = None
    call_language: str | None = None
    sealed: bool | None = None
    minor: bool | None = None
    terms: Terms | None = None
    text: bool = False
    forget_contact: bool = False  # the person went on with somebody outside: contact and case are taken off


class AttachReferral(Effect, frozen=True, omit_defaults=True, kw_only=True):
    """The person said: same person, same problem. `id` (new) becomes one with `to`, if that is still open."""

    id: str
    to: str


class AnswerCallNow(Effect, frozen=True, omit_defaults=True, kw_only=True):
    """Somebody typed a ticket number, staff had left "call us now", and the answer is yes: call this number."""

    ticket: str
    yes: bool
    number: str = ""  # another one than the one used, E.164: whoever has no phone number says which to call


class AnswerSolved(Effect, frozen=True, omit_defaults=True, kw_only=True):
    """The person's answer to "is this solved?", pushed once a referral was closed, or asked by its ticket number."""

    ticket: str
    yes: bool


class WroteBack(Effect, frozen=True, omit_defaults=True, kw_only=True):
    """The person answered staff while the bot kept silent; the words are the turn's own text, if they may be kept."""


class ShowStatus(Effect, frozen=True, omit_defaults=True, kw_only=True):
    """A verified person was told where the file stands; LOST_CONTACT then resumes (safety 13)."""

    case: str


class StaffAnswer(Effect, frozen=True, omit_defaults=True, kw_only=True):
    """OK, NO, LATER or DONE with a code, by SMS. Whether sender and code are right is decided where staff are known.

    `came`, `absent`: about somebody on the day list; the code is then one of that list.
    `result`: the number of a call's result, with `done`. `unclear`: a word and a number that mean nothing; whoever is
    of the staff gets help, everybody else the conversation alone.
    """

    answer: Literal["ok", "no", "later", "done", "unclear", "came", "absent"]
    code: str
    result: int = 0


class Report(Effect, frozen=True, omit_defaults=True, kw_only=True):
    """A delivery report: what became of a message of ours."""

    gateway: str
    external_id: str
    state: str
    code: str = ""
    message: str = ""  # our own id, where the gateway echoes it
    part: int = 1
    parts: int = 1


class AnswerSent(Effect, frozen=True, omit_defaults=True, kw_only=True):
    """An answer from the answers stream left (or did not): for the history in PostgreSQL."""

    message: str
    channel: str
    gateway: str
    state: str
    reason: str = ""
    external_id: str = ""
    parts: int = 0
    text: bytes = b""  # as encrypted in the answers stream
    blocked: bool = False  # the gateway says that this number must not be written to (safety 7)
    cost: str = ""  # as the gateway tells it: "XOF 12.50"
    kind: str = "answer"  # bot.kinds.Kind


class Blocked(Effect, frozen=True, omit_defaults=True, kw_only=True):
    """The gateway or the operator lets nothing through to this number, until an answer leaves again (safety 7)."""

    channel: str


class Act(Effect, frozen=True, omit_defaults=True, kw_only=True):
    """What a flow file orders by the verb `act`, as flows/data.yaml declares it: whoever is named there carries it out.

    `text`: the turn's own text is the person's words and goes with it.
    """

    what: str
    values: dict[str, str]
    text: bool = False


AnyEffect = (
    OpenReferral
    | UpdateReferral
    | AttachReferral
    | AnswerCallNow
    | AnswerSolved
    | WroteBack
    | ShowStatus
    | StaffAnswer
    | Report
    | AnswerSent
    | Blocked
    | Act
)
