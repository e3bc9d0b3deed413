"""When calling has failed: three tries on three days, and what may be proposed then. Proposes, moves nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from bot.referrals.clocks import STANDARD, Clocks
from bot.referrals.undoing import undone
from bot.store.models import ReferralEvent

ENOUGH = 3  # days with a call that did not reach the person
CHANNELS = 2  # before a file may be marked as out of contact


@dataclass(frozen=True, slots=True)
class Failed:
    """The days since the last talk on which calling failed, in order; and whether something was written meanwhile."""

    days: tuple[date, ...] = ()
    written: bool = False

    @property
    def enough(self) -> bool:
        """Is it time for the procedure?"""
        return len(self.days) >= ENOUGH

    @property
    def channels(self) -> int:
        """How many of the two channels that the procedure wants were tried."""
        return bool(self.days) + self.written


def failed(events: Iterable[ReferralEvent], *, clocks: Clocks = STANDARD) -> Failed:
    """Read the timeline of one referral. A call that spoke begins anew; one taken back was none."""
    ordered = sorted(events, key=lambda one: (one.at, one.id))
    void = undone(ordered)
    days: set[date] = set()
    written = False
    for event in ordered:
        if event.kind == "replied":
            written = True
        if event.kind != "call_logged" or event.id in void:
            continue
        if event.detail.get("result") == "spoke":
            days, written = set(), False
        else:
            days.add(clocks.local(event.at).date())
    return Failed(tuple(sorted(days)), written)
