"""Hours and days as the screens write them: the hour, never "soon"."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date

from bot.desk.services import services
from bot.desk.words import language, say


def local(at: datetime) -> datetime:
    """Office time."""
    return at.astimezone(ZoneInfo(services().settings.timezone))


def begin_of(day: date) -> datetime:
    """Midnight of the office's day."""
    return datetime.combine(day, time(), ZoneInfo(services().settings.timezone))


def hour(at: datetime) -> str:
    """`09:52`."""
    return local(at).strftime("%H:%M")


def machine(at: datetime) -> str:
    """For `<time datetime>`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def full_day(at: datetime) -> str:
    """`lundi 23 novembre`."""
    return format_date(local(at).date(), "EEEE d MMMM", locale=language())


def day_of_month(at: datetime) -> str:
    """`22 décembre`."""
    return format_date(local(at).date(), "d MMMM", locale=language())


def day_and_hour(at: datetime, now: datetime) -> str:
    """`09:52` today, `hier 21:40`, `demain 07:00`, `mercredi 07:00` within six days, else `12/11 07:00`."""
    return " ".join(filter(None, (day_word(at, now), hour(at))))


def day_word(at: datetime, now: datetime) -> str:
    """The day alone; "" for today."""
    there, today = local(at).date(), local(now).date()
    near = {today: "", today - timedelta(days=1): say("yesterday"), today + timedelta(days=1): say("tomorrow")}
    if there in near:
        return near[there]
    if today < there < today + timedelta(days=7):
        return format_date(there, "EEEE", locale=language())
    return short_date(there)


def short_date(day: date) -> str:
    """`02/11`."""
    return day.strftime("%d/%m")


def long_date(day: date) -> str:
    """`3 juin 2026`."""
    return format_date(day, "d MMMM y", locale=language())
