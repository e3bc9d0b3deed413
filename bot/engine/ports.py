"""What the engine asks of the world: data through `Lookups`, fresh ids through `Ids`. Tests fake both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol

Asked = Literal["call_now", "closed", "waiting"]


@dataclass(frozen=True, slots=True)
class File:
    """Where a verified person's case stands, as far as the screens tell it."""

    case: str
    stage: str
    since: date
    appointment: date | None = None
    place: str = ""
    told_by_person: bool = False
    news: bool = True  # something changed since it was last told
    minor: bool = False
    own: bool = True  # opened from the file's own phone
    known_on: date | None = None  # when our sources last confirmed it


@dataclass(frozen=True, slots=True)
class Checked:
    """What a case number and a secret opened. `file` only with "ok"; `case` (9 digits) with "ok" and "choose_code"."""

    outcome: Literal["ok", "choose_code", "no_match"]
    case: str = ""
    file: File | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a list. `label`: a proper name as it stands, or a reference as placeholders know it (`w:2026-11-30`)."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a declared look-up (flows/data.yaml) answers: an outcome to branch on, facts, and perhaps a list."""

    outcome: str
    facts: Mapping[str, str] = field(default_factory=dict)
    items: tuple[Item, ...] = ()


class Lookups(Protocol):
    """Data from PostgreSQL inside a turn, bound to its address and turn. Every call may raise LookupAway."""

    def check(self, case: str, secret: str) -> Checked:
        """Case number (9 or 3 digits) and code, year of birth or start code (safety 10 to 12)."""

    def choose_code(self, case: str, code: str) -> bool:
        """Claim: set the code of a case just proved. Saying it again for the same turn says yes again."""

    def obvious(self, case: str, code: str) -> bool:
        """Would anybody guess this code? (repeats, runs, years, the phone's or case's last four)"""

    def ticket(self, ticket: str) -> Asked:
        """What is asked of whoever types this ticket: "call you now?", "is this solved?", or nothing."""

    def of_staff(self) -> bool:
        """Does this address belong to somebody of the staff?"""

    def find(self, what: str, values: Mapping[str, str]) -> Found:
        """A look-up that flows/data.yaml declares. One that claims says the same again for the same turn."""


class Ids(Protocol):
    """Ids that follow from the turn: the same message gives the same ids for ever."""

    def referral(self, n: int) -> str:
        """32 hex characters for the n-th referral of this turn."""

    def ticket(self, n: int) -> str:
        """The candidate ticket number (7 digits) for the n-th referral of this turn."""
