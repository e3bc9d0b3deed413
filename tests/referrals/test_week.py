"""A week with a fast clock: shifts change at night, people are away, a holiday, a gateway dies, workers are killed.

No critical referral is without somebody told on each rung at its time (safety 16, 17, 20). The rules that are checked
here are written out anew: nothing of the ladder's own arithmetic is asked.
"""

import heapq
import random
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from bot.engine.effects import StaffAnswer, Terms
from bot.referrals import ladder, rota, writing
from bot.referrals.rota import Plan
from bot.store.models import Absence, Alert, Audit, Ladder, Message, Referral, ReferralEvent, Shift, Staff

pytestmark = pytest.mark.slow

NIAMEY = ZoneInfo("Africa/Niamey")
START = datetime(2026, 11, 23, 0, tzinfo=NIAMEY).astimezone(UTC)  # Monday
WEEK, DAY, HOUR, MINUTE = timedelta(weeks=1), timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
SWEEP = timedelta(seconds=5)  # the clock looks so often
SLACK = timedelta(seconds=10)  # safety 20: told within so long
DEAD = (START + DAY + 8 * HOUR, START + DAY + 20 * HOUR)  # Tuesday: nothing leaves
NEEDS = 60
SEED = 20261123
KILLED = 0.15  # of all steps: the worker dies before it commits


class WorkerKilledError(Exception):
    pass


class Dying:
    """A database whose process is killed just before a commit: PostgreSQL takes the transaction back."""

    def __init__(self, database):
        self._database = database

    @contextmanager
    def transaction(self):
        with self._database.transaction() as session:
            yield session
            session.flush()
            raise WorkerKilledError


class Week:
    """Time passes from one thing that happens to the next; all chance comes from one seed."""

    def __init__(self, office, settings, chance):
        self.office, self.settings, self.chance = office, settings, chance
        self.happens, self._order = [], count()
        self.seen, self.digests, self.figures = 0, {}, Counter()

    def at(self, when, what, *args):
        heapq.heappush(self.happens, (when, next(self._order), what, args))

    def run(self, until):
        now = START
        while now < until:
            coming = [one for one in (self._due(), self.happens[0][0] if self.happens else None) if one is not None]
            now = max(now, min([*coming, until]))
            while self.happens and self.happens[0][0] <= now:
                _, _, what, args = heapq.heappop(self.happens)
                what(now, *args)
            now = self._climb(now)

    def _due(self):
        with self.office.database.transaction() as session:
            return session.scalar(select(func.min(Ladder.due_at)))

    def _climb(self, now):
        """The worker's step; a killed one is repeated at the next sweep."""
        while self.chance.random() < KILLED:
            self.figures["workers killed"] += 1
            try:
                self._step(Dying(self.office.database), now)
            except WorkerKilledError:
                now += SWEEP
        self._step(self.office.database, now)
        self._send(now)
        return now

    def _step(self, database, now):
        ladder.climb(database, now=now, settings=self.settings, ciphers=self.office.ciphers)

    def _send(self, now):
        """The gateway takes what waits, or is dead: then every alert is silence at once."""
        with self.office.database.transaction() as session:
            for message in session.scalars(select(Message).where(Message.state == "queued")).all():
                if DEAD[0] <= now < DEAD[1]:
                    message.state, message.attempts = "failed", 1
                    self.figures["messages lost"] += 1
                    ladder.failed_message(session, message, now=now)
                else:
                    message.state, message.sent_at = "sent", now
        with self.office.database.transaction() as session:
            for alert in session.scalars(select(Alert).where(Alert.id > self.seen).order_by(Alert.id)).all():
                self.seen = alert.id
                if not DEAD[0] <= now < DEAD[1]:
                    self._answers(now, alert)

    def _answers(self, now, alert):
        """What somebody does with an alert that reached them."""
        soon = now + timedelta(minutes=self.chance.uniform(1, 14))
        whim = self.chance.random()
        word = "ok" if whim < 0.4 else "no" if whim < 0.55 else "later" if whim < 0.65 else ""
        if word:
            self.at(soon, self._says, alert.staff_id, word, alert.code)
        if word == "ok" and self.chance.random() < 0.7:
            called = soon + timedelta(minutes=self.chance.uniform(1, 40))
            self.at(called, self._says, alert.staff_id, "done", alert.code)
            if self.chance.random() < 0.8:  # the others forget: two hours later it is free again
                self.at(called + timedelta(minutes=self.chance.uniform(1, 90)), self._opens_at_desk, alert)

    def _opens_at_desk(self, now, alert):
        self.figures["opened at the desk"] += 1
        with self.office.database.transaction() as session:
            session.add(Audit(at=now, staff_id=alert.staff_id, action="read", subject=f"referral:{alert.referral_id}"))

    def _says(self, now, staff_id, word, code):
        self.figures[f"said {word}"] += 1
        with self.office.database.transaction() as session:
            writing.staff_answer(
                session, StaffAnswer(answer=word, code=code, result=self.chance.randint(1, 5) if word == "done" else 0),
                sender_digest=self.digests[staff_id], at=now, ciphers=self.office.ciphers, settings=self.settings,
            )  # fmt: skip


@pytest.fixture
def people(office):
    """Five of protection, three of GBV, two assistants; the coordinator, who must never be told of either."""
    return {
        "protection": [office.on_duty(f"p{n}") for n in range(5)],
        "gbv": [office.on_duty(f"g{n}", role="gbv_specialist", queue="gbv") for n in range(3)],
        "assistance": [office.on_duty(f"a{n}", role="assistant", queue="assistance") for n in range(2)],
        "": [office.on_duty("coordinator", role="coordinator", queue=None)],
    }


