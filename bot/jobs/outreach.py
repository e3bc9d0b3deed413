"""What keeps promises unasked: stage news, late files, check-ins, silent phones, new numbers, each in its transaction.

Every step takes at most a hundred or two rows, marks them in the same transaction as the message, and is run by one
worker at a time; a worker that dies in the middle leaves nothing half told. A step that fails keeps none of the others
from theirs. The clock wakes it every few minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot.content.screens import content_of
from bot.jobs.services import Services
from bot.outreach import checkins, lost, news, numbers, reminders, watchdog
from bot.outreach.pushing import Run

LOCK = 7_208  # of PostgreSQL's advisory locks; one sweep at a time

log = structlog.get_logger(__name__)


def reach_out(services: Services, *, now: datetime | None = None) -> int:
    """One round of every sweep; how much was found. What is left comes with the next round."""
    content = content_of(services.settings)
    ranges = {code: stage.late_after for code, stage in content.flows.stages.items()}
    steps: dict[str, Callable[[Run], int]] = {
        "numbers": numbers.settle,
        "silent": lost.mark_silent,
        "news": news.tell_stages,
        "late": lambda run: watchdog.watch(run, ranges),
        "check_ins": checkins.ask,
        "reminders": reminders.remind,
        "missed": reminders.follow_up,
        "digest": watchdog.digest,
    }
    found = 0
    for name, step in steps.items():
        try:
            with services.database.transaction() as session:
                if not session.scalar(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": LOCK}):
                    return found  # another worker is at it
                run = Run(session, now or _now(session), content, services.settings, services.ciphers)
                count = step(run)
        except OperationalError:
            raise  # PostgreSQL is away: for every step
        except Exception as error:  # noqa: BLE001 - whatever it is, the others must go on
            log.error("outreach_step_failed", step=name, error=type(error).__name__)  # noqa: TRY400 - a trace quotes rows
            continue
        if count:
            log.info("reached_out", step=name, rows=count)
        found += count
    return found


def _now(session: Session) -> datetime:
    return session.scalars(select(func.now())).one()
