"""The form of a key for another system."""

from __future__ import annotations

from wtforms import SelectField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput

from bot.data.tokens import SCOPES
from bot.desk.forms import CHOOSE, NEEDED, DeskForm
from bot.desk.words import mark, say

FAULTS = {
    "name": mark("2 to 40 small letters, digits and dashes."),
    "taken": mark("There is a key of this name already."),
}
DAYS = (30, 90, 180, 365)


class TokenForm(DeskForm):
    """Whose key it is, what it may do, where, and until when."""

    name = StringField(validators=[InputRequired(NEEDED), Length(max=40)], render_kw={"autocomplete": "off"})
    scopes = SelectMultipleField(validators=[InputRequired(CHOOSE)], option_widget=CheckboxInput())
    offices = StringField(validators=[Length(max=400)])
    days = SelectField(default="90", validators=[InputRequired(CHOOSE)])

    def __init__(self) -> None:
        super().__init__(prefix="key")
        self.label(
            name=say("Name of the other system"), scopes=say("It may"), offices=say("Offices"), days=say("Valid for")
        )
        words = scopes()
        self.scopes.choices = [(code, words[code]) for code in SCOPES]
        self.days.choices = [(str(days), say("%(days)s days", days=days)) for days in DAYS]


def scopes() -> dict[str, str]:
    """What a key may do, in words."""
    return {
        "cases:read": say("read files"),
        "cases:write": say("add and change files"),
        "phones:read": say("read phone numbers, with the files"),
        "stages:write": say("move files"),
        "appointments:read": say("read appointments"),
        "appointments:write": say("propose and cancel appointments"),
        "optouts:read": say("read who no longer wishes messages, by file number"),
        "counts:read": say("read counts"),
    }
