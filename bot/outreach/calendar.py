"""When we plan what nobody asked for: pushed messages, and days on which people are asked to travel.

Pure but for reading flows/calendar.yaml once. Public holidays come from the holidays file of the settings, office days
from `office_hours`: no fact stands twice. Sources: docs/safety.md (quiet hours), docs/outreach.md.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path

from bot.config import ROOT, Settings
from bot.content.calendar import CalendarSpec, Span
from bot.referrals.clocks import Clocks
from bot.sources import Source

CALENDAR = ROOT / "flows" / "calendar.yaml"
FRIDAY = 4
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days are those of the office's timezone; moments are aware, and come back in UTC. `region`: as in the files, or ""."""

    spec: CalendarSpec
    clocks: Clocks

    @classmethod
    def of(cls, settings: Settings) -> "Calendar":
        """The calendar of an installation; raises FlowError or ConfigError for a file that can't be used."""
        return cls(_read(CALENDAR), Clocks.of(settings))

    def closed(self, day: date, region: str = "") -> bool:
        """Is nobody asked to travel that day: a holiday, a closure, the rains of that region?"""
        return (
            day in self.clocks.holidays
            or any(one.holds(day) and one.concerns(region) for one in self.spec.closures)
            or any(one.region == region and one.holds(day) for one in self.spec.rains)
        )

    def may_meet(self, day: date, region: str = "") -> bool:
        """May an appointment be on that day: the office is open, and the way is?"""
        return self.clocks.office_hours(day) is not None and not self.closed(day, region)

    def may_push(self, at: datetime, region: str = "") -> bool:
        """May what nobody asked for leave at that moment?"""
        return self._held_until(self.clocks.local(at), region) is None

    def next_push(self, at: datetime, region: str = "") -> datetime:
        """`at`, or the first later moment at which what nobody asked for may leave."""
        local = self.clocks.local(at)
        while (later := self._held_until(local, region)) is not None:
            local = later
        return local.astimezone(UTC)

    def _held_until(self, local: datetime, region: str) -> datetime | None:
        """When the first thing that forbids it ends; another one may begin there."""
        day = local.date()
        if any(not one.messages and one.holds(day) and one.concerns(region) for one in self.spec.closures):
            return self._moment(day + DAY, time.min)
        fasting = any(one.holds(day) for one in self.spec.ramadan.dates)
        spans = [self.spec.ramadan.quiet] if fasting else []
        spans += [self.spec.friday] if day.weekday() == FRIDAY else []
        ends = [self._end(span, local) for span in (*spans, self.spec.quiet)]
        return max((end for end in ends if end is not None), default=None)

    def _end(self, span: Span, local: datetime) -> datetime | None:
        """The end of a daily span that holds this moment; None outside it."""
        begin, end = span
        now, today = local.time(), local.date()
        if begin < end:
            return self._moment(today, end) if begin <= now < end else None
        if now >= begin:
            return self._moment(today + DAY, end)
        return self._moment(today, end) if now < end else None

    def _moment(self, day: date, wall: time) -> datetime:
        return self.clocks.local(self.clocks.moment(day, wall))


@cache
def _read(path: Path) -> CalendarSpec:
    spec: CalendarSpec = Source(path).parse(CalendarSpec)
    return spec
