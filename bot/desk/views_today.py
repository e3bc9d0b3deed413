"""Today: what this person has to do now, later, and what must be left alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import not_, select
from sqlalchemy.orm import Session

from bot.desk import presenting, presenting_rota, presenting_steps, reading
from bot.desk.blueprint import blueprint
from bot.desk.presenting import Due, Row, Unanswered
from bot.desk.reading import Entry
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import dates, say, say_many, steps
from bot.referrals import access, chains, gaps, letters, rota
from bot.referrals.rota import Plan
from bot.store.models import Duty, Staff

REFRESH_SECONDS = 60
MOST_CARDS, MOST_ROWS = 10, 18  # what keeps the page under 100 kB; the rest stands under Queues
SORTED = 100  # whose safe hours are looked at: one's own first, then the most urgent, then the oldest


@dataclass(slots=True)
class Day:
    """The four lists of the page."""

    unanswered: list[tuple[Unanswered, Due | None]] = field(default_factory=list)
    call_now: list[Row] = field(default_factory=list)
    later: list[Row] = field(default_factory=list)
    leave: list[Row] = field(default_factory=list)
    unanswered_count: int = 0
    until: datetime | None = None
    next_safe: datetime | None = None


@blueprint.get("/")
def today() -> ResponseReturnValue:
    """What is accepted by this person, and what nobody has accepted; a colleague's work stands under Queues."""
    staff, at = reader(), now()
    with services().database.transaction() as session:
        mine, opened = reading.mine_count(session, staff), reading.open_count(session, staff)
        day = _day(session, staff, at)
        duty = _duty(session, staff, at)
        reminders = presenting_steps.due(session, staff, at)
    shown = len(day.unanswered) + len(day.call_now) + len(day.later) + len(day.leave)
    return render_template(
        "desk/today.html", day=day, duty=duty, here="desk.today", refresh=REFRESH_SECONDS, hidden=max(0, mine - shown),
        tab_counts={"today": mine, "queues": opened}, first_words=_empty_words(day, at),
        reminders=reminders, refusals=steps.refusals(),
    )  # fmt: skip


def _day(session: Session, staff: Staff, at: datetime) -> Day:
    day = _sort(session, staff, at)
    roster: chains.Roster = {}  # of the queues and offices of all cards
    day.unanswered_count = reading.open_count(session, staff, reading.UNANSWERED)
    for entry in reading.open_entries(session, staff, reading.UNANSWERED, most=MOST_CARDS):
        made, _ = presenting.row(entry, staff, at, holders={})
        card = presenting.unanswered(entry, made, at, following=_following(session, entry, at, roster))
        day.unanswered.append((card, presenting.time_left(entry, at)))
    return day


def _sort(session: Session, staff: Staff, at: datetime) -> Day:
    day = Day()
    later: list[tuple[datetime, Row]] = []
    rest = (reading.mine(staff), not_(reading.UNANSWERED))
    for entry in reading.open_entries(session, staff, *rest, most=SORTED, own_first=True):
        made, safe = presenting.row(entry, staff, at, holders={})
        if safe.tone == "ok":
            day.call_now.append(made)
            day.until = min(filter(None, (day.until, safe.until)), default=None)
        elif safe.tone == "wait" and safe.next_call is not None:
            later.append((safe.next_call, made))
        else:
            day.leave.append(made)
    later.sort(key=lambda pair: pair[0])
    day.later = [made for _, made in later]
    day.next_safe = later[0][0] if later else None
    for rows in (day.call_now, day.later, day.leave):
        del rows[MOST_ROWS:]
    return day


def _following(session: Session, entry: Entry, at: datetime, roster: chains.Roster) -> str:
    """The name of the next rung; after the last one, of the first again."""
    rungs = chains.chain(session, entry.referral, at=at, settings=services().settings, roster=roster)
    left = (chains.untold(session, rungs, entry.ladder) if entry.ladder else rungs) or rungs
    if not left:
        return ""
    rung = left[0]
    return rung.staff.name if rung.staff is not None else say("the hotline outside the office")


def _duty(session: Session, staff: Staff, at: datetime) -> str:
    """`De garde, file B, jusqu'à 20:00` by the rota; without one, where this person stands in a duty list."""
    plan = Plan.read(session, at - rota.LONGEST_SHIFT, at + gaps.AHEAD, zone=ZoneInfo(services().settings.timezone))
    planned = presenting_rota.own_shift(plan, staff.id, access.reads_rota(staff), at)
    if planned:
        return planned
    queues = session.scalars(select(Duty.queue).where(Duty.staff_id == staff.id)).all()
    names = sorted({letters.letter(services().settings, queue) for queue in queues})
    if not names:
        return ""
    return say("On duty, queue %(letters)s", letters=", ".join(names))


def _empty_words(day: Day, at: datetime) -> str:
    """The sentence of an empty "call now", with a way on."""
    if day.next_safe is None:
        return say("Nothing to call now.")
    when = dates.day_and_hour(day.next_safe, at)
    requests = say_many("%(count)s request", "%(count)s requests", len(day.later))
    return say("Nothing to call now. Next safe hour: %(when)s, %(requests)s.", when=when, requests=requests)
