"""Find a request or a file by what a person says on the phone. It travels in the body, never in an address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from bot.desk import reading, reading_people
from bot.desk.blueprint import blueprint
from bot.desk.forms_people import FindForm
from bot.desk.reading_people import MOST_FOUND, SHORTEST_NAME
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words.stages import stage
from bot.referrals import access
from bot.store.models import Audit
from bot.text.cases import CASE, TICKET


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed, taken apart; "" for what it is not."""

    kind: Literal["", "ticket", "number", "name"] = ""
    ticket: str = ""
    number: str = ""
    name: str = ""


@blueprint.route("/find", methods=["GET", "POST"])
def find() -> ResponseReturnValue:
    """Unknown, forbidden and malformed meet the same sentence after the same two queries (safety 19)."""
    form, staff = FindForm(), reader()
    asked = form.is_submitted()
    wanted = _read(form.wanted.data or "") if asked and form.validate() else Wanted()
    with services().database.transaction() as session:
        found = reading.find(session, staff, wanted.ticket) if asked else None
        files = reading_people.find_files(session, staff, number=wanted.number, name=wanted.name) if asked else []
        if wanted.name:
            session.add(
                Audit(
                    staff_id=staff.id, at=now(), action="files_searched", subject=f"staff:{staff.id}",
                    detail={"found": min(len(files), MOST_FOUND)},
                )
            )  # fmt: skip
        counts = {"today": reading.mine_count(session, staff), "queues": reading.open_count(session, staff)}
    if found is not None:
        return redirect(url_for("desk.referral", referral_id=found))
    if files and wanted.number:
        return redirect(url_for("desk.case", case_id=files[0].id))
    return render_template(
        "desk/find.html", form=form, asked=asked, wanted=wanted, files=files[:MOST_FOUND],
        more=len(files) > MOST_FOUND, names=access.sees_files(staff), stage=stage, here="desk.find", tab_counts=counts,
    )  # fmt: skip


def _read(typed: str) -> Wanted:
    digits = "".join(one for one in typed if one in "0123456789")
    letters = [one for one in typed if one.isalpha()]
    if digits and len(letters) <= 1:  # people say N482-719-368
        kinds: dict[int, Wanted] = {TICKET: Wanted("ticket", ticket=digits), CASE: Wanted("number", number=digits)}
        return kinds.get(len(digits), Wanted())
    return Wanted("name", name=typed.strip()) if len(letters) >= SHORTEST_NAME else Wanted()
