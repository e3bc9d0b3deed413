"""The forms of the process: moving a file, kits, visits, projects, trainings. Short: most steps are one button."""

from __future__ import annotations

from typing import Any

from wtforms import (
    BooleanField,
    DateField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    TextAreaField,
)
from wtforms import StringField as Words
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput

from bot.cases.process import Choice
from bot.cases.projects import NewProject
from bot.cases.trainings import NewTraining
from bot.desk.forms import CHOOSE, LONGEST_NOTE, NEEDED, TOO_LONG, DeskForm
from bot.desk.words import mark, process, say
from bot.desk.words.stages import stage
from bot.text.phones import mobile

LONGEST = 80
MOST_PLACES = 500
NEEDS_DAY = mark("Write a day, as 2026-11-23.")
NOT_SURE = mark("Tick it if you are sure: it can't be taken back.")
BEFORE_FIRST = mark("Not before the first day.")
WRONG_NUMBER = mark("This is not a mobile number.")
EITHER_ONE = mark("Either a file number or a name.")


class MoveForm(DeskForm):
    """Where to, and what that asks for. `seen`: the stage that the page showed."""

    seen = HiddenField()
    to = SelectField(validators=[InputRequired(CHOOSE)])
    reason = SelectField(validators=[Optional()])
    review_on = DateField(validators=[Optional()])
    consent = BooleanField()
    note = TextAreaField(validators=[Length(max=LONGEST_NOTE, message=TOO_LONG)], render_kw={"rows": "2"})
    sure = BooleanField()

    def __init__(self, offered: tuple[Choice, ...], here: str = "") -> None:
        super().__init__(prefix="move")
        self.offered = {one.to: one for one in offered}
        self.label(
            to=say("Move to"), reason=say("Reason"), review_on=say("Look at it again on"),
            consent=say("The person has agreed"), note=say("Why, in a sentence"),
            sure=say("I am sure: it can't be taken back"),
        )  # fmt: skip
        self.to.choices = [("", say("choose…")), *((one.to, _named(one)) for one in offered)]
        of_these = {name: codes for name, codes in process.reasons().items() if name in map(stage, self.offered)}
        self.reason.choices = {"": [("", say("choose…"))], **of_these}
        if here:
            self.seen.data = here

    def validate(self, extra_validators: Any = None) -> bool:
        """What ends a file is asked twice."""
        valid = bool(super().validate(extra_validators))
        chosen = self.offered.get(self.to.data or "")
        if chosen is not None and chosen.final and not chosen.proposes and not self.sure.data:
            self.sure.errors, valid = [NOT_SURE], False
        return valid

    def needs(self, what: str) -> str:
        """The stages that ask for it, as a hint; "" where none does."""
        return ", ".join(stage(one.to) for one in self.offered.values() if getattr(one, what))

    @property
    def code(self) -> str:
        """The reason without its stage; "" where it is one of another stage."""
        of, _, code = (self.reason.data or "").partition(":")
        return code if of == self.to.data else ""


class ReviewForm(DeskForm):
    """The next day on which somebody looks."""

    day = DateField(validators=[InputRequired(NEEDS_DAY)])

    def __init__(self) -> None:
        super().__init__(prefix="review")
        self.label(day=say("Look at it again on"))


class KitForm(DeskForm):
    """What was ordered."""

    kind = Words(validators=[InputRequired(NEEDED), Length(max=LONGEST)])
    items = TextAreaField(validators=[Length(max=LONGEST_NOTE, message=TOO_LONG)], render_kw={"rows": "2"})
    expected_on = DateField(validators=[Optional()])

    def __init__(self) -> None:
        super().__init__(prefix="kit")
        self.label(kind=say("Kit"), items=say("Items, one a line"), expected_on=say("Expected on"))

    def lines(self) -> list[str]:
        """The items."""
        return [line.strip()[:LONGEST] for line in (self.items.data or "").splitlines() if line.strip()]


class PlanForm(DeskForm):
    """When, and by visit or by phone."""

    day = DateField(validators=[InputRequired(NEEDS_DAY)])
    way = RadioField(validators=[InputRequired(CHOOSE)], default="visit")

    def __init__(self) -> None:
        super().__init__(prefix="plan")
        self.label(day=say("Day"), way=say("Visit or call"))
        self.way.choices = [(code, process.way(code)) for code in ("visit", "call")]


class FoundForm(DeskForm):
    """What a visit found."""

    day = DateField(validators=[InputRequired(NEEDS_DAY)])
    way = RadioField(validators=[InputRequired(CHOOSE)])
    findings = SelectMultipleField(validators=[InputRequired(CHOOSE)], option_widget=CheckboxInput())
    note = TextAreaField(validators=[Length(max=LONGEST_NOTE, message=TOO_LONG)], render_kw={"rows": "2"})

    def __init__(self, **given: Any) -> None:
        super().__init__(prefix="found", **given)
        self.label(day=say("Done on"), way=say("Visit or call"), findings=say("What was found"), note=say("Note"))
        self.way.choices = [(code, process.way(code)) for code in ("visit", "call")]
        self.findings.choices = process.findings()


