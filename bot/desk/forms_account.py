"""Forms of one's own account: where alerts go."""

from __future__ import annotations

from wtforms import SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput

from bot.desk.forms import NEEDED, TOO_LONG, DeskForm
from bot.desk.words import codes, mark, say
from bot.messages import Channel
from bot.referrals.reaching import LONGEST

AT_LEAST_ONE = mark("Choose at least one.")


class AlertsForm(DeskForm):
    """The channels; all that are chosen are used."""

    channels = SelectMultipleField(option_widget=CheckboxInput(), validators=[InputRequired(AT_LEAST_ONE)])

    def __init__(self, offered: list[Channel], chosen: list[str]) -> None:
        super().__init__(prefix="alerts", data={"channels": chosen})
        self.label(channels=say("Alerts by"))
        self.channels.choices = [(one.value, codes.channel(one.value)) for one in offered]


class AddressForm(DeskForm):
    """An e-mail address, to be proven."""

    address = StringField(
        validators=[InputRequired(NEEDED), Length(max=LONGEST, message=TOO_LONG)],
        render_kw={"autocomplete": "email", "inputmode": "email", "autocapitalize": "off"},
    )

    def __init__(self) -> None:
        super().__init__(prefix="address")
        self.label(address=say("E-mail address for alerts"))


class AddressCodeForm(DeskForm):
    """What was sent there."""

    code = StringField(
        validators=[InputRequired(NEEDED), Length(max=12)],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )

    def __init__(self) -> None:
        super().__init__(prefix="proof")
        self.label(code=say("Code sent to the address, 6 digits"))
