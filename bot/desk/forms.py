"""The forms of the desk. Labels are asked for per request, in the reader's language."""

from __future__ import annotations

import secrets
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    DateField,
    Field,
    HiddenField,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput

from bot.desk.words import codes, mark, roles, say, writing
from bot.referrals import access
from bot.referrals.staffing import SHORTEST_PASSWORD

LONGEST_NOTE = 2000
LONGEST_REPLY = 480  # letters: three SMS
LONGEST_REASON = 200
NEEDED = mark("Fill in this field.")
CHOOSE = mark("Choose one.")
EITHER = mark("Choose a sentence or write your own words, not both.")
TOO_LONG = mark("Too long.")
NOT_POSSIBLE = mark("Not possible here: choose or write it again.")
REASON_LENGTH = mark("At least 3 letters, at most 200.")
PASSWORD_LENGTH = mark("At least 10 characters.")


def _storable(text: str | None) -> str | None:
    """PostgreSQL takes no NUL in a text; nobody types one."""
    return text.replace("\x00", "") if text else text


class _OurWords:
    """What WTForms would say in English of its own, in our words: translations as its fields ask for them."""

    def gettext(self, _told: str) -> str:
        """For every fault that a field finds by itself."""
        return NOT_POSSIBLE

    def ngettext(self, _one: str, _many: str, _count: int) -> str:
        """As `gettext`; ours speaks of no number."""
        return NOT_POSSIBLE


class DeskForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """A form whose labels and messages are words of the catalogue."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """Every text field goes through `_storable`."""

        def bind_field(self, form: object, unbound_field: Any, options: dict[str, Any]) -> Any:
            """As WTForms binds it, with our filter."""
            if issubclass(unbound_field.field_class, StringField):
                options["filters"] = [_storable, *unbound_field.kwargs.get("filters", ())]
            return super().bind_field(form, unbound_field, options)

        def get_translations(self, form: object) -> _OurWords:
            """Faults without a message of ours."""
            return _OurWords()

    def label(self, **labels: str) -> None:
        """Give fields their labels in the language of this request."""
        for name, text in labels.items():
            field: Field = self[name]
            field.label.text = text


class SignInForm(DeskForm):
    """Login and password."""

    login = StringField(validators=[InputRequired(NEEDED), Length(max=80)], render_kw={"autocomplete": "username"})
    password = PasswordField(
        validators=[InputRequired(NEEDED), Length(max=200)], render_kw={"autocomplete": "current-password"}
    )

    def __init__(self) -> None:
        super().__init__()
        self.label(login=say("Login"), password=say("Password"))


class FactorForm(DeskForm):
    """Six digits of the authenticator app, or a recovery code."""

    code = StringField(
        validators=[InputRequired(NEEDED), Length(max=20)],
        render_kw={"autocomplete": "one-time-code", "inputmode": "text", "maxlength": "20", "autocapitalize": "off"},
    )

    def __init__(self) -> None:
        super().__init__()
        self.label(code=say("Code of the app, 6 digits"))


class StartForm(DeskForm):
    """The first sign-in, or a new password: with the start code that the administrator gave."""

    login = StringField(validators=[InputRequired(NEEDED), Length(max=80)], render_kw={"autocomplete": "username"})
    start = StringField(
        validators=[InputRequired(NEEDED), Length(max=40)], render_kw={"autocomplete": "off", "autocapitalize": "off"}
    )
    password = PasswordField(
        validators=[InputRequired(NEEDED), Length(min=SHORTEST_PASSWORD, max=200, message=PASSWORD_LENGTH)],
        render_kw={"autocomplete": "new-password"},
    )

    def __init__(self) -> None:
        super().__init__()
        self.label(login=say("Login"), start=say("Start code"), password=say("New password"))


class PersonForm(DeskForm):
    """Somebody of the staff: who, what they serve, where."""

    login = StringField(validators=[InputRequired(NEEDED), Length(max=40)], render_kw={"autocomplete": "off"})
    name = StringField(validators=[InputRequired(NEEDED), Length(max=80)], render_kw={"autocomplete": "off"})
    role = SelectField(validators=[InputRequired(CHOOSE)])
    phone = StringField(validators=[Length(max=30)], render_kw={"autocomplete": "off", "inputmode": "tel"})
    offices = StringField(validators=[Length(max=200)], render_kw={"autocomplete": "off"})
    queues = SelectMultipleField(option_widget=CheckboxInput())
    partner = StringField(validators=[Length(max=80)], render_kw={"autocomplete": "off"})
    language = SelectField(validators=[InputRequired(CHOOSE)])

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.label(
            login=say("Login"), name=say("Name"), role=say("Role"), phone=say("Mobile number for alerts"),
            offices=say("Offices, by comma"), queues=say("Queues"), partner=say("Partner organisation"),
            language=say("Language"),
        )  # fmt: skip
        self.role.choices = [("", say("choose…")), *((code, roles.role(code)) for code in access.ROLES)]
        self.language.choices = [("fr", "Français"), ("en", "English"), ("ha", "Hausa")]
        self.queues.choices = [(code, codes.queue(code)) for code in access.QUEUES]


class RecordsForm(DeskForm):
    """Which records of reading and acting are wanted."""

    class Meta(DeskForm.Meta):
        """A search changes nothing and carries no token in its address."""

        csrf = False

    who = SelectField()
    what = SelectField()
    ticket = StringField(render_kw={"inputmode": "numeric", "autocomplete": "off", "maxlength": "12"})
    since = DateField(validators=[Optional()])
    until = DateField(validators=[Optional()])

    def __init__(self, people: list[tuple[str, str]], kinds: list[tuple[str, str]], data: Any) -> None:
        super().__init__(data)
        self.label(
            who=say("Who"), what=say("What"), ticket=say("Number of the request"), since=say("From"), until=say("To")
        )
        self.who.choices = [("", say("all")), *people]
        self.what.choices = [("", say("all")), *kinds]


class CallForm(DeskForm):
    """What came of a call, and a note."""

    result = RadioField(validators=[InputRequired(CHOOSE)])
    note = TextAreaField(
        validators=[Length(max=LONGEST_NOTE, message=TOO_LONG)], render_kw={"rows": "2", "maxlength": str(LONGEST_NOTE)}
    )

    def __init__(self) -> None:
        super().__init__(prefix="call")
        self.label(result=say("Result of the call"), note=say("Note for the team of this queue"))
        self.result.choices = codes.call_results()


class NoteForm(DeskForm):
    """A note without a call."""

    note = TextAreaField(
        validators=[InputRequired(NEEDED), Length(max=LONGEST_NOTE, message=TOO_LONG)],
        render_kw={"rows": "3", "maxlength": str(LONGEST_NOTE)},
    )

    def __init__(self) -> None:
        super().__init__(prefix="note")
        self.label(note=say("Note for the team of this queue"))


class CodeForm(DeskForm):
    """The code of the need, which only staff set for what comes by private talk or by text."""

    code = SelectField(validators=[InputRequired(CHOOSE)])

    def __init__(self, allowed: list[str], current: str | None) -> None:
        super().__init__(prefix="code", data={"code": current or ""})
        self.label(code=say("Code of the need"))
        self.code.choices = [("", say("choose…"))] + [(code, codes.need(code)) for code in allowed]


class CloseForm(DeskForm):
    """How it ended, and whether the person is asked if it is solved; `untold` "" asks."""

    outcome = SelectField(validators=[InputRequired(CHOOSE)])
    untold = SelectField(default="")

    def __init__(self) -> None:
        super().__init__(prefix="close")
        self.label(outcome=say("Outcome"), untold=say("To the person"))
        self.outcome.choices = [("", say("choose…")), *codes.outcomes()]
        self.untold.choices = [("", say("ask whether it is solved")), *writing.untold()]


class ReplyForm(DeskForm):
    """What is written to the person: a reviewed sentence, or words of one's own. `once` makes sending twice one."""

    sentence = SelectField(default="")
    text = TextAreaField(
        validators=[Length(max=LONGEST_REPLY, message=TOO_LONG)],
        render_kw={"rows": "2", "maxlength": str(LONGEST_REPLY)},
    )
    once = HiddenField(validators=[Length(max=40)])

    def __init__(self, sentences: list[tuple[str, str]]) -> None:
        super().__init__(prefix="reply")
        self.label(sentence=say("A reviewed sentence"), text=say("Or your own words"))
        self.sentence.choices = [("", say("choose…")), *sentences]
        self.once.data = self.once.data or secrets.token_urlsafe(12)

    def validate(self, extra_validators: Any = None) -> bool:
        """One of the two, never both."""
        whole = bool(super().validate(extra_validators))
        chosen, typed = bool(self.sentence.data), bool((self.text.data or "").strip())
        if whole and chosen == typed:
            self.text.errors = [EITHER]
        return whole and chosen != typed


class ReasonForm(DeskForm):
    """Why a protected text or number is read; kept with who and when."""

    reason = StringField(
        validators=[InputRequired(NEEDED), Length(min=3, max=LONGEST_REASON, message=REASON_LENGTH)],
        render_kw={"autocomplete": "off"},
    )

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix=prefix)
        self.label(reason=say("Reason"))
