"""Where alerts reach somebody: chosen on their own account page, an e-mail address proven by a code."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from bot.desk.blueprint import blueprint
from bot.desk.forms_account import AT_LEAST_ONE, AddressCodeForm, AddressForm, AlertsForm
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import say
from bot.errors import ReferralError
from bot.referrals import reaching
from bot.store.models import Staff


@blueprint.post("/account/alerts")
def choose_alerts() -> ResponseReturnValue:
    """All channels that are chosen are used."""
    form = forms()["alerts"]
    told = say(AT_LEAST_ONE)
    if form.validate():
        try:
            with services().database.transaction() as session:
                staff = session.get_one(Staff, reader().id, with_for_update=True)
                reaching.choose(session, staff, form.channels.data, settings=services().settings)
            told = say("Saved.")
        except ReferralError:
            told = say(AT_LEAST_ONE)
    return _back(told)


@blueprint.post("/account/email")
def give_email() -> ResponseReturnValue:
    """A code leaves for the address; alerts go there once it came back."""
    form = AddressForm()
    told = say("This is no e-mail address.")
    if form.validate():
        try:
            with services().database.transaction() as session:
                staff = session.get_one(Staff, reader().id, with_for_update=True)
                reaching.send_code(
                    session, staff, form.address.data, now(), ciphers=services().ciphers, settings=services().settings
                )
            services().wake("send_messages")
            told = say("A code is on its way to that address. It holds for 15 minutes.")
        except ReferralError as error:
            if str(error) == "soon":
                told = say("A code is on its way to that address. It holds for 15 minutes.")
    return _back(told)


@blueprint.post("/account/email/proof")
def prove_email() -> ResponseReturnValue:
    """The code came back."""
    form = AddressCodeForm()
    with services().database.transaction() as session:
        staff = session.get_one(Staff, reader().id, with_for_update=True)
        proven = form.validate() and reaching.prove(session, staff, form.code.data, now(), ciphers=services().ciphers)
    right = say("The address is proven. Choose e-mail above to be told there.")
    return _back(right if proven else say("Wrong or too old. Ask for another code."))


def forms() -> dict[str, Any]:
    """What the account page shows: the channels there are, and the address where e-mail is one of them."""
    offered = reaching.offered(services().settings)
    return {
        "alerts": AlertsForm(offered, reader().alert_channels),
        "address": AddressForm(),
        "proof": AddressCodeForm(),
    }


def address() -> str:
    """One's own, in the clear; "" where none was given."""
    staff = reader()
    if staff.email_enc is None:
        return ""
    return services().ciphers.decrypt(staff.email_enc, f"staff|{staff.login}|email".encode()).decode()


def _back(told: str) -> ResponseReturnValue:
    flash(told)
    return redirect(url_for("desk.account") + "#alerts", 303)
