"""The forms of files that come in and go out."""

from __future__ import annotations

from collections.abc import Sequence

from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from bot.cases.stages import STAGES
from bot.data.holdings import HOLDINGS
from bot.data.mapping import ColumnMap
from bot.data.runs import LONGEST_NAME
from bot.desk.forms import CHOOSE, LONGEST_REASON, NEEDED, REASON_LENGTH, DeskForm
from bot.desk.words import data, say
from bot.desk.words.stages import stage


class BringForm(DeskForm):
    """A file, and how its columns are known."""

    file = FileField(validators=[FileRequired(NEEDED)], render_kw={"accept": ".csv,.xlsx"})
    holds = SelectField(default="cases")
    mapping = SelectField()

    def __init__(self, kept: Sequence[str] = ()) -> None:
        super().__init__(prefix="bring")
        self.label(file=say("CSV or XLSX file"), holds=say("What it holds"), mapping=say("Columns"))
        self.holds.choices = [(one, data.holds(one)) for one in HOLDINGS]
        self.mapping.choices = [("", say("recognise the headings")), *((name, name) for name in kept)]


class ExportForm(DeskForm):
    """What goes out, and why."""

    kind = RadioField(default="csv", validators=[InputRequired(CHOOSE)])
    stage = SelectField()
    office = SelectField()
    phones = BooleanField()
    reason = StringField(validators=[InputRequired(NEEDED), Length(min=3, max=LONGEST_REASON, message=REASON_LENGTH)])

    def __init__(self, offices: Sequence[str] = ()) -> None:
        super().__init__(prefix="out")
        self.label(
            kind=say("Format"), stage=say("Stage"), office=say("Office"), reason=say("What is it for?"),
            phones=say("With phone numbers"),
        )  # fmt: skip
        self.kind.choices = [("csv", "CSV"), ("xlsx", "XLSX")]
        self.stage.choices = [("", say("all")), *((code, stage(code)) for code in STAGES)]
        self.office.choices = [("", say("all")), *((name, name) for name in offices)]


class SaveForm(DeskForm):
    """The name under which columns are kept. The columns themselves are as many as the file has: `chosen` reads them."""

    name = StringField(validators=[Length(max=LONGEST_NAME)], render_kw={"maxlength": str(LONGEST_NAME)})

    def __init__(self, name: str = "") -> None:
        super().__init__(prefix="save", data={"name": name})
        self.label(name=say("Keep these columns under a name"))


def chosen(sent: dict[str, list[str]], headings: Sequence[str]) -> ColumnMap:
    """The columns as the page sent them: `column-x` a heading, `fixed-x` one word for all lines, `theirs-x`, `ours-x`."""
    found = ColumnMap()
    for key, values in sent.items():
        kind, _, name = key.partition("-")
        if kind == "column" and values[0] in headings:
            found.columns[name] = values[0]
        elif kind == "fixed" and values[0].strip():
            found.fixed[name] = values[0].strip()
        elif kind == "theirs":
            pairs = zip(values, sent.get(f"ours-{name}", ()), strict=False)
            found.values[name] = {theirs: ours for theirs, ours in pairs if ours}
    for name in found.columns:
        found.fixed.pop(name, None)
    return found
