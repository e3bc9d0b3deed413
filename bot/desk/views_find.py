"""Find a referral by the number that a person read out. The number travels in the body, never in an address."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from bot.desk import reading
from bot.desk.blueprint import blueprint
from bot.desk.forms import FindForm
from bot.desk.services import services
from bot.desk.sign_in import reader


@blueprint.route("/find", methods=["GET", "POST"])
def find() -> ResponseReturnValue:
    """Unknown, forbidden and malformed numbers meet the same sentence after the same query (safety 19)."""
    form, staff = FindForm(), reader()
    asked = form.is_submitted()
    number = form.number if asked and form.validate() else ""
    with services().database.transaction() as session:
        found = reading.find(session, staff, number) if asked else None
        counts = {"today": reading.mine_count(session, staff), "queues": reading.open_count(session, staff)}
    if found is not None:
        return redirect(url_for("desk.referral", referral_id=found))
    return render_template("desk/find.html", form=form, missed=asked, here="desk.find", tab_counts=counts)
