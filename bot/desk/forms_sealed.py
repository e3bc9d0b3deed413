"""Forms of the sealed queue: a passphrase, and why a request is opened."""

from __future__ import annotations

from wtforms import PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

from bot.desk.forms import LONGEST_REASON, NEEDED, REASON_LENGTH, DeskForm
from bot.desk.words import mark, say
from bot.referrals.reader_keys import SHORTEST_PASSPHRASE

LONG_ENOUGH = Length(min=SHORTEST_PASSPHRASE, max=200, message=mark("At least 16 characters: several words."))
SAME = mark("The two are not the same.")
_NEW = {"autocomplete": "new-password"}
_KNOWN = {"autocomplete": "off"}


class NewKeyForm(DeskForm):
    """A passphrase for a new key, twice."""

    passphrase = PasswordField(validators=[InputRequired(NEEDED), LONG_ENOUGH], render_kw=_NEW)
    again = PasswordField(validators=[InputRequired(NEEDED), EqualTo("passphrase", SAME)], render_kw=_NEW)

    def __init__(self) -> None:
        super().__init__(prefix="new")
        self.label(passphrase=say("Passphrase, several words"), again=say("The same once more"))


class ChangeForm(DeskForm):
    """Another passphrase for the same key."""

    old = PasswordField(validators=[InputRequired(NEEDED), Length(max=200)], render_kw=_KNOWN)
    passphrase = PasswordField(validators=[InputRequired(NEEDED), LONG_ENOUGH], render_kw=_NEW)
    again = PasswordField(validators=[InputRequired(NEEDED), EqualTo("passphrase", SAME)], render_kw=_NEW)

    def __init__(self) -> None:
        super().__init__(prefix="change")
        self.label(
            old=say("Passphrase of today"), passphrase=say("New passphrase, several words"),
            again=say("The same once more"),
        )  # fmt: skip


class UnlockForm(DeskForm):
    """The passphrase of one's own key."""

    passphrase = PasswordField(validators=[InputRequired(NEEDED), Length(max=200)], render_kw=_KNOWN)

    def __init__(self) -> None:
        super().__init__(prefix="unlock")
        self.label(passphrase=say("Passphrase"))


class OpenForm(UnlockForm):
    """Why a sealed request is opened; and the passphrase, where the key is not unlocked here."""

    reason = StringField(
        validators=[InputRequired(NEEDED), Length(min=3, max=LONGEST_REASON, message=REASON_LENGTH)],
        render_kw={"autocomplete": "off"},
    )

    def __init__(self, *, asks_passphrase: bool) -> None:
        super().__init__()
        self.label(reason=say("Reason"))
        if not asks_passphrase:
            del self.passphrase
