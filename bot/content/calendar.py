"""The shape of flows/calendar.yaml: when we write unasked, and when nobody is asked to travel."""

from datetime import date, time
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from bot.content.specs import Spec

REGIONS = ("Agadez", "Diffa", "Dosso", "Maradi", "Niamey", "Tahoua", "Tillabéri", "Zinder")
LEAP = 2000  # a year that has every day of the calendar
Span = tuple[time, time]  # the end may lie before the beginning: it is then of the next morning


def _span(value: Any) -> Span:
    begin, dash, end = str(value).partition("-")
    try:
        span = time.fromisoformat(begin), time.fromisoformat(end)
    except ValueError:
        dash = ""
    if not dash or span[0] == span[1]:
        raise ValueError('write two hours, as "20:00-08:00"')
    return span


def _region(value: Any) -> str:
    if value not in REGIONS:
        raise ValueError(f"unknown region '{value}'; known: {', '.join(REGIONS)}")
    return str(value)


def _day_of_year(value: Any) -> str:
    try:
        date.fromisoformat(f"{LEAP}-{value}")
    except ValueError:
        raise ValueError('write month and day, as "06-15"') from None
    return str(value)


Hours = Annotated[Span, BeforeValidator(_span)]
Region = Annotated[str, BeforeValidator(_region)]
DayOfYear = Annotated[str, BeforeValidator(_day_of_year)]


class Days(Spec):
    """From the first to the last day, both included."""

    first: date
    last: date

    @model_validator(mode="after")
    def _in_order(self) -> "Days":
        if self.last < self.first:
            raise ValueError("the last day lies before the first")
        return self

    def holds(self, day: date) -> bool:
        """Is it one of them?"""
        return self.first <= day <= self.last


class Ramadan(Spec):
    """Its own quiet hours, and the days of each year."""

    quiet: Hours
    dates: tuple[Days, ...]


class Rains(Spec):
    """Months in which a region's tracks carry no bus, every year anew."""

    region: Region
    first: DayOfYear
    last: DayOfYear

    @model_validator(mode="after")
    def _in_order(self) -> "Rains":
        if self.last < self.first:
            raise ValueError("the last day lies before the first")
        return self

    def holds(self, day: date) -> bool:
        """Is it one of them, whatever the year?"""
        return self.first <= f"{day:%m-%d}" <= self.last


class Closure(Days):
    """Days on which nobody is asked to travel; without `regions` nowhere."""

    regions: tuple[Region, ...] = ()
    messages: bool = True

    def concerns(self, region: str) -> bool:
        """Does it hold there? What names no region is held back by what holds everywhere alone."""
        return not self.regions or region in self.regions


class CalendarSpec(Spec):
    """flows/calendar.yaml."""

    quiet: Hours
    friday: Hours
    ramadan: Ramadan
    rains: tuple[Rains, ...] = Field(())
    closures: tuple[Closure, ...] = Field(())
