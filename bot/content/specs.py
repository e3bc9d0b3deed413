"""The shape of the files in flows/: unknown keys, duplicates and wrong types are refused here."""

from string import Formatter
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bot.engine.answers import ANSWERS
from bot.engine.effects import Level
from bot.engine.orders import VERBS

FOOT = Literal[
    "menu", "private", "private_short", "menu_private", "menu_number", "private_number", "private_any_language"
]

Queue = Literal["protection", "gbv", "child", "sealed", "complaints", "assistance", "community"]
QUEUES: tuple[str, ...] = get_args(Queue)


class Spec(BaseModel):
    """Nothing that is not described; nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class ChoiceSpec(Spec):
    """One line of `choices`. Without `say` it works, but is not shown."""

    key: str = Field(pattern=r"^[1-8]$")
    say: str = ""
    translate: bool = True
    go: str
    do: tuple[dict[str, dict[str, Any]], ...] = ()
    keep: dict[str, str] = {}

    @field_validator("do")
    @classmethod
    def _known_verbs(cls, value: tuple[dict[str, dict[str, Any]], ...]) -> tuple[dict[str, dict[str, Any]], ...]:
        return known_verbs(value)


class AnswerSpec(Spec):
    """A typed answer: its type, where it is kept, where it leads, and where a wrong one leads."""

    type: str
    keep: str
    go: str
    wrong: str = ""

    @field_validator("type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        if value not in ANSWERS:
            raise ValueError(f"unknown type of answer '{value}'; known: {', '.join(sorted(ANSWERS))}")
        return value


class PickSpec(Spec):
    """Picking from the last list: where the item's id is kept, where that leads, and how many a screen shows."""

    keep: str
    go: str
    a_page: int = Field(6, ge=2, le=6)


class BranchSpec(Spec):
    """One line of `branches`; without `when` it always fits."""

    when: dict[str, str] = {}
    go: str


class StateSpec(Spec):
    """One state. It asks, says, looks up, hands over, branches, or just does and goes on."""

    do: tuple[dict[str, dict[str, Any]], ...] = ()
    ask: str | None = None
    say: str | None = None
    after: str = ""
    choices: tuple[ChoiceSpec, ...] = ()
    answer: AnswerSpec | None = None
    pick: PickSpec | None = None
    foot: tuple[FOOT, ...] = ()
    branches: tuple[BranchSpec, ...] = ()
    look_up: str = ""
    outcomes: dict[str, str] = {}
    hand_over: str = ""
    back_to: str = ""
    go: str = ""
    verified: str = ""
    private: bool = False
    secret: bool = False
    elsewhere: tuple[Literal["sms", "whatsapp"], ...] = ()  # where a dropped USSD line may go on
    open_for: int = Field(600, description="seconds during which a late message may still answer")
    moved_to: str = ""
    parts: Literal[1, 2] = 1  # SMS parts this text may take

    @field_validator("ask", "say", "after")
    @classmethod
    def _whole_braces(cls, value: str | None) -> str | None:
        """A brace left open would only show when somebody reads the screen."""
        for _ in Formatter().parse(value or ""):
            pass
        return value

    @field_validator("do")
    @classmethod
    def _known_verbs(cls, value: tuple[dict[str, dict[str, Any]], ...]) -> tuple[dict[str, dict[str, Any]], ...]:
        return known_verbs(value)

    @field_validator("choices")
    @classmethod
    def _distinct_keys(cls, value: tuple[ChoiceSpec, ...]) -> tuple[ChoiceSpec, ...]:
        keys = [choice.key for choice in value]
        if len(set(keys)) != len(keys):
            raise ValueError(f"two choices have the same key: {', '.join(keys)}")
        return value


class FlowSpec(Spec):
    """One file of flows/."""

    flow: str = Field(pattern=r"^[a-z][a-z_]*$")
    private: bool = False
    may_wait: bool = False
    states: dict[str, StateSpec]


class NeedSpec(Spec):
    """One code of flows/needs.yaml."""

    queue: Queue
    level: Level
    urgent: Level
    repeatable: bool = False
    urgent_code: str = ""


class NeedsSpec(Spec):
    """flows/needs.yaml."""

    codes: dict[str, NeedSpec]
    menu: dict[str, str]


class StageSpec(Spec):
    """One stage of flows/stages.yaml."""

    screen: str = "usual"
    now: str = ""
    next: str = ""
    usual: str = ""
    days: int = 0
    whatsapp: dict[Literal["now", "next", "usual"], str] = {}


def known_verbs(orders: tuple[dict[str, dict[str, Any]], ...]) -> tuple[dict[str, dict[str, Any]], ...]:
    """Refuse a `do` whose verb nobody wrote."""
    for order in orders:
        if len(order) != 1:
            raise ValueError("each line of `do` is one verb with its arguments: - {open_referral: {code: MED}}")
        verb = next(iter(order))
        if verb not in VERBS:
            raise ValueError(f"unknown verb '{verb}'; known: {', '.join(sorted(VERBS))}")
    return orders
