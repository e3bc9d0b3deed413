"""What is sent and answered, as pydantic models; the OpenAPI document is made of them. Unknown fields are refused."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.cases.reading import LONGEST
from bot.cases.stages import MAIN, STAGES

MOST = 200  # of a list at once
Words = Annotated[str, Field(max_length=LONGEST)]
Filter = Annotated[str | None, Field(default=None, min_length=1, max_length=LONGEST, pattern=r"^[^\x00]*$")]
Number = Annotated[str, Field(pattern=r"^[1-9][0-9]{8}$", description="case number, with its check digit")]
Stage = Literal[STAGES]  # type: ignore[valid-type]  # known at run time
MainStage = Literal[("", *MAIN)]  # type: ignore[valid-type]


class Shape(BaseModel):
    """Strict: no field more, nothing of another type."""

    model_config = ConfigDict(extra="forbid")


class CaseSent(Shape):
    """A case, or what changes of it. A new one needs name to opened_on; the stage of one that is there moves by `/stage`."""

    name: Words | None = None
    sex: Literal["M", "F"] | None = None
    phone: Annotated[str | None, Field(max_length=60, description="mobile number, E.164 best; empty: none")] = None
    phone_shared: bool | None = None
    language: Literal["fr", "ha", "en", "dje", "tmh", "ff", "kr", "ar"] | None = None
    region: Words | None = None
    department: Words | None = None
    office: Words | None = None
    stage: Stage | None = None
    stage_since: date | None = None
    opened_on: date | None = None
    resume_stage: MainStage | None = None
    partner: Words | None = None
    project_type: Literal["", "individual", "collective", "community"] | None = None
    training_type: Words | None = None
    assistance_type: Words | None = None
    year_of_birth: Annotated[int | None, Field(ge=1900, le=2100)] = None


class CaseRead(Shape):
    """A case. `phone` only for keys with `phones:read`; never a flag, a code, a need, nor the year of birth, a proof."""

    case_number: Number
    name: str
    sex: str
    phone: str = ""
    phone_shared: bool
    language: str
    region: str
    department: str
    office: str
    partner: str
    project_type: str
    training_type: str
    assistance_type: str
    stage: Stage
    resume_stage: str
    stage_since: date
    opened_on: date
    known_on: date | None
    next_appointment: date | None
    appointment_place: str


class Cases(Shape):
    """A page of cases, by number. `next`: the cursor of the page after it; none at the end (also as `Link`)."""

    cases: list[CaseRead]
    next: Number | None


class CasesAsked(Shape):
    """Which cases, and where to go on."""

    stage: Annotated[Stage | None, Field(default=None)]
    region: Filter
    office: Filter
    partner: Filter
    limit: Annotated[int, Field(default=50, ge=1, le=MOST)]
    cursor: Annotated[str | None, Field(default=None, pattern=r"^[1-9][0-9]{8}$")]


class MoveSent(Shape):
    """A move. `seen`: the stage that you know; if somebody moved the case since, nothing happens."""

    seen: Stage
    to: Stage
    since: date
    reason: Annotated[str, Field(max_length=40)] = ""


class AppointmentRead(Shape):
    """An appointment. `place` as the offices name it."""

    id: int
    day: date
    place: str
    purpose: str
    state: str


class Appointments(Shape):
    """Of one case, newest first."""

    appointments: list[AppointmentRead]


class AppointmentSent(Shape):
    """A day at a place of the case's office: at least seven days ahead, open, with room. The person is asked."""

    day: date
    place: Annotated[str, Field(min_length=1, max_length=LONGEST, pattern=r"^[^\x00]*$")]
    purpose: Literal["kit", "training", "visit", "call", "document"]


class OptOutRead(Shape):
    """What a case's person ended: `sms`, `whatsapp`, or one kind of message alone, `sms:reminder`."""

    case_number: Number
    stopped: list[str]


class OptOuts(Shape):
    """A page of them, by case number; never a phone number."""

    opt_outs: list[OptOutRead]
    next: Number | None


class PageAsked(Shape):
    """Where to go on."""

    limit: Annotated[int, Field(default=50, ge=1, le=MOST)]
    cursor: Annotated[str | None, Field(default=None, pattern=r"^[1-9][0-9]{8}$")]


class CountsAsked(Shape):
    """Counted by what."""

    by: Annotated[Literal["stage", "region", "office", "partner"], Field(default="stage")]


class Count(Shape):
    """How many cases."""

    of: str
    cases: int


class Counts(Shape):
    """In order of letters."""

    counts: list[Count]


class ProblemError(Shape):
    """Where, and why; never what was sent."""

    field: str
    reason: str


class ProblemRead(BaseModel):
    """RFC 9457. `code` is for programs."""

    type: str
    title: str
    status: int
    code: str = ""
    errors: list[ProblemError] = []
