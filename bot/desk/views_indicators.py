"""Indicators: how fast people are answered, and how many speak in private. Counts and times alone."""

from __future__ import annotations

from datetime import timedelta

from flask import render_template
from flask.typing import ResponseReturnValue

from bot.desk import presenting_indicators, reading_indicators
from bot.desk.blueprint import blueprint
from bot.desk.reading_indicators import Pace
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import dates
from bot.referrals import access


@blueprint.get("/indicators")
def indicators() -> ResponseReturnValue:
    """The last twelve whole weeks. Without filters: each would be one more sum to reckon a hidden count from."""
    staff, at = reader(), dates.local(now())
    weeks = reading_indicators.weeks(at)
    with services().database.transaction() as session:
        sums, together = reading_indicators.figures(session, staff, at)
        sealed = reading_indicators.sealed_by_month(session, at) if access.counts_sealed(staff) else []
    known = {one.week: one for one in together}
    offices, dated, shown = presenting_indicators.tables(sums, weeks)
    columns, unit = presenting_indicators.columns(weeks, known, shown)
    last = known[weeks[-1]].contacted if weeks[-1] in known else Pace(0, None, None)
    return render_template(
        "desk/indicators.html", here="desk.indicators", offices=offices, dated=dated, columns=columns, unit=unit,
        trend=presenting_indicators.trend(weeks, known), sealed=presenting_indicators.sealed(sealed),
        limit=presenting_indicators.length(presenting_indicators.limit()),
        sentence=presenting_indicators.sentence(weeks[-1], last), first=weeks[0], last=weeks[-1] + timedelta(days=6),
        counts=bool(access.serves(staff) - {"sealed"}) or staff.role == "coordinator",
    )  # fmt: skip