def plan_the_week(office, people, chance):
    """Days 8 to 20 and nights 20 to 8 for protection and GBV, deputies for most; everybody is away for a day or two."""
    with office.database.transaction() as session:
        for queue in ("protection", "gbv"):
            staff = [session.get_one(Staff, one) for one in people[queue]]
            for half in range(-1, 16):
                begin = START + timedelta(hours=8 + 12 * half)
                holder, deputy = chance.sample(staff, 2)
                rota.put_shift(
                    session, holder, queue=queue, office="", staff=holder, starts_at=begin, ends_at=begin + timedelta(hours=12),
                    deputy=deputy if chance.random() < 0.7 else None,
                )  # fmt: skip
            for one in staff:
                first = (START + chance.randrange(7) * DAY).astimezone(NIAMEY).date()
                rota.put_absence(session, one, one, first, first + chance.randrange(2) * DAY)


def told(office, referral_id):
    with office.database.transaction() as session:
        return list(
            session.scalars(select(Alert).where(Alert.referral_id == referral_id).order_by(Alert.told_at, Alert.id))
        )


def stopped(office, referral_id):
    """When somebody had it, as (from, to): taken until it lapsed, was refused or the week was over."""
    spans, since = [], None
    with office.database.transaction() as session:
        wanted = select(ReferralEvent).where(ReferralEvent.referral_id == referral_id)
        for event in session.scalars(wanted.order_by(ReferralEvent.at, ReferralEvent.id)):
            if event.kind == "accepted":
                since = event.at
            elif event.kind in ("lapsed", "refused") and since is not None:
                spans.append((since, event.at))
                since = None
            elif event.kind == "call_logged":  # by SMS alone: it lapses in two hours
                since = since or event.at
    return spans if since is None else [*spans, (since, START + 2 * WEEK)]


def silent_between(one, other, spans):
    """How long nobody had it between two alerts."""
    held = sum((max(timedelta(), min(other, end) - max(one, begin)) for begin, end in spans), timedelta())
    return other - one - held


def test_a_week(office, people, settings, tmp_path):
    chance = random.Random(SEED)
    holidays = tmp_path / "holidays.txt"
    holidays.write_text("2026-11-25\n")
    settings = settings.model_copy(update={"holidays_file": holidays})
    plan_the_week(office, people, chance)
    week = Week(office, settings, chance)
    week.digests = {one: office.digest_of(one) for ones in people.values() for one in ones}
    needs = []

    def opens(now, level, queue, terms):
        needs.append((office.need(at=now, level=level, queue=queue, terms=terms), level, queue))

    for _ in range(NEEDS):
        level, queue = chance.choice(
            [("critical", "protection"), ("critical", "gbv"), ("high", "protection"), ("normal", "assistance")]
        )
        terms = Terms(may_call=True, window="any") if chance.random() < 0.7 else None
        week.at(START + chance.random() * WEEK, opens, level, queue, terms)
    week.run(START + WEEK + 2 * HOUR)

    waits = [check_critical(office, people, one, queue) for one, level, queue in needs if level == "critical"]
    with office.database.transaction() as session:
        levels = Counter(session.scalars(select(Referral.level)))
        alerts = session.scalar(select(func.count()).select_from(Alert))
        assert session.scalar(select(func.count()).select_from(Shift)) == 34
        assert session.scalar(select(func.count()).select_from(Absence)) >= 5
    assert levels["critical"] >= 15
    assert week.figures["workers killed"] > 20
    assert week.figures["messages lost"] > 0
    firsts, longest = zip(*waits, strict=True)
    print(f"\nseed {SEED}: {dict(levels)}, {alerts} alerts, {dict(week.figures)}")
    print(f"critical: first told after at most {max(firsts)}, longest silence {max(longest)}")


def check_critical(office, people, referral_id, queue):
    """Every rung at its time; returns how long the first one waited, and the longest silence."""
    referral, alerts, spans = office.referral(referral_id), told(office, referral_id), stopped(office, referral_id)
    assert alerts, "nobody was told"
    assert {one.staff_id for one in alerts} <= set(people[queue])  # never the coordinator, never another queue
    first = alerts[0].told_at - referral.opened_at
    assert first <= SLACK + 3 * SWEEP
    longest = timedelta()
    for one, other in pairwise(alerts):
        wait = silent_between(one.told_at, other.told_at, spans)
        limit = 15 * MINUTE if one.round == other.round else 30 * MINUTE
        assert wait <= limit + SLACK + 4 * SWEEP, (referral_id, one.round, one.rung, wait)
        longest = max(longest, wait)
    end = START + WEEK + 2 * HOUR
    assert silent_between(alerts[-1].told_at, max(end, alerts[-1].told_at), spans) <= 30 * MINUTE + SLACK + 4 * SWEEP
    check_rota(office, queue, alerts[0])
    for round_ in {one.round for one in alerts}:
        names = [one.staff_id for one in alerts if one.round == round_]
        assert len(names) == len(set(names))  # nobody twice in a round
    return first, longest


def check_rota(office, queue, alert):
    """Whoever has the shift and is there is told first."""
    with office.database.transaction() as session:
        at = alert.told_at
        standing = Plan.read(session, at, at + SWEEP, zone=NIAMEY).standing(queue, "", at)
    if standing.on_shift:
        assert alert.staff_id == standing.on_shift[0]
    assert alert.staff_id not in standing.away
