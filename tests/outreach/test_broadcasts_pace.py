"""The pace, with a moving clock and the real sender: no minute above it, the mean within 2 % of it."""

from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.gate import Gate
from bot.gateway import Gateway
from bot.jobs import broadcasts as job
from bot.jobs import rows
from bot.jobs.handing import SENDERS
from bot.jobs.pace import Paces
from bot.jobs.services import Services
from bot.messages import Sent
from bot.outreach import broadcasts
from bot.store.models import Message
from bot.waking import queue_on

from .crowd import NOON, Crowd
from .test_broadcasts import Line

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
PEOPLE = 75


class Phone(Gateway):
    name = "africastalking"

    def __init__(self):
        self.sent = []

    def send(self, message):
        self.sent.append(message)
        return Sent(f"ext-{len(self.sent)}", parts=1)


@pytest.fixture
def programme(database, ciphers, settings):
    return Crowd(database, ciphers, settings)


@pytest.fixture
def services(settings, database, redis_client, queue_client, ciphers):
    settings = settings.model_copy(
        update={"broadcast_alone": 1000, "broadcast_answers": 12, "rates": {"africastalking": "5"}}
    )
    gates = {"gateways": {"africastalking": Phone()}, "outgoing_allowed": lambda _name: True}
    gate = Gate(settings, pace=Paces(settings, redis_client), **gates)
    with ThreadPoolExecutor(SENDERS) as senders:
        yield Services(settings, database, redis_client, queue_on(queue_client), ciphers, gate, senders)


def runs(services, begin, end, *, lag=SECOND / 5, jolts=()):
    """Give turns and send as a worker does, from `begin` to `end`; `jolts`: pauses in which nobody works."""
    at, jolts = begin, sorted(jolts)
    while at < end:
        turns = job.step(services, now=at)
        rows.send_due(services, now=at + lag)
        if turns.next_at is None:
            return
        at = max(turns.next_at, at + SECOND / 4)
        if jolts and at >= jolts[0][0]:
            at = max(at, jolts.pop(0)[1])


def sent_at(services):
    with services.database.transaction() as session:
        return sorted(session.scalars(select(Message.sent_at).where(Message.sent_at.is_not(None))))


def fullest_minute(times):
    return max(bisect_left(times, at + MINUTE) - place for place, at in enumerate(times))


def test_hours_a_night_and_a_stop_leave_every_minute_within_the_pace(services, programme, database):
    phones = programme.people(PEOPLE)
    programme.settings = services.settings
    line = Line(programme)
    begin = NOON + timedelta(hours=6)  # 18:00 in Niamey: two hours until the quiet ones
    one = line.draft(share=40)
    line.hand_in(one, at=begin)
    halt = (begin + 40 * MINUTE, begin + 47 * MINUTE)  # the worker was down
    runs(services, begin, begin + timedelta(days=1), jolts=[halt])
    times = sent_at(services)
    pace = broadcasts.per_minute(services.settings, 40)
    assert pace == 0.5
    assert len(times) == PEOPLE == len({message.to for message in services.gate._gateways["africastalking"].sent})
    assert fullest_minute(times) == 1
    night = [at for at in times if not 8 <= (at.hour + 1) % 24 < 20]
    assert night == []
    evening = [at for at in times if at < begin + timedelta(hours=3)]
    worked = (evening[-1] - evening[0]) - (halt[1] - halt[0])
    assert (len(evening) - 1) / (worked / MINUTE) == pytest.approx(pace, rel=0.02)
    morning = times[len(evening) :]
    assert (len(morning) - 1) / ((morning[-1] - morning[0]) / MINUTE) == pytest.approx(pace, rel=0.02)
    assert line.row(one).state == "done"
    assert len(phones) == len(line.planned(one))


@pytest.mark.parametrize(
    ("answers", "share", "pace"), [(60, 10, 10), (60, 7, 14), (25, 40, 1), (10, 50, 1 / 3), (600, 1, 1000)]
)
def test_the_pace_follows_what_staff_can_answer(settings, answers, share, pace):
    settings = settings.model_copy(update={"broadcast_answers": answers})
    assert broadcasts.per_minute(settings, share) == pytest.approx(pace)


def test_a_faster_pace_with_late_sending_keeps_to_it_too(services, programme):
    services = Services(
        services.settings.model_copy(update={"broadcast_answers": 60}), services.database, services.conversations,
        services.queue, services.ciphers, services.gate, services.senders,
    )  # fmt: skip
    programme.people(50)
    programme.settings = services.settings
    line = Line(programme)
    line.hand_in(line.draft(share=5))  # 20 a minute
    runs(services, NOON, NOON + timedelta(hours=1), lag=SECOND / 2)
    times = sent_at(services)
    assert len(times) == 50
    assert fullest_minute(times) <= 20
    assert 49 / ((times[-1] - times[0]) / MINUTE) == pytest.approx(20, rel=0.02)


def test_what_a_slow_gateway_held_up_does_not_come_all_at_once(services, programme):
    programme.people(20)
    programme.settings = services.settings
    line = Line(programme)
    line.hand_in(line.draft(share=10))  # 2 a minute
    at = NOON
    while at < NOON + 10 * MINUTE:  # turns are given, and nobody sends
        job.step(services, now=at)
        at += 20 * SECOND
    assert len(line.messages()) == 2
    runs(services, at, at + timedelta(hours=1))
    times = sent_at(services)
    assert len(times) == 20
    assert fullest_minute(times) <= 2


def test_one_broadcast_is_served_at_a_time_the_earliest_first(services, programme):
    programme.people(6)
    programme.settings = services.settings
    line = Line(programme)
    first, second = line.draft(share=10), line.draft(share=10)
    line.hand_in(second, at=NOON + SECOND)
    line.hand_in(first, at=NOON)
    runs(services, NOON + 2 * SECOND, NOON + timedelta(hours=1))
    order = [one.broadcast_id for one in sorted(line.messages(), key=lambda one: one.sent_at)]
    assert order == [first] * 6 + [second] * 6
    assert fullest_minute(sent_at(services)) <= 2
