"""The outreach in words: late files, check-ins, people we look for, new numbers; and its part of the page of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row

from bot.desk.case_reading import Reading
from bot.desk.forms_outreach import AttemptForm, ConfirmForm, NumberForm
from bot.desk.presenting_folder import shown_case
from bot.desk.services import services
from bot.desk.words import dates, outreach, say, say_many
from bot.desk.words.stages import stage
from bot.outreach import listing, lost
from bot.outreach.listing import Rate
from bot.outreach.numbers import LIMITED_FOR
from bot.referrals import access
from bot.store.models import Case, CheckIn, LateFile, LostContact, NumberChange

Line = Mapping[str, Any]


def late_lines(rows: Sequence[Row[LateFile, Case]], today: date) -> list[Line]:
    """File, stage, how long, what the person heard."""
    return [
        {
            **_file(case),
            "stage": stage(late.stage),
            "days": say_many("%(count)s day", "%(count)s days", (today - late.since).days),
            "told": outreach.told(late.outcome),
        }
        for late, case in rows
    ]


def search_lines(rows: Sequence[Row[LostContact, Case]], today: date) -> list[Line]:
    """File, why, and what is due."""
    return [{**_file(case), "why": outreach.why(one.why), **_next_look(one, today)} for one, case in rows]


def number_lines(rows: Sequence[Row[NumberChange, Case]]) -> list[Line]:
    """File, where the number stands, since when. Never the number."""
    return [
        {
            **_file(case),
            "state": outreach.number_state(change.state),
            "doubted": change.state == "doubted",
            "day": dates.day_of_month(change.at),
        }
        for change, case in rows
    ]


def visit_lines(rows: Sequence[Row[CheckIn, Case]]) -> list[Line]:
    """Files whose person said that something is wrong."""
    return [{**_file(case), "said": _said(one), "day": dates.day_of_month(one.answered_at or one.asked_at)} for one, case in rows]  # fmt: skip


def rate_groups(rates: Mapping[str, list[Rate]]) -> list[tuple[str, list[Line]]]:
    """By week, region, partner: a bar each, with its figures in words."""
    titles = {"week": say("By week"), "region": say("By region"), "partner": say("By partner organisation")}
    return [(titles[name], [_rate(name, one) for one in found]) for name, found in rates.items() if found]


def reaching_part(reading: Reading) -> Mapping[str, Any]:
    """Check-ins, attempts, the search, and the number of a file."""
    asked, tried = listing.of_case(reading.session, reading.file)
    search = listing.search_of(reading.session, reading.file)
    change = listing.change_of(reading.session, reading.file)
    may, opens = access.moves_files(reading.staff), access.opens_files(reading.staff)
    today = dates.local(reading.at).date()
    region = services().settings.default_region
    return {
        "check_ins": [_check_in(one) for one in asked],
        "attempts": [
            {"day": dates.day_of_month(one.at), "way": outreach.way(one.way), "reached": one.reached, "by_machine": one.staff_id is None}
            for one in tried
        ],
        "search": {"why": outreach.why(search.why), **_next_look(search, today)} if search else None,
        "declares": may and search is not None and search.declared_at is None and reading.file.stage not in lost.ENDED,
        "reviews": reading.staff.role == "coordinator" and search is not None and search.declared_at is not None,
        "attempt": reading.form(AttemptForm) if may else None,
        "change": _change(change) if change is not None and opens else None,
        "confirm": reading.form(ConfirmForm) if change is not None and opens else None,
        "number": reading.form(NumberForm, region=region) if opens else None,
    }  # fmt: skip


def _file(case: Case) -> dict[str, Any]:
    return {"id": case.id, "name": case.name, "number": shown_case(case.number), "office": case.office}


def _next_look(search: LostContact, today: date) -> dict[str, Any]:
    if search.review_at is None:
        return {"due": say("to be set to lost contact, or found"), "late": True}
    due = search.review_at <= today
    words = say("the coordinator looks again on %(day)s", day=dates.short_date(search.review_at))
    return {"due": say("the coordinator looks again now") if due else words, "late": due}


def _rate(group: str, rate: Rate) -> Line:
    share = round(100 * rate.answered / rate.asked) if rate.asked else 0
    name = say("Week %(week)s", week=int(rate.name)) if group == "week" else rate.name or say("no partner")
    return {
        "name": name,
        "share": share,
        "words": say("answers: %(answered)s of %(asked)s, %(share)s %%", answered=rate.answered, asked=rate.asked, share=share),
        "problems": say_many("%(count)s problem", "%(count)s problems", rate.problems) if rate.problems else "",
    }  # fmt: skip


def _check_in(one: CheckIn) -> Line:
    state = {"asked": say("waits for an answer"), "silent": say("no answer"), "answered": _said(one)}[one.state]
    return {"week": one.week, "day": dates.short_date(one.due_on), "said": state, "told": outreach.told(one.pushed)}


def _said(one: CheckIn) -> str:
    """`the activity stands still, another problem, a visit is welcome`."""
    parts = []
    if one.running is not None:
        parts.append(say("the activity goes on") if one.running else say("the activity stands still"))
    if one.problem is not None:
        parts.append(outreach.problem(one.problem))
    if one.visit is not None:
        parts.append(say("a visit is welcome") if one.visit else say("no visit wished"))
    return ", ".join(parts)


def _change(change: NumberChange) -> Line:
    counts = say("counts from %(day)s on", day=dates.day_of_month(change.at + LIMITED_FOR))
    return {
        "id": change.id,
        "contact_id": change.contact_id,
        "state": outreach.number_state(change.state),
        "counts": counts if change.state == "new" else "",
        "since": dates.day_of_month(change.at),
    }