class ProjectForm(DeskForm):
    """A new project."""

    kind = RadioField(validators=[InputRequired(CHOOSE)], default="collective")
    name = Words(validators=[InputRequired(NEEDED), Length(max=LONGEST)])
    activity = Words(validators=[Length(max=LONGEST)])
    department = Words(validators=[InputRequired(NEEDED), Length(max=LONGEST)])
    office = SelectField(validators=[InputRequired(CHOOSE)])
    partner = SelectField(validators=[Optional()])
    stage = SelectField(validators=[InputRequired(CHOOSE)])

    def __init__(self, offices: list[str], partners: list[str], stages: tuple[str, ...]) -> None:
        super().__init__(prefix="project")
        self.label(
            kind=say("Kind"), name=say("Name"), activity=say("Activity"), department=say("Department"),
            office=say("Office"), partner=say("Partner organisation"), stage=say("Stage"),
        )  # fmt: skip
        self.kind.choices = process.kinds()
        self.office.choices = [(one, one) for one in offices]
        self.partner.choices = [("", "–"), *((one, one) for one in partners)]
        self.stage.choices = process.stages_of(stages)

    def new(self) -> NewProject:
        """What was written."""
        given = (self.kind, self.name, self.activity, self.department, self.office, self.partner, self.stage)
        return NewProject(*((one.data or "").strip() for one in given))


class MemberForm(DeskForm):
    """Somebody with a file, or a neighbour without one."""

    number = Words(validators=[Length(max=20)], render_kw={"inputmode": "numeric", "autocomplete": "off"})
    name = Words(validators=[Length(max=LONGEST)], render_kw={"autocomplete": "off"})
    phone = Words(validators=[Length(max=30)], render_kw={"inputmode": "tel", "autocomplete": "off"})
    role = SelectField(validators=[InputRequired(CHOOSE)], default="member")
    e164 = ""

    def __init__(self, *, region: str) -> None:
        super().__init__(prefix="member")
        self.region = region
        self.label(
            number=say("File number"), name=say("Or the name of a neighbour without a file"),
            phone=say("Phone of the neighbour"), role=say("Role"),
        )  # fmt: skip
        self.role.choices = process.roles()

    def validate(self, extra_validators: Any = None) -> bool:
        """One of the two, and a phone that is one."""
        valid = bool(super().validate(extra_validators))
        if bool((self.number.data or "").strip()) == bool((self.name.data or "").strip()):
            self.number.errors, valid = [EITHER_ONE], False
        if (self.phone.data or "").strip():
            self.e164 = mobile(self.phone.data, region=self.region) or ""
            if not self.e164:
                self.phone.errors, valid = [WRONG_NUMBER], False
        return valid


class MoveAllForm(DeskForm):
    """Where a project goes. `seen`: the stage that the page showed."""

    seen = HiddenField()
    to = SelectField(validators=[InputRequired(CHOOSE)])
    note = TextAreaField(validators=[Length(max=LONGEST_NOTE, message=TOO_LONG)], render_kw={"rows": "2"})

    def __init__(self, offered: tuple[str, ...], here: str = "") -> None:
        super().__init__(prefix="all")
        self.label(to=say("Move all to"), note=say("Why, in a sentence"))
        self.to.choices = process.stages_of(offered)
        if here:
            self.seen.data = here


class TrainingForm(DeskForm):
    """A new training."""

    kind = Words(validators=[InputRequired(NEEDED), Length(max=LONGEST)])
    place = Words(validators=[InputRequired(NEEDED), Length(max=LONGEST)])
    office = SelectField(validators=[InputRequired(CHOOSE)])
    partner = SelectField(validators=[Optional()])
    starts_on = DateField(validators=[InputRequired(NEEDS_DAY)])
    ends_on = DateField(validators=[InputRequired(NEEDS_DAY)])
    places = IntegerField(validators=[InputRequired(NEEDED), NumberRange(1, MOST_PLACES)])

    def __init__(self, offices: list[str], partners: list[str]) -> None:
        super().__init__(prefix="training")
        self.label(
            kind=say("Training"), place=say("Place"), office=say("Office"), partner=say("Partner organisation"),
            starts_on=say("First day"), ends_on=say("Last day"), places=say("Places"),
        )  # fmt: skip
        self.office.choices = [(one, one) for one in offices]
        self.partner.choices = [("", "–"), *((one, one) for one in partners)]

    def validate(self, extra_validators: Any = None) -> bool:
        """It does not end before it begins."""
        valid = bool(super().validate(extra_validators))
        if valid and self.ends_on.data < self.starts_on.data:
            self.ends_on.errors, valid = [BEFORE_FIRST], False
        return valid

    def new(self) -> NewTraining:
        """What was written."""
        return NewTraining(
            self.kind.data.strip(), self.place.data.strip(), self.office.data, self.partner.data or "",
            self.starts_on.data, self.ends_on.data, self.places.data,
        )  # fmt: skip


class EnrolForm(DeskForm):
    """Who goes."""

    number = Words(validators=[InputRequired(NEEDED), Length(max=20)], render_kw={"inputmode": "numeric"})

    def __init__(self) -> None:
        super().__init__(prefix="enrol")
        self.label(number=say("File number"))


class DayForm(DeskForm):
    """Who was there on a day, or who ended it: ids of enrolments."""

    day = DateField(validators=[Optional()])
    there = SelectMultipleField(validators=[Optional()], option_widget=CheckboxInput(), coerce=int)

    def __init__(self, people: list[tuple[int, str]], **given: Any) -> None:
        super().__init__(prefix="day", **given)
        self.label(day=say("Day"), there=say("Who was there"))
        self.there.choices = people


def _named(choice: Choice) -> str:
    return say("%(stage)s (a second person decides)", stage=stage(choice.to)) if choice.proposes else stage(choice.to)
