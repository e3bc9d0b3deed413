"""When something is due: office time, the clocks of the ladder, the hours in which a person may be called.

Pure: every function takes an aware time and gives one back in UTC. Figures: safety 16, 17, 20.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.config import Settings
from bot.engine.effects import Terms
from bot.errors import ConfigError

FULL_DAY = (time(8), time(17, 30))
SHORT_DAY = (time(8), time(12, 30))
Hours = tuple[time, time]
FIGURES = (  # of the settings (safety 20)
    *("office_hours", "alert_hours", "digest_at", "critical_step", "high_step", "normal_step", "again_after"),
    *("accepted_for", "confirm_within", "call_now_for", "critical_contact", "high_contact", "normal_contact"),
)


@dataclass(frozen=True, slots=True)
class Clocks:
    """Every figure of the ladder, in one place."""

    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Africa/Niamey"))
    holidays: frozenset[date] = frozenset()
    week: tuple[Hours | None, ...] = (FULL_DAY, FULL_DAY, FULL_DAY, FULL_DAY, SHORT_DAY, None, None)
    windows: dict[str, Hours] = field(
        default_factory=lambda: {
            "morning": (time(7), time(12)),
            "afternoon": (time(12), time(17)),
            "evening": (time(17), time(21)),
            "day": (time(7), time(21)),  # where the person was not asked: a missed call
            "any": (time(6), time(22)),
        }
    )
    alert_hours: Hours = (time(6), time(22))  # for level high; critical knows no hours
    digest: time = time(8)  # level normal, on office days
    critical_step: timedelta = timedelta(minutes=15)
    high_step: float = 4  # hours of office time
    normal_step: int = 2  # working days
    again: timedelta = timedelta(minutes=30)  # after the last rung, from the first
    accepted_for: timedelta = timedelta(minutes=45)  # without a logged attempt
    confirm_within: timedelta = timedelta(hours=2)  # at the desk, what was answered by SMS alone
    call_now_for: timedelta = timedelta(minutes=15)  # how long "call us now: yes" holds
    critical_contact: timedelta = timedelta(minutes=60)
    high_contact: int = 1  # working days
    normal_contact: int = 3

    @classmethod
    def of(cls, settings: Settings) -> "Clocks":
        """The clocks of an installation; raises ConfigError for a holidays file that can't be read."""
        return _clocks_of(settings.timezone, settings.holidays_file, tuple(getattr(settings, one) for one in FIGURES))

    def local(self, at: datetime) -> datetime:
        """The same moment, as a wall clock at the office shows it."""
        return at.astimezone(self.timezone)

    def office_hours(self, day: date) -> tuple[datetime, datetime] | None:
        """Opening and closing of a day, in UTC; None: closed."""
        hours = None if day in self.holidays else self.week[day.weekday()]
        return None if hours is None else (self.moment(day, hours[0]), self.moment(day, hours[1]))

    def moment(self, day: date, wall: time) -> datetime:
        """A wall-clock time of the office, in UTC."""
        return datetime.combine(day, wall, self.timezone).astimezone(UTC)


STANDARD = Clocks()


def add_office_time(at: datetime, hours: float, *, clocks: Clocks = STANDARD) -> datetime:
    """`hours` of office time after `at`. What ends at closing time ends that day, not the next morning."""
    left = timedelta(hours=hours)
    start = at.astimezone(UTC)
    while True:
        opening, closing = _next_open(start, clocks)
        start = max(start, opening)
        if closing - start >= left:
            return start + left
        left -= closing - start
        start = closing


def add_working_days(at: datetime, days: int, *, clocks: Clocks = STANDARD) -> datetime:
    """The same time of day, `days` office days later, at the latest at closing time.

    What comes outside office hours counts from the next opening.
    """
    opening, _ = _next_open(at.astimezone(UTC), clocks)
    start = max(at.astimezone(UTC), opening)
    day = clocks.local(start).date()
    for _ in range(days):
        opening, closing = _next_open(clocks.moment(day + timedelta(days=1), time.min), clocks)
        day = clocks.local(opening).date()
        start = min(clocks.moment(day, clocks.local(start).time()), closing)
    return start


def first_alert_at(level: str, at: datetime, *, clocks: Clocks = STANDARD) -> datetime:
    """When the first person is told: now, in the hours of alerts, or with the morning digest (safety 20)."""
    if level == "critical":
        return at.astimezone(UTC)
    if level == "high":
        return in_alert_hours(at, clocks=clocks)
    return next_digest(at, clocks=clocks)


def in_alert_hours(at: datetime, *, clocks: Clocks = STANDARD) -> datetime:
    """`at`, or the next morning when it is night."""
    return _within(at, clocks.alert_hours, clocks)


def next_digest(at: datetime, *, clocks: Clocks = STANDARD) -> datetime:
    """The next morning of an office day at which the digest leaves; `at` itself if it is that minute's start."""
    day = clocks.local(at).date()
    if clocks.moment(day, clocks.digest) < at:
        day += timedelta(days=1)
    while clocks.office_hours(day) is None:
        day += timedelta(days=1)
    return clocks.moment(day, clocks.digest)


def next_rung_at(level: str, at: datetime, *, clocks: Clocks = STANDARD) -> datetime:
    """When silence after an alert of `at` means that the next person is told."""
    if level == "critical":
        return at.astimezone(UTC) + clocks.critical_step
    if level == "high":
        return add_office_time(at, clocks.high_step, clocks=clocks)
    return next_digest(add_working_days(at, clocks.normal_step, clocks=clocks), clocks=clocks)


