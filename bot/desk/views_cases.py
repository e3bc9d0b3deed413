"""The list of files, and the partners with theirs."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from bot.cases import listing, stages
from bot.cases.listing import Filter, Ranges
from bot.desk import presenting_folder, presenting_process
from bot.desk.blueprint import blueprint
from bot.desk.case_reading import ranges
from bot.desk.services import services
from bot.desk.sign_in import reader
from bot.desk.words import dates
from bot.desk.words.process import stages_of
from bot.desk.words.stages import stage
from bot.referrals import access
from bot.store.models import Case

A_PAGE = 50
LONGEST = 100


@blueprint.get("/cases")
def cases() -> ResponseReturnValue:
    """Files of this reader by stage, office, partner; late ones first where they are asked for."""
    staff, wished, start, known = reader(), _wished(), _start(), ranges()
    with services().database.transaction() as session:
        found, count = listing.page(session, staff, wished, known, start=start, most=A_PAGE)
        offices, partners = listing.choices(session, staff)
        lines = [_line(one, known) for one in found]
    return render_template(
        "desk/cases.html", lines=lines, count=min(count, listing.MOST_COUNTED), more=count > listing.MOST_COUNTED, wished=wished, asked=_asked(wished), start=start, step=A_PAGE,
        stages=stages_of(stages.STAGES), offices=offices, partners=partners, moves=access.moves_files(staff),
        here="desk.cases",
    )  # fmt: skip


@blueprint.get("/partners")
def partners() -> ResponseReturnValue:
    """Who accompanies how many; a partner sees its own line."""
    with services().database.transaction() as session:
        rows = listing.partners(session, reader(), ranges())
    return render_template("desk/partners.html", rows=rows, here="desk.partners")


def _line(file: Case, known: Ranges) -> dict[str, object]:
    return {
        "id": file.id,
        "number": presenting_folder.shown_case(file.number),
        "name": file.name,
        "stage": stage(file.stage),
        "since": dates.short_date(file.stage_since),
        "late": presenting_process.late(file, known),
        "stale": presenting_process.stale(file, known.today),
        "office": file.office,
        "partner": file.partner,
    }


def _wished() -> Filter:
    def given(name: str) -> str:
        return request.args.get(name, "")[:LONGEST].replace("\x00", "")

    return Filter(
        stage=given("stage"), office=given("office"), partner=given("partner"), late=given("late") == "1",
        mine=given("mine") == "1", proposed=given("proposed") == "1",
    )  # fmt: skip


def _asked(wished: Filter) -> dict[str, str]:
    """The filter as it stands in an address."""
    given = {"stage": wished.stage, "office": wished.office, "partner": wished.partner}
    flags = {"late": wished.late, "mine": wished.mine, "proposed": wished.proposed}
    return {name: text for name, text in given.items() if text} | {name: "1" for name, on in flags.items() if on}


def _start() -> int:
    wished = request.args.get("from", "0")
    return int(wished) if wished.isascii() and wished.isdigit() and len(wished) < 7 else 0
