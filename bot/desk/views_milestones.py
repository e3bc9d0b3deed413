"""Milestones: how many files were finalised, where, with whom, and how long each stage takes."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, select, true

from bot.cases import milestones
from bot.cases.milestones import Filters
from bot.desk import presenting_milestones as presenting
from bot.desk.blueprint import blueprint
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import dates
from bot.referrals import access
from bot.store.models import Case, Staff, StageTime


@blueprint.get("/milestones", endpoint="milestones")
def all_milestones() -> ResponseReturnValue:
    """By year and office; each reader counts the files of their own offices."""
    staff, today = reader(), dates.local(now()).date()
    seen = access.visible_files(staff)
    with services().database.transaction() as session:
        years = milestones.years(session, seen)
        query = select(Case.office).where(Case.office != "", seen).distinct().order_by(Case.office)
        offices = list(session.scalars(query))
        filters = _filters(years, offices)
        total = milestones.total(session, seen)
        months = presenting.months(milestones.by_month(session, seen, filters), today, filters.year)
        regions = milestones.by_region(session, seen, filters)
        partners = milestones.by_partner(session, seen, filters)
        stays = milestones.stays(session, _own(staff), filters)
    return render_template(
        "desk/milestones.html", here="desk.milestones", way=presenting.way(total), total=total, years=years,
        offices=offices, filters=filters, bars=presenting.bars(months), months=presenting.named_months(months),
        regions=presenting.regions(regions), partners=presenting.partners(partners), stays=presenting.lengths(stays),
        chosen=sum(count for _, count in regions),
    )  # fmt: skip


def _filters(years: list[int], offices: list[str]) -> Filters:
    """What was asked for, as far as there is such a thing."""
    year, office = request.args.get("year", ""), request.args.get("office", "")
    return Filters(int(year) if year in map(str, years) else None, office if office in offices else "")


def _own(staff: Staff) -> ColumnElement[bool]:
    """The stays of this person's offices."""
    return StageTime.office.in_(staff.offices) if staff.offices else true()
