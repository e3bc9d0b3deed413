"""Forms of the rota: a shift to plan, days away."""

from __future__ import annotations

from typing import Any

from wtforms import DateField, RadioField, SelectField
from wtforms.validators import InputRequired, Optional

from bot.desk.forms import CHOOSE, NEEDED, DeskForm
from bot.desk.words import say
from bot.referrals.rota import MOST_WEEKS

Choices = list[tuple[str, str]]


class ShiftForm(DeskForm):
    """Who has which queue, on which days, at which hours, for how many weeks."""

    queue = SelectField(validators=[InputRequired(CHOOSE)])
    office = SelectField()
    staff = SelectField(validators=[InputRequired(CHOOSE)])
    deputy = SelectField()
    first = DateField(validators=[InputRequired(NEEDED)])
    last = DateField(validators=[Optional()])
    hours = RadioField(validators=[InputRequired(CHOOSE)], default="day")
    weeks = SelectField(default="1")

    def __init__(self, queues: Choices, offices: list[str], people: Choices, **values: Any) -> None:
        super().__init__(prefix="shift", **values)
        self.label(
            queue=say("Queue"), office=say("Office"), staff=say("Who"), deputy=say("Deputy"), first=say("First day"),
            last=say("Last day"), hours=say("Hours"), weeks=say("Repeat"),
        )  # fmt: skip
        self.queue.choices = queues
        self.office.choices = [("", say("all offices")), *((one, one) for one in offices)]
        self.staff.choices = [("", say("choose…")), *people]
        self.deputy.choices = [("", say("nobody")), *people]
        self.hours.choices = [
            ("day", say("day, 8:00–20:00")),
            ("night", say("night, 20:00–8:00")),
            ("whole", say("whole day")),
            ("week", say("week, from 8:00 of the first day")),
        ]
        self.weeks.choices = [("1", say("once"))]
        self.weeks.choices += [(str(one), say("%(count)s weeks", count=one)) for one in range(2, MOST_WEEKS + 1)]


class AwayForm(DeskForm):
    """Days on which somebody is away; nobody asks why."""

    staff = SelectField(validators=[InputRequired(CHOOSE)])
    first = DateField(validators=[InputRequired(NEEDED)])
    last = DateField(validators=[InputRequired(NEEDED)])

    def __init__(self, people: Choices) -> None:
        super().__init__(prefix="away")
        self.label(staff=say("Who"), first=say("First day"), last=say("Last day"))
        self.staff.choices = people
