"""The forms of the steps on one referral."""

from __future__ import annotations

from typing import Any

from wtforms import DateField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from bot.desk.forms import CHOOSE, LONGEST_REASON, NEEDED, REASON_LENGTH, TOO_LONG, DeskForm
from bot.desk.services import services
from bot.desk.words import codes, mark, say, steps
from bot.referrals import consents
from bot.text.phones import mobile

LONGEST_ANSWER = 80
WRONG_NUMBER = mark("This is not a mobile number.")

ONLY_SPOKEN = mark("Only after a call in which you spoke with the person.")


def _first(choices: steps.Choices) -> steps.Choices:
    return [("", say("choose…")), *choices]


class RefuseForm(DeskForm):
    """Why I cannot."""

    reason = RadioField(validators=[InputRequired(CHOOSE)])

    def __init__(self) -> None:
        super().__init__(prefix="refuse")
        self.label(reason=say("Why?"))
        self.reason.choices = steps.refusals()


class HandOverForm(DeskForm):
    """Which queue, and why."""

    queue = SelectField(validators=[InputRequired(CHOOSE)])
    reason = SelectField(validators=[InputRequired(CHOOSE)])

    def __init__(self, queues: list[str]) -> None:
        super().__init__(prefix="hand")
        self.label(queue=say("To which queue"), reason=say("Why"))
        self.queue.choices = _first([(code, codes.queue(code)) for code in queues])
        self.reason.choices = _first(steps.handing_reasons())


class TakeOverForm(DeskForm):
    """Why a colleague's."""

    reason = SelectField(validators=[InputRequired(CHOOSE)])

    def __init__(self) -> None:
        super().__init__(prefix="over")
        self.label(reason=say("Why"))
        self.reason.choices = _first(steps.taking_reasons())


class LevelForm(DeskForm):
    """The new level, and why."""

    level = SelectField(validators=[InputRequired(CHOOSE)])
    reason = SelectField(validators=[InputRequired(CHOOSE)])

    def __init__(self, others: list[str]) -> None:
        super().__init__(prefix="level")
        self.label(level=say("New level"), reason=say("Why"))
        self.level.choices = _first([(code, codes.level(code)) for code in others])
        self.reason.choices = {"": [("", say("choose…"))], **steps.level_reasons()}


class ReopenForm(DeskForm):
    """Why again."""

    reason = SelectField(validators=[InputRequired(CHOOSE)])

    def __init__(self) -> None:
        super().__init__(prefix="reopen")
        self.label(reason=say("Why"))
        self.reason.choices = _first(steps.reopening_reasons())


class TermsForm(DeskForm):
    """What the person says about being called: asked anew each time, so nothing is chosen beforehand."""

    may_call = RadioField(validators=[Optional()])
    window = SelectField(validators=[Optional()])
    number = StringField(
        validators=[Optional(), Length(max=30, message=TOO_LONG)], render_kw={"inputmode": "tel", "autocomplete": "off"}
    )
    who_answers = StringField(
        validators=[Length(max=LONGEST_ANSWER, message=TOO_LONG)], render_kw={"autocomplete": "off"}
    )
    cover_phrase = StringField(
        validators=[Length(max=LONGEST_ANSWER, message=TOO_LONG)], render_kw={"autocomplete": "off"}
    )
    text = RadioField(validators=[Optional()])
    how = SelectField(validators=[Optional()])

    def __init__(self) -> None:
        super().__init__(prefix="terms")
        self.label(
            may_call=say("May we call again?"), window=say("When"), number=say("Another number"),
            who_answers=say("Who answers this phone"), cover_phrase=say("What to say if another person answers"),
            text=say("May we also write?"), how=say("How they told us"),
        )  # fmt: skip
        self.may_call.choices = [("yes", say("Yes")), ("no", say("No"))]
        self.text.choices = [("no", say("No")), ("yes", say("Yes"))]
        self.window.choices = steps.windows()
        self.how.choices = steps.how()

    def validate_number(self, field: Any) -> None:
        """A number of the country without its prefix, or any with it."""
        if field.data and self.e164 is None:
            raise ValidationError(WRONG_NUMBER)

    @property
    def e164(self) -> str | None:
        """The other number; "" for none, None for what is no mobile number."""
        typed = (self.number.data or "").strip()
        return mobile(typed, region=services().settings.default_region) if typed else ""


class FlagForm(DeskForm):
    """What, until when."""

    word = SelectField(validators=[InputRequired(CHOOSE)])
    until = DateField(validators=[InputRequired(NEEDED)])

    def __init__(self) -> None:
        super().__init__(prefix="flag")
        self.label(word=say("Remind of"), until=say("On"))
        self.word.choices = _first(steps.flag_words())


class PassingForm(DeskForm):
    """To whom, for what."""

    receiver = SelectField(validators=[InputRequired(CHOOSE)])
    purpose = SelectField(validators=[InputRequired(CHOOSE)])

    def __init__(self, prefix: str, hint: str = "", spoken: str = "") -> None:
        super().__init__(prefix=prefix, data={"receiver": hint, "language": spoken})
        self.label(receiver=say("To whom"), purpose=say("For what"))
        self.receiver.choices = _first(steps.receivers())
        self.purpose.choices = _first(steps.purposes())


class ConsentForm(PassingForm):
    """And the answer, once the sentence was read out."""

    answer = RadioField(validators=[InputRequired(CHOOSE)])
    language = SelectField(validators=[InputRequired(CHOOSE)])
    channel = SelectField(validators=[InputRequired(CHOOSE)])

    def __init__(self, hint: str = "", spoken: str = "") -> None:
        super().__init__("consent", hint, spoken)
        self.label(answer=say("The person says"), language=say("Asked in"), channel=say("How they told us"))
        self.answer.choices = [("yes", say("Yes")), ("no", say("No"))]
        self.language.choices = _first([(code, codes.spoken(code)) for code in consents.LANGUAGES])
        self.channel.choices = steps.how()


class WithoutForm(PassingForm):
    """And the right that allows it, with a reason."""

    right = SelectField(validators=[InputRequired(CHOOSE)])
    reason = StringField(
        validators=[InputRequired(NEEDED), Length(min=3, max=LONGEST_REASON, message=REASON_LENGTH)],
        render_kw={"autocomplete": "off"},
    )

    def __init__(self, hint: str = "") -> None:
        super().__init__("without", hint)
        self.label(right=say("By which right"), reason=say("Reason"))
        self.right.choices = _first(steps.rights())
