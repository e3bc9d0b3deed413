"""The calendar of the rota in words: weeks, in each week the queues, in each queue a day a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from babel.dates import format_date

from bot.desk.services import services
from bot.desk.words import dates, language, say
from bot.referrals import gaps, letters
from bot.referrals.clocks import Clocks
from bot.referrals.gaps import Gap
from bot.referrals.rota import Plan, Stretch

WEEKS = 6
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Line:
    """Who, from when to when. `gap`: nobody. `shift`: what an editor opens to take it out; 0 where there is none."""

    hours: str
    who: str
    gap: bool = False
    shift: int = 0


@dataclass(frozen=True, slots=True)
class Day:
    """A row of the calendar."""

    name: str
    holiday: bool
    today: bool
    lines: list[Line]


@dataclass(slots=True)
class Column:
    """One queue in one week; without days nothing is planned, and the duty list serves."""

    name: str
    days: list[Day] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Week:
    """`23 – 29 novembre`, and its queues."""

    name: str
    columns: list[Column]


def first_monday(now: datetime) -> date:
    """Of the week that holds `now`."""
    today = dates.local(now).date()
    return today - timedelta(days=today.weekday())


def weeks(plan: Plan, wanted: list[tuple[str, str]], names: dict[int, str], now: datetime) -> list[Week]:
    """This week and the next five; `wanted`: queues and offices, in order."""
    monday = first_monday(now)
    start, end = dates.begin_of(monday), dates.begin_of(monday + timedelta(weeks=WEEKS))
    planned = {place: gaps.calendar(plan, *place, start, end) for place in wanted}
    found = []
    for number in range(WEEKS):
        begin = monday + timedelta(weeks=number)
        columns = []
        for place in wanted:
            stretches, until = planned[place]
            columns.append(Column(place_name(*place), _days(plan, stretches, until, begin, names, now)))
        found.append(Week(_week_name(begin), columns))
    return found


def place_name(queue: str, office: str) -> str:
    """`File B`, `File B · Maradi`."""
    name = say("Queue %(letter)s", letter=letters.letter(services().settings, queue))
    return f"{name} · {office}" if office else name


def gap_words(gap: Gap) -> str:
    """`File B · samedi 28 novembre, 20:00–6:00`."""
    day = dates.full_day(gap.start)
    if gap.end is None:
        words = say("from %(day)s, %(hour)s on", day=day, hour=_hour(gap.start))
    elif gap.end - gap.start <= DAY:
        words = f"{day}, {_hour(gap.start)}–{_hour(gap.end)}"
    else:
        words = f"{day}, {_hour(gap.start)} – {dates.full_day(gap.end)}, {_hour(gap.end)}"
    return f"{place_name(gap.queue, gap.office)} · {words}"


def span_words(start: datetime, end: datetime) -> str:
    """A shift: `lundi 23 novembre, 20:00–8:00`, or with both days."""
    if end - start <= DAY:
        return f"{dates.full_day(start)}, {_hour(start)}–{_hour(end)}"
    return f"{dates.full_day(start)}, {_hour(start)} – {dates.full_day(end)}, {_hour(end)}"


def _days(
    plan: Plan, stretches: list[Stretch], until: datetime, begin: date, names: dict[int, str], now: datetime
) -> list[Day]:
    """The rows of one week from today on; those before the first and after the last shift are left out."""
    holidays, today = Clocks.of(services().settings).holidays, dates.local(now).date()
    found = []
    for day in (begin + timedelta(days=one) for one in range(7)):
        lines = [_line(plan, one, day, names) for one in stretches if _stands_in(one, day) and one.start < until]
        if lines and day >= today:
            name = format_date(day, "EEE d", locale=language())
            found.append(Day(name, day in holidays, day == today, lines))
    return found


def _stands_in(one: Stretch, day: date) -> bool:
    """A night stands in the day in which it begins; what is longer than a day, in each of its days."""
    begin, end = dates.begin_of(day), dates.begin_of(day + DAY)
    if one.end - one.start <= DAY:
        return begin <= one.start < end
    return one.start < end and one.end > begin


def _line(plan: Plan, one: Stretch, day: date, names: dict[int, str]) -> Line:
    shift = one.shifts[0] if one.shifts else 0
    hours = _hours(one, day)
    absent = [names[kept.staff_id] for kept in plan.shifts if kept.id in one.shifts and kept.staff_id not in one.people]
    if one.gap:
        who = say("Nobody (%(name)s is away)", name=", ".join(absent)) if absent else say("Nobody")
        return Line(hours, who, gap=True, shift=shift)
    people = [names[number] for number in one.people]
    who = (
        people[0]
        if len(people) == 1
        else say("%(name)s, then %(others)s", name=people[0], others=", ".join(people[1:]))
    )
    if absent:
        who = say("%(who)s (%(name)s is away)", who=who, name=", ".join(absent))
    return Line(hours, who, shift=shift)


def _hours(one: Stretch, day: date) -> str:
    begin, end = dates.begin_of(day), dates.begin_of(day + DAY)
    if one.start <= begin and one.end >= end:
        return say("all day")
    if one.end - one.start <= DAY:
        return f"{_hour(one.start)}–{_hour(one.end)}"
    if one.start > begin:
        return say("from %(hour)s", hour=_hour(one.start))
    return say("until %(hour)s", hour=_hour(one.end))


def _hour(at: datetime) -> str:
    """`6:00`."""
    there = dates.local(at)
    return f"{there.hour}:{there.minute:02d}"


def _week_name(begin: date) -> str:
    """`23 – 29 novembre`."""
    end = begin + timedelta(days=6)
    first = format_date(begin, "d" if begin.month == end.month else "d MMMM", locale=language())
    return f"{first} – {format_date(end, 'd MMMM', locale=language())}"


def own_shift(plan: Plan, staff_id: int, queues: frozenset[str], now: datetime) -> str:
    """`De garde, file B, jusqu'à 20:00`, or when this person's next shift begins; "" where none is planned."""
    for queue, office in gaps.places(plan):
        if queue in queues and staff_id in plan.standing(queue, office, now).on_shift:
            end = max(one.ends_at for one in plan.shifts if one.queue == queue and one.starts_at <= now < one.ends_at)
            name = letters.letter(services().settings, queue)
            return say("On duty, queue %(letters)s, until %(when)s", letters=name, when=dates.day_and_hour(end, now))
    mine = [one for one in plan.shifts if one.staff_id == staff_id and one.starts_at > now]
    if not mine:
        return ""
    first = min(mine, key=lambda one: one.starts_at)
    name = letters.letter(services().settings, first.queue)
    return say("On duty next: queue %(letter)s, %(when)s", letter=name, when=dates.day_and_hour(first.starts_at, now))
