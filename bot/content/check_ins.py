"""The shape of flows/checkins.yaml: in which weeks of MONITORING a person is asked how it goes."""

from pydantic import Field, model_validator

from bot.content.specs import Spec

LAST_WEEK = 26  # past that nobody is followed any more


class CheckInsSpec(Spec):
    """`weeks` since the stage began; `answer_within` days after which silence ends one."""

    weeks: tuple[int, ...] = Field(min_length=1)
    answer_within: int = Field(14, ge=7, le=14)  # a question that we push may be answered for 14 days (safety 11)

    @model_validator(mode="after")
    def _apart(self) -> "CheckInsSpec":
        gaps = [later - earlier for earlier, later in zip(self.weeks, self.weeks[1:], strict=False)]
        if self.weeks[0] < 1 or self.weeks[-1] > LAST_WEEK or any(gap * 7 <= self.answer_within for gap in gaps):
            raise ValueError(f"weeks are 1 to {LAST_WEEK}, in order, and further apart than an answer may take")
        return self
