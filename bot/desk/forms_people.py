"""The forms about phones and files: what is looked for, what shall not be sent any more, how somebody was recognised."""

from __future__ import annotations

from wtforms import RadioField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput

from bot.desk.forms import CHOOSE, NEEDED, DeskForm
from bot.desk.words import say
from bot.desk.words.optouts import choices

LONGEST_SEARCH = 80


class FindForm(DeskForm):
    """The number of a request (482-1737) or of a file (482-719-368) as people read it out, or a name."""

    wanted = StringField(
        validators=[InputRequired(NEEDED), Length(max=LONGEST_SEARCH)],
        render_kw={"autocomplete": "off", "maxlength": str(LONGEST_SEARCH), "autocapitalize": "words"},
    )

    def __init__(self) -> None:
        super().__init__()
        self.label(wanted=say("Number of the request or of the file, or a name"))


class OptOutForm(DeskForm):
    """What the person asked staff to end."""

    stopped = SelectMultipleField(validators=[InputRequired(CHOOSE)], option_widget=CheckboxInput())

    def __init__(self) -> None:
        super().__init__(prefix="stop")
        self.label(stopped=say("The person no longer wishes"))
        self.stopped.choices = choices()


class ProofForm(DeskForm):
    """How staff know that they speak with the person of the file (safety 10)."""

    proof = RadioField(validators=[InputRequired(CHOOSE)])

    def __init__(self, *, has_phone: bool) -> None:
        super().__init__(prefix="proof")
        self.label(proof=say("How do you know that it is this person?"))
        self.proof.choices = [("in_person", say("In person: I saw a paper with this name, and the file number"))]
        if has_phone:
            self.proof.choices.append(
                ("own_phone", say("I called the file's own number: the person told file number and year of birth"))
            )
