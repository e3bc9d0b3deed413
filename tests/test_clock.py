import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot import clock
from bot.store import keys
from bot.store.ciphers import SHARDS
from bot.store.database import Database
from bot.store.models import DeliveryReport, Referral, Ticket
from bot.store.tickets import MARKED, mark_taken
from bot.stores.clients import store_client
from bot.waking import WAKE_KEPT, queue_on


@pytest.fixture
def queue(queue_client):
    return queue_on(queue_client)


def woken(queue):
    return [(job.func_name.removeprefix("bot.jobs."), *job.args) for job in queue.get_jobs()]


def test_a_sweep_wakes_ladder_outbox_and_the_shards_with_answers(queue, redis_client):
    redis_client.xadd(keys.answers(5), {"e": b"x"})
    redis_client.xadd(keys.answers(63), {"e": b"x"})
    assert clock.sweep(queue, redis_client)
    assert woken(queue) == [
        ("climb",),
        ("send_messages",),
        ("fetch_recordings",),
        ("broadcast",),
        ("send_answers", 5),
        ("send_answers", 63),
    ]


def test_without_the_conversation_store_the_rest_is_woken(queue, tmp_path):
    nowhere = store_client(f"unix://{tmp_path}/none.sock")
    clock.sweep(queue, nowhere)
    assert woken(queue) == [("climb",), ("send_messages",), ("fetch_recordings",), ("broadcast",)]


def test_the_outreach_is_woken_by_itself(queue, monkeypatch):
    assert clock.reach_out(queue)
    assert woken(queue) == [("reach_out",)]
    monkeypatch.setattr(clock, "CROWDED", 0)
    assert not clock.reach_out(queue)


def test_wake_ups_do_not_pile_up_while_no_worker_lives(queue, redis_client, monkeypatch):
    clock.sweep(queue, redis_client)
    once = queue.count
    monkeypatch.setattr(clock, "CROWDED", once)
    for _ in range(5):
        clock.sweep(queue, redis_client)
    assert once < queue.count <= 2 * once


def test_wake_ups_are_forgotten_when_nobody_takes_them(queue, redis_client):
    clock.sweep(queue, redis_client)
    assert all(0 < job.ttl <= WAKE_KEPT for job in queue.get_jobs())


def test_tomorrows_partitions_are_made_and_a_database_that_is_away_is_survived(database, redis_client, tmp_path):
    assert clock.look_after(database, redis_client, months=1)
    assert not clock.look_after(Database(f"postgresql://x@/x?host={tmp_path}"), redis_client, months=1)


def test_numbers_in_use_are_marked_again_after_the_conversation_store_was_lost(database, redis_client):
    with database.transaction() as session:
        values = {"source": "menu", "level": "normal", "queue": "assistance", "channel": "ussd"}
        session.add(Referral(id="a" * 32, ticket="4821737", opened_at=datetime.now(UTC), **values))
        session.flush()
        session.add(Ticket(number="4821737", referral_id="a" * 32, issued_at=datetime.now(UTC)))
    assert mark_taken(database, redis_client) == 1
    slot, shard = divmod(482_173, SHARDS)
    assert redis_client.getbit(keys.tickets(shard), slot) == 1
    assert mark_taken(database, redis_client) == 0


def test_a_store_that_lost_its_memory_is_told_within_seconds(database, redis_client):
    with database.transaction() as session:
        values = {"source": "menu", "level": "normal", "queue": "assistance", "channel": "ussd"}
        session.add(Referral(id="a" * 32, ticket="4821737", opened_at=datetime.now(UTC), **values))
        session.flush()
        session.add(Ticket(number="4821737", referral_id="a" * 32, issued_at=datetime.now(UTC)))
    slot, shard = divmod(482_173, SHARDS)
    for _ in range(2):
        assert clock.mark_lost(database, redis_client)
        assert redis_client.getbit(keys.tickets(shard), slot) == 1
        redis_client.delete(keys.tickets(shard), MARKED)
    assert clock.mark_lost(Database("postgresql://x@/x?host=/nowhere"), redis_client) is False
    assert not redis_client.exists(MARKED)


def test_reports_of_messages_that_are_nobodys_are_dropped_in_time(database, redis_client):
    now = datetime.now(UTC)
    with database.transaction() as session:
        for days in (1, 30):
            at = now - timedelta(days=days)
            session.add(DeliveryReport(gateway="twilio", external_id=f"SM{days}", state="sent", at=at))
    assert clock.look_after(database, redis_client, months=1)
    with database.transaction() as session:
        assert session.scalars(select(DeliveryReport.external_id)).all() == ["SM1"]


def test_the_clock_runs_sweeps_until_told_to_stop(settings, queue, redis_client, monkeypatch):
    monkeypatch.setattr(clock, "SWEEP", 0.05)
    stop = threading.Event()
    running = threading.Thread(target=clock.run, args=(settings,), kwargs={"stop": stop})
    running.start()
    until = time.monotonic() + 10
    while queue.count < 6 and time.monotonic() < until:
        time.sleep(0.05)
    stop.set()
    running.join(timeout=10)
    assert not running.is_alive()
    assert {("climb",), ("send_messages",), ("fetch_recordings",), ("warn_of_gaps",)} <= set(woken(queue))


def test_the_clock_outlives_every_store_being_away(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(clock, "SWEEP", 0.05)
    monkeypatch.setattr(clock, "SOON", 0.05)
    nowhere = f"unix://{tmp_path}/none.sock"
    away = settings.model_copy(
        update={"redis_url": nowhere, "queue_url": nowhere, "database_url": f"postgresql://x@/x?host={tmp_path}"}
    )
    stop = threading.Event()
    running = threading.Thread(target=clock.run, args=(away,), kwargs={"stop": stop})
    running.start()
    time.sleep(0.5)
    assert running.is_alive()
    stop.set()
    running.join(timeout=10)
    assert not running.is_alive()


def test_a_fault_of_one_sweep_does_not_stop_the_next():
    stop, calls = threading.Event(), []

    def work():
        calls.append(1)
        if len(calls) == 3:
            stop.set()
        raise ValueError

    clock._repeat(stop, 0.01, work)
    assert len(calls) == 3
