"""The forms of communities: places and committees, proposals, groups, activities, the answer to tensions."""

from __future__ import annotations

from typing import Any

from wtforms import (
    BooleanField,
    DateField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from bot.community import activities, proposals, tensions
from bot.community.book import MOST
from bot.community.communities import LONGEST_NAME
from bot.desk.forms import CHOOSE, LONGEST_NOTE, LONGEST_REPLY, NEEDED, TOO_LONG, DeskForm
from bot.desk.words import codes, communities, mark, say
from bot.store.models import Staff

AMOUNT = mark("A whole number of francs.")
PLACES = mark("Between 1 and 999 places.")
TEXTS = ("fr", "ha", "en")


def _name(most: int = LONGEST_NAME) -> StringField:
    return StringField(
        validators=[InputRequired(NEEDED), Length(max=most, message=TOO_LONG)],
        render_kw={"maxlength": str(most), "autocomplete": "off"},
    )


def _francs() -> IntegerField:
    return IntegerField(
        validators=[InputRequired(AMOUNT), NumberRange(1, MOST, AMOUNT)], render_kw={"inputmode": "numeric"}
    )


class FoundForm(DeskForm):
    """A new community."""

    name = _name()
    office = StringField(validators=[Length(max=40, message=TOO_LONG)])

    def __init__(self) -> None:
        super().__init__(prefix="found")
        self.label(name=say("Name of the community"), office=say("Office that serves it"))


class SeatForm(DeskForm):
    """Somebody's place in a committee."""

    login = SelectField(validators=[InputRequired(CHOOSE)])
    focal = BooleanField()

    def __init__(self, people: list[Staff]) -> None:
        super().__init__(prefix="seat")
        self.label(login=say("Who"), focal=say("Focal point: the one to ask for"))
        self.login.choices = [(one.login, one.name) for one in people]


class GroupForm(DeskForm):
    """A new group, or how many share."""

    name = _name()
    heads = IntegerField(validators=[Optional(), NumberRange(0, 999)], render_kw={"inputmode": "numeric"})

    def __init__(self, **data: Any) -> None:
        super().__init__(prefix="group", **data)
        self.label(name=say("Name of the group"), heads=say("How many share the profit"))


class ActivityForm(DeskForm):
    """A new activity."""

    kind = SelectField(validators=[InputRequired(CHOOSE)])
    name = _name()
    place = StringField(validators=[Length(max=LONGEST_NAME, message=TOO_LONG)])
    capacity = IntegerField(
        validators=[InputRequired(PLACES), NumberRange(1, 999, PLACES)], render_kw={"inputmode": "numeric"}
    )

    def __init__(self) -> None:
        super().__init__(prefix="activity")
        self.label(kind=say("Kind"), name=say("Name of the activity"), place=say("Place"), capacity=say("Places"))
        self.kind.choices = [(one, communities.activity(one)) for one in activities.KINDS]


class AnswerForm(DeskForm):
    """The committee's answer to everybody who reported."""

    kind = SelectField()
    first = DateField(validators=[InputRequired(NEEDED)])
    last = DateField(validators=[InputRequired(NEEDED)])
    text_fr = TextAreaField(validators=[InputRequired(NEEDED), Length(max=LONGEST_REPLY, message=TOO_LONG)])
    text_ha = TextAreaField(validators=[Length(max=LONGEST_REPLY, message=TOO_LONG)])
    text_en = TextAreaField(validators=[Length(max=LONGEST_REPLY, message=TOO_LONG)])

    def __init__(self, **data: Any) -> None:
        super().__init__(prefix="answer", **data)
        self.label(kind=say("What it was about"), first=say("Reported from"), last=say("until"))
        self.label(**{f"text_{one}": codes.spoken(one) for one in TEXTS})
        self.kind.choices = [(one, communities.tension(one)) for one in ("", *tensions.KINDS)]

    def texts(self) -> dict[str, str]:
        """Language to text, those that were written."""
        found = {one: str(self[f"text_{one}"].data or "").strip() for one in TEXTS}
        return {one: text for one, text in found.items() if text}


class MoveForm(DeskForm):
    """A decision about a proposal. `seen`: the state that the reader saw, so that nobody decides twice."""

    to = RadioField(validators=[InputRequired(CHOOSE)])
    title = StringField(
        validators=[Length(max=proposals.LONGEST_TITLE, message=TOO_LONG)],
        render_kw={"maxlength": str(proposals.LONGEST_TITLE)},
    )
    reason = StringField(
        validators=[Length(max=proposals.LONGEST_REASON, message=TOO_LONG)],
        render_kw={"maxlength": str(proposals.LONGEST_REASON)},
    )
    seen = HiddenField()

    def __init__(self, state: str, **data: Any) -> None:
        super().__init__(prefix="move", **data)
        self.label(to=say("Decision"), title=say("Public title"), reason=say("Public reason"))
        self.to.choices = [(one, communities.decision(one)) for one in proposals.NEXT.get(state, ())]


class WordForm(DeskForm):
    """A comment for the committee, or the words of a proposal that somebody said."""

    text = TextAreaField(
        validators=[InputRequired(NEEDED), Length(max=LONGEST_NOTE, message=TOO_LONG)], render_kw={"rows": "2"}
    )

    def __init__(self, prefix: str, label: str) -> None:
        super().__init__(prefix=prefix)
        self.label(text=label)


class GoalForm(DeskForm):
    """What a group saves for."""

    name = _name()
    target = _francs()

    def __init__(self) -> None:
        super().__init__(prefix="goal")
        self.label(name=say("What the group saves for"), target=say("Target, in francs"))


class TakeBackForm(DeskForm):
    """A payment that was wrong."""

    amount = _francs()

    def __init__(self) -> None:
        super().__init__(prefix="back")
        self.label(amount=say("Take back, in francs"))


class DayForm(DeskForm):
    """A day of an activity."""

    day = DateField(validators=[InputRequired(NEEDED)])

    def __init__(self) -> None:
        super().__init__(prefix="day")
        self.label(day=say("Another day"))


class PersonForm(DeskForm):
    """Somebody without a phone."""

    name = _name(60)

    def __init__(self) -> None:
        super().__init__(prefix="person")
        self.label(name=say("Name, for the committee alone"))


class PlacesForm(DeskForm):
    """How many places there are."""

    capacity = IntegerField(
        validators=[InputRequired(PLACES), NumberRange(1, 999, PLACES)], render_kw={"inputmode": "numeric"}
    )

    def __init__(self, **data: Any) -> None:
        super().__init__(prefix="places", **data)
        self.label(capacity=say("Places"))
