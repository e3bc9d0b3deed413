"""Milestones: how many files were finalised, where, with whom, and how long each stage takes."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, true

from bot.cases import milestones
from bot.cases.milestones import Filters, Finalised
from bot.desk import presenting_milestones as presenting
from bot.desk.blueprint import blueprint
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import dates
from bot.referrals import access
from bot.store.models import Staff, StageTime


@blueprint.get("/milestones", endpoint="milestones")
def all_milestones() -> ResponseReturnValue:
    """By year and office; each reader counts the files of their own offices."""
    staff, today = reader(), dates.local(now()).date()
    seen = access.visible_files(staff)
    with services().database.transaction() as session:
        found = milestones.finalised(session, seen)
        filters = _filters(found)
        stays = milestones.stays(session, _own(staff), filters)
    chosen = milestones.chosen(found, filters)
    months = presenting.months(milestones.by_month(chosen), today, filters.year)
    return render_template(
        "desk/milestones.html", here="desk.milestones", way=presenting.way(milestones.total(found)), total=len(found),
        years=sorted({one.month.year for one in found}, reverse=True), offices=sorted({one.office for one in found}),
        filters=filters, bars=presenting.bars(months), months=presenting.named_months(months),
        regions=presenting.regions(milestones.by_region(chosen)), stays=presenting.lengths(stays),
        partners=presenting.partners(milestones.by_partner(chosen)), chosen=len(chosen),
    )  # fmt: skip


def _filters(found: list[Finalised]) -> Filters:
    """What was asked for, as far as there is such a thing."""
    year, office = request.args.get("year", ""), request.args.get("office", "")
    years, offices = {str(one.month.year) for one in found}, {one.office for one in found}
    return Filters(int(year) if year in years else None, office if office in offices else "")


def _own(staff: Staff) -> ColumnElement[bool]:
    """The stays of this person's offices."""
    return StageTime.office.in_(staff.offices) if staff.offices else true()