def next_round_at(level: str, at: datetime, *, round_: int, clocks: Clocks = STANDARD) -> datetime:
    """When the ladder starts again after its last rung was told at `at` (safety 17).

    Critical: 30 minutes. High and normal: the last person has as long as everyone before; once a whole
    round was silent, 30 minutes in the hours of alerts (high) or the next digest (normal).
    """
    soon = at.astimezone(UTC) + clocks.again
    if level == "critical":
        return soon
    if round_ == 0:
        return max(soon, next_rung_at(level, at, clocks=clocks))
    return in_alert_hours(soon, clocks=clocks) if level == "high" else next_digest(soon, clocks=clocks)


def next_safe_call(terms: Terms | None, at: datetime, *, clocks: Clocks = STANDARD) -> datetime | None:
    """`at`, or the first later moment at which the person may be called; None: not allowed (safety 1)."""
    if terms is None:
        return None
    if asked_for_a_call(terms, at):
        return at.astimezone(UTC)
    if not terms.may_call:
        return None
    # a window this release does not know is not a permission for any other hour
    return within_window(terms, at, clocks=clocks)


def within_window(terms: Terms, at: datetime, *, clocks: Clocks = STANDARD) -> datetime | None:
    """`at`, or the next moment inside the hours the person gave; None for hours that this release does not know."""
    hours = clocks.windows.get(terms.window)
    return None if hours is None else _within(at, hours, clocks)


def asked_for_a_call(terms: Terms | None, at: datetime) -> bool:
    """Does a "call us now: yes" hold at this moment? (safety 2)"""
    return terms is not None and at.timestamp() < terms.now_until


def first_contact_due(
    level: str, private: bool, *, terms: Terms | None, at: datetime, clocks: Clocks = STANDARD
) -> datetime | None:
    """By when somebody should have called, counted from the first moment at which it is allowed.

    None: no call is allowed. `private` is critical whatever its level says; its call waits for the safe hours too.
    """
    allowed = next_safe_call(terms, at, clocks=clocks)
    if allowed is None:
        return None
    if private or level == "critical":
        return allowed + clocks.critical_contact
    days = clocks.high_contact if level == "high" else clocks.normal_contact
    return add_working_days(allowed, days, clocks=clocks)


def lapses_at(terms: Terms | None, at: datetime, *, clocks: Clocks = STANDARD) -> datetime | None:
    """Until when an acceptance of `at` stands without a logged attempt; None: it stands (safety 16)."""
    allowed = next_safe_call(terms, at, clocks=clocks)
    return None if allowed is None else allowed + clocks.accepted_for


def _next_open(at: datetime, clocks: Clocks) -> tuple[datetime, datetime]:
    """The office hours that hold `at`, or the next ones; both ends in UTC. The end itself is no longer open."""
    day = clocks.local(at).date()
    for _ in range(366):
        hours = clocks.office_hours(day)
        if hours and at < hours[1]:
            return hours
        day += timedelta(days=1)
    raise ConfigError("the office is closed for a whole year; check MARABA_HOLIDAYS_FILE")


def _within(at: datetime, hours: Hours, clocks: Clocks) -> datetime:
    """`at` if it lies in the hours (the end excluded), else their next beginning."""
    day = clocks.local(at).date()
    if at < clocks.moment(day, hours[0]):
        return clocks.moment(day, hours[0])
    if at < clocks.moment(day, hours[1]):
        return at.astimezone(UTC)
    return clocks.moment(day + timedelta(days=1), hours[0])


@lru_cache(maxsize=8)
def _clocks_of(timezone: str, holidays_file: Path | None, figures: tuple[Any, ...]) -> Clocks:
    given = dict(zip(FIGURES, figures, strict=True))
    return Clocks(
        timezone=ZoneInfo(timezone),
        holidays=_holidays(holidays_file),
        week=tuple(None if one == "-" else _hours(one) for one in given["office_hours"].split()),
        alert_hours=_hours(given["alert_hours"]),
        digest=time.fromisoformat(given["digest_at"]),
        critical_step=timedelta(minutes=given["critical_step"]),
        high_step=given["high_step"],
        normal_step=given["normal_step"],
        again=timedelta(minutes=given["again_after"]),
        accepted_for=timedelta(minutes=given["accepted_for"]),
        confirm_within=timedelta(minutes=given["confirm_within"]),
        call_now_for=timedelta(minutes=given["call_now_for"]),
        critical_contact=timedelta(minutes=given["critical_contact"]),
        high_contact=given["high_contact"],
        normal_contact=given["normal_contact"],
    )


def _hours(span: str) -> Hours:
    """`08:00-17:30`."""
    begin, _, end = span.partition("-")
    return time.fromisoformat(begin), time.fromisoformat(end)


def _holidays(path: Path | None) -> frozenset[date]:
    """Dates of a file, one ISO date a line; what follows # is a remark."""
    if path is None:
        return frozenset()
    found = set()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"MARABA_HOLIDAYS_FILE: {path} can't be read ({error.strerror})") from None
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].strip()
        if not words:
            continue
        try:
            found.add(date.fromisoformat(words))
        except ValueError:
            raise ConfigError(f"{path}:{number}: {words!r} is not a date; write YYYY-MM-DD") from None
    return frozenset(found)
