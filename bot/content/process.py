"""The shape of flows/process.yaml: which stage follows which, and who may move a file there."""

from functools import cache
from typing import Literal

from pydantic import Field

from bot.config import ROOT
from bot.content.specs import Spec
from bot.sources import Source

PROCESS = ROOT / "flows" / "process.yaml"
Role = Literal["assistant", "coordinator"]


class StageRule(Spec):
    """One stage; what each word means stands at the top of the file. `only_from` empty: any that has not ended."""

    next: tuple[str, ...] = ()
    by: tuple[Role, ...] = Field(min_length=1)
    proposed_by: tuple[Role, ...] = ()
    only_from: tuple[str, ...] = ()
    anywhere: bool = False  # even a file that has ended
    reasons: tuple[str, ...] = ()
    note: bool = False
    consent: bool = False
    second_person: bool = False
    review_days: int = Field(0, ge=0)
    procedure: bool = False
    resumes: bool = False
    ends: bool = False
    told: bool = False


class ProcessSpec(Spec):
    """flows/process.yaml."""

    overrides: Role
    finalised_after: int = Field(gt=0)
    main: dict[str, StageRule]
    exceptional: dict[str, StageRule]

    def rule(self, code: str) -> StageRule:
        """Of any stage; raises KeyError for a code that is none."""
        return self.main[code] if code in self.main else self.exceptional[code]


@cache
def process() -> ProcessSpec:
    """The model of this installation, read once; raises FlowError with file, line and remedy."""
    read: ProcessSpec = Source(PROCESS).parse(ProcessSpec)
    return read
