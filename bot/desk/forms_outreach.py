"""The forms of the outreach: who was tried, a new number to confirm, a number that staff give to a file."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, RadioField, StringField
from wtforms.validators import InputRequired, Length

from bot.desk.forms import CHOOSE, NEEDED, DeskForm
from bot.desk.forms_process import WRONG_NUMBER
from bot.desk.words import outreach, say
from bot.outreach.lost import WAYS
from bot.text.phones import mobile

LONGEST_NUMBER = 20


class AttemptForm(DeskForm):
    """How somebody was tried, and whether they were reached."""

    way = RadioField(validators=[InputRequired(CHOOSE)])
    reached = RadioField(validators=[InputRequired(CHOOSE)])

    def __init__(self) -> None:
        super().__init__(prefix="attempt")
        self.label(way=say("How did you try?"), reached=say("Was the person reached?"))
        self.way.choices = [(one, outreach.way(one)) for one in WAYS]
        self.reached.choices = [
            ("no", say("No")),
            ("yes", say("Yes: I spoke with the person, and made sure that it is this person")),
        ]


class ConfirmForm(DeskForm):
    """A number that the person gave with the code: how staff know that it is theirs, or not."""

    proof = RadioField(validators=[InputRequired(CHOOSE)])

    def __init__(self) -> None:
        super().__init__(prefix="confirm")
        self.label(proof=say("How do you know?"))
        self.proof.choices = _proofs(called=say("I called this number: the person told file number and year of birth"))


class NumberForm(DeskForm):
    """Another number for a file. `e164`: as it is kept, once the form is valid."""

    number = StringField(
        validators=[InputRequired(NEEDED), Length(max=LONGEST_NUMBER)],
        render_kw={"inputmode": "tel", "autocomplete": "off"},
    )
    shared = BooleanField()
    proof = RadioField(validators=[InputRequired(CHOOSE)])

    def __init__(self, region: str) -> None:
        super().__init__(prefix="number")
        self.e164, self._region = "", region
        self.label(
            number=say("New number"),
            shared=say("Other files have this number too, and share it"),
            proof=say("How do you know that it is this person?"),
        )
        self.proof.choices = _proofs(called=say("On a call: the person told file number and year of birth"))

    def validate(self, extra_validators: Any = None) -> bool:
        """What no phone can be is refused."""
        valid = bool(super().validate(extra_validators))
        self.e164 = mobile(self.number.data or "", region=self._region) or ""
        if self.number.data and not self.e164:
            self.number.errors, valid = [WRONG_NUMBER], False
        return valid


def _proofs(*, called: str) -> list[tuple[str, str]]:
    in_person = say("In person: I saw a paper with this name, and the file number")
    return [("in_person", in_person), ("own_phone", called)]
