"""Waking the workers: many wake-ups of what looks at all that is due are one, and none is lost for long."""

import time
from types import SimpleNamespace

import pytest

from bot import jobs, waking
from bot.waking import LOOKS_AT_ALL, heard, queue_on, wake


@pytest.fixture
def queue(queue_client):
    return queue_on(queue_client)


def woken(queue):
    return [(job.func_name.removeprefix("bot.jobs."), *job.args) for job in queue.get_jobs()]


def test_fifty_needs_at_once_wake_the_ladder_once_until_a_worker_hears_it(queue):
    for n in range(50):
        wake(queue, "climb", f"need{n}")
    assert woken(queue) == [("climb", "need0")]
    heard(queue, "climb")
    wake(queue, "climb", "later")
    assert woken(queue) == [("climb", "need0"), ("climb", "later")]


def test_one_that_got_lost_is_followed_by_another(queue, monkeypatch):
    monkeypatch.setattr(waking, "WAITS", 20)
    wake(queue, "climb")
    queue.empty()
    time.sleep(0.05)
    wake(queue, "climb")
    assert woken(queue) == [("climb",)]


def test_every_shard_with_answers_is_woken(queue):
    for shard in (3, 4, 3):
        wake(queue, "send_answers", shard)
    assert woken(queue) == [("send_answers", 3), ("send_answers", 4), ("send_answers", 3)]


@pytest.mark.parametrize("name", sorted(LOOKS_AT_ALL))
def test_a_job_hears_its_wake_up_before_it_looks(queue, monkeypatch, name):
    looked = []
    lane = SimpleNamespace(wake=lambda: (wake(queue, name, "meanwhile"), looked.append(name)))
    monkeypatch.setattr(jobs, "_lanes", dict.fromkeys(("telling", "pushing", "fetching"), lane))
    monkeypatch.setattr(jobs, "_services", SimpleNamespace(queue=queue))
    wake(queue, name)
    getattr(jobs, name)()
    assert looked
    assert woken(queue) == [(name,), (name, "meanwhile")]


LANES = ("telling", "pushing", "fetching", "announcing", "importing", "reaching_out", "warning")


@pytest.mark.parametrize(
    ("job", "lanes"),
    [
        ("climb", ["telling"]),
        ("send_messages", ["telling", "pushing"]),
        ("fetch_recordings", ["fetching"]),
        ("broadcast", ["announcing"]),
        ("work_on_imports", ["importing"]),
        ("reach_out", ["reaching_out"]),
        ("warn_of_gaps", ["warning"]),
    ],
)
def test_in_a_worker_a_wake_up_takes_no_time(queue, monkeypatch, job, lanes):
    """Whoever hears wake-ups does none of the work: a long round of one kind would hold up all others."""
    called = []
    every = {name: SimpleNamespace(wake=lambda name=name: called.append(name)) for name in LANES}
    monkeypatch.setattr(jobs, "_lanes", every)
    monkeypatch.setattr(jobs, "_services", SimpleNamespace(queue=queue))  # without a database: work would fail
    getattr(jobs, job)()
    assert called == lanes
