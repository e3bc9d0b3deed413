"""Broadcasts at work: plan what was let go, give each message its turn, count who answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.jobs.services import Services
from bot.outreach import broadcasts_answers, broadcasts_pace, broadcasts_plan
from bot.outreach.broadcasts_pace import Turns
from bot.store.models import Broadcast

LONGEST_RUN = 5.0  # seconds after which others are let in
BREATH = timedelta(milliseconds=250)  # between two turns at least; several messages may share one


def serve(services: Services, sent: Callable[[], None]) -> bool:
    """Give turns for some seconds, `sent` being called after each; True where the next one comes soon."""
    until = time.monotonic() + LONGEST_RUN
    while True:
        now = _wall_clock()
        turns = step(services, now=now)
        if turns.released:
            sent()
        if turns.next_at is None or turns.next_at > now + timedelta(seconds=LONGEST_RUN):
            return False
        if time.monotonic() > until:
            return True
        time.sleep(max(turns.next_at - _wall_clock(), BREATH).total_seconds())


def step(services: Services, *, now: datetime) -> Turns:
    """One look: everything that has its time is planned, the turns that have come are given."""
    with services.database.transaction() as session:
        due = (Broadcast.state == "running", Broadcast.planned_at.is_(None), Broadcast.starts_at <= now)
        waiting = session.scalars(select(Broadcast.id).where(*due).order_by(Broadcast.starts_at)).all()
    for broadcast_id in waiting:
        broadcasts_plan.plan(
            services.database, broadcast_id, now=now, settings=services.settings, ciphers=services.ciphers
        )
    with services.database.transaction() as session:
        broadcasts_answers.count(session, now=now)
    with services.database.transaction() as session:
        return broadcasts_pace.release(session, now=now, settings=services.settings, ciphers=services.ciphers)


def _wall_clock() -> datetime:
    return datetime.now().astimezone()
