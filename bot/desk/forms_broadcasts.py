"""The form of a broadcast: to whom, which words, how many answer, when."""

from __future__ import annotations

import secrets
from typing import Any

from wtforms import (
    BooleanField,
    DateField,
    HiddenField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    TimeField,
)
from wtforms.validators import InputRequired, Length, Optional, Regexp
from wtforms.widgets import CheckboxInput

from bot.desk.forms import CHOOSE, LONGEST_REPLY, NEEDED, TOO_LONG, DeskForm
from bot.desk.words import broadcasts as words
from bot.desk.words import codes, say
from bot.outreach.broadcasts_group import COLUMNS, Group

TEXTS = ("fr", "ha", "en")
SHARES = (1, 2, 5, 10, 20, 30, 50)  # of a hundred
LONGEST_NAME = 80


def _several() -> SelectMultipleField:
    return SelectMultipleField(option_widget=CheckboxInput())


def _text() -> TextAreaField:
    return TextAreaField(
        validators=[Length(max=LONGEST_REPLY, message=TOO_LONG)],
        render_kw={"rows": "3", "maxlength": str(LONGEST_REPLY)},
    )


class BroadcastForm(DeskForm):
    """`once` makes the same new form one draft; `version` is the draft that was read when it is changed."""

    name = StringField(validators=[InputRequired(NEEDED), Length(max=LONGEST_NAME, message=TOO_LONG)])
    regions, offices, stages = _several(), _several(), _several()
    languages, partners = _several(), _several()
    project_types, training_types = _several(), _several()
    text_fr, text_ha, text_en = _text(), _text(), _text()
    otherwise = SelectField(validators=[InputRequired(CHOOSE)])
    whatsapp = BooleanField()
    share = SelectField(validators=[InputRequired(CHOOSE)])
    day = DateField(validators=[Optional()])
    hour = TimeField(validators=[Optional()])
    once = HiddenField(validators=[Regexp("^[0-9a-f]{32}$")])
    version = HiddenField(validators=[Regexp("^[0-9]{1,6}$")])

    def __init__(self, values: dict[str, list[str]], **data: Any) -> None:
        super().__init__(prefix="cast", **data)
        self.label(
            name=say("Name, for staff alone"), otherwise=say("All others read"), share=say("How many answer"),
            whatsapp=say("By WhatsApp to those who write there; the others get an SMS"),
            day=say("Day"), hour=say("Hour"), **words.kinds(),
        )  # fmt: skip
        self.label(**{f"text_{one}": codes.spoken(one) for one in TEXTS})
        for kind in COLUMNS:
            self[kind].choices = [(one, words.value(kind, one)) for one in values[kind]]
        self.otherwise.choices = [(one, codes.spoken(one)) for one in TEXTS]
        self.share.choices = [(str(one), say("%(n)s of 100 people", n=one)) for one in SHARES]
        self.once.data = self.once.data or secrets.token_hex(16)
        self.version.data = self.version.data or "0"

    def group(self) -> Group:
        """The group as it was chosen."""
        return Group(**{kind: tuple(self[kind].data or ()) for kind in COLUMNS})

    def texts(self) -> dict[str, str]:
        """Language to text, those that were written."""
        found = {one: str(self[f"text_{one}"].data or "").strip() for one in TEXTS}
        return {one: text for one, text in found.items() if text}
