"""The forms of appointments and their places."""

from __future__ import annotations

from collections.abc import Sequence

from wtforms import BooleanField, DateField, IntegerField, SelectField, SelectMultipleField, StringField, TimeField
from wtforms.validators import InputRequired, Length, NumberRange
from wtforms.widgets import CheckboxInput

from bot.desk.forms import CHOOSE, NEEDED, TOO_LONG, DeskForm
from bot.desk.forms_process import NEEDS_DAY
from bot.desk.words import appointments, mark, say
from bot.store.models import Place

LONGEST = 80
MOST_PEOPLE = 500
CLOSES_FIRST = mark("It closes before it opens.")


class ProposeForm(DeskForm):
    """A day for a file that has none."""

    place = SelectField(coerce=int, validators=[InputRequired(CHOOSE)])
    purpose = SelectField(validators=[InputRequired(CHOOSE)])
    day = DateField(validators=[InputRequired(NEEDS_DAY)])
    agreed = BooleanField()

    def __init__(self, places: Sequence[Place] = ()) -> None:
        super().__init__(prefix="propose")
        self.label(
            place=say("Place"), purpose=say("What for"), day=say("Day"), agreed=say("The person agreed to this day")
        )
        self.place.choices = [(one.id, appointments.place(one.name)) for one in places]
        self.purpose.choices = appointments.purposes()


class OtherDayForm(DeskForm):
    """Another day for the one that stands, or for a missed one."""

    day = DateField(validators=[InputRequired(NEEDS_DAY)])
    agreed = BooleanField()

    def __init__(self) -> None:
        super().__init__(prefix="other-day")
        self.label(day=say("New day"), agreed=say("The person agreed to this day"))


class PlaceForm(DeskForm):
    """A place: opening days and hours, and how many people a day takes."""

    office = StringField(validators=[InputRequired(NEEDED), Length(max=LONGEST, message=TOO_LONG)])
    name = StringField(validators=[InputRequired(NEEDED), Length(max=LONGEST, message=TOO_LONG)])
    kind = SelectField(validators=[InputRequired(CHOOSE)])
    region = StringField(validators=[Length(max=LONGEST, message=TOO_LONG)])
    weekdays = SelectMultipleField(coerce=int, validators=[InputRequired(NEEDED)], option_widget=CheckboxInput())
    opens = TimeField(validators=[InputRequired(NEEDED)])
    closes = TimeField(validators=[InputRequired(NEEDED)])
    capacity = IntegerField(validators=[InputRequired(NEEDED), NumberRange(1, MOST_PEOPLE)])
    active = BooleanField()

    def __init__(self, place: Place | None = None) -> None:
        super().__init__(prefix=f"place-{place.id}" if place is not None else "place", obj=place)
        self.label(
            office=say("Office"), name=say("Name"), kind=say("Kind"), region=say("Region"), weekdays=say("Open on"),
            opens=say("Opens"), closes=say("Closes"), capacity=say("People a day"), active=say("In use"),
        )  # fmt: skip
        self.kind.choices = appointments.kinds()
        self.weekdays.choices = appointments.weekdays()

    def validate(self, extra_validators: object = None) -> bool:
        """It closes after it opens."""
        valid = bool(super().validate(extra_validators))
        if valid and self.opens.data >= self.closes.data:
            self.closes.errors, valid = [CLOSES_FIRST], False
        return valid
