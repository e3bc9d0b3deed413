"""Each gateway's pace: one bucket and one breaker for all workers, and what is left when their store is away."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import ConfigError
from bot.jobs.pace import Paces
from bot.kinds import Kind
from bot.store import pacing
from bot.stores.clients import store_client

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)


def after(seconds):
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def paced(settings, redis_client):
    """Makes the paces of one more worker."""
    return lambda **rates: Paces(settings.model_copy(update={"rates": rates}), redis_client)


def taken(pace, kind, wanted, *, at=NOON, gateway="kannel"):
    """How many single segments in a row."""
    return sum(pace.take(gateway, kind, 1, least=1, now=at).segments for _ in range(wanted))


def test_without_a_rate_all_leave_at_once(paced):
    assert taken(paced(), Kind.BROADCAST, 1000) == 1000


def test_lower_kinds_leave_a_share_to_those_before_them(paced):
    pace = paced(kannel="20")
    assert taken(pace, Kind.BROADCAST, 50) == 10
    assert taken(pace, Kind.REMINDER, 50) == 3
    assert taken(pace, Kind.ANSWER, 50) == 5
    assert taken(pace, Kind.ALERT, 50) == 2
    assert pace.take("kannel", Kind.ALERT, 1, least=1, now=NOON).until == after(0.05)


def test_all_workers_share_one_bucket_and_it_fills_with_time(paced):
    workers = [paced(kannel="20") for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(lambda one: taken(one, Kind.ALERT, 20), workers)) == 20
    assert sum(taken(one, Kind.ALERT, 20, at=after(0.5)) for one in workers) == 10
    assert sum(taken(one, Kind.ALERT, 20, at=after(60)) for one in workers) == 20, "no more than a second's worth"


def test_segments_are_counted_and_a_long_text_passes_a_slow_gateway(paced):
    pace = paced(kannel="2")
    assert pace.take("kannel", Kind.ANSWER, 6, least=6, now=NOON).segments == 6
    refused = pace.take("kannel", Kind.ALERT, 1, least=1, now=NOON)
    assert (refused.segments, refused.why, refused.until) == (0, "rate", after(2.5))  # four too many, and its own
    assert pace.take("kannel", Kind.ALERT, 1, least=1, now=after(2.5)).segments == 1


def test_many_at_once_get_leave_for_as_many_as_there_is_room(paced):
    assert paced(kannel="20").take("kannel", Kind.BROADCAST, 100, least=2, now=NOON).segments == 10


@pytest.mark.alone
def test_a_fast_gateway_costs_no_call_of_the_store_per_message(paced, redis_client):
    pace = paced(kannel="1000")
    before = redis_client.info("stats")["total_commands_processed"]
    assert taken(pace, Kind.ANSWER, 800) == 800
    assert redis_client.info("stats")["total_commands_processed"] - before < 100  # 5 ‰ at once, six commands each


def fail(pace, times, *, at=NOON, account=False):
    for _ in range(times):
        pace.failed("kannel", "no_connection", account=account, now=at)


def test_a_gateway_that_keeps_failing_is_paused_for_all_and_one_message_tries_it(paced, redis_client):
    here, there = paced(), paced()
    fail(here, pacing.FAILURES - 1)
    assert taken(here, Kind.ANSWER, 5) == 5
    fail(here, 1)
    assert pacing.standings(redis_client)["kannel"] == pacing.Standing(5, 1, after(5).timestamp(), "no_connection")
    assert (here.paused("kannel", now=NOON), there.paused("kannel", now=NOON)) == (True, True)
    assert here.held(now=NOON) == {}
    assert taken(here, Kind.ANSWER, 5, at=after(1)) == taken(there, Kind.ANSWER, 5, at=after(1)) == 0
    assert here.held(now=after(1)) == {"kannel": (1, pytest.approx(4))}
    assert taken(here, Kind.ANSWER, 5, at=after(6)) == 1, "one message tries it"
    assert taken(there, Kind.ANSWER, 5, at=after(6)) == 0
    here.worked("kannel", now=after(7))
    assert taken(there, Kind.ANSWER, 5, at=after(8)) == 5
    assert pacing.standings(redis_client)["kannel"] == pacing.WELL


def test_pauses_grow_up_to_five_minutes(paced, redis_client):
    pace, at, pauses = paced(), 0.0, []
    fail(pace, pacing.FAILURES)
    for _ in range(9):
        until = pacing.standing(redis_client, "kannel").paused_until
        pauses.append(round(until - NOON.timestamp() - at))
        at = until - NOON.timestamp()
        assert taken(pace, Kind.ANSWER, 3, at=after(at)) == 1
        fail(pace, 1, at=after(at))
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_failures_of_calls_that_were_under_way_do_not_lengthen_the_pause(paced, redis_client):
    fail(paced(), 40)
    assert pacing.standing(redis_client, "kannel").paused_until == after(5).timestamp()


def test_an_account_that_is_refused_pauses_at_once(paced):
    pace = paced()
    fail(pace, 1, account=True)
    assert pace.paused("kannel", now=NOON)


def test_alerts_try_a_paused_gateway_every_twenty_seconds(paced):
    pace = paced()
    for n in range(8):
        fail(pace, pacing.FAILURES, at=after(400 * n))
        if n < 7:
            assert taken(pace, Kind.ANSWER, 1, at=after(400 * n + 390)) == 1
    assert taken(pace, Kind.ALERT, 3, at=after(2810)) == 0
    assert taken(pace, Kind.ALERT, 3, at=after(2821)) == 1
    assert taken(pace, Kind.ALERT, 3, at=after(2835)) == 0
    assert taken(pace, Kind.ALERT, 3, at=after(2842)) == 1


def test_one_success_between_failures_is_no_pause(paced):
    pace = paced()
    for n in range(20):
        fail(pace, pacing.FAILURES - 1, at=after(n))
        pace.worked("kannel", now=after(n))
    assert not pace.paused("kannel", now=after(30))


def test_while_the_store_is_away_a_bucket_of_this_process_does(settings, tmp_path):
    nowhere = store_client(f"unix://{tmp_path}/none.sock")
    pace = Paces(settings.model_copy(update={"rates": {"kannel": "20"}}), nowhere)
    assert taken(pace, Kind.BROADCAST, 50) == 10
    assert taken(pace, Kind.ALERT, 50) == 10
    assert taken(pace, Kind.ALERT, 50, at=after(0.5)) == 10
    assert taken(pace, Kind.ANSWER, 50, gateway="meta") == 50
    fail(pace, 9)
    pace.worked("kannel", now=NOON)


@pytest.mark.parametrize("amount", ["fast", "0", "-1", "nan", "1e9"])
def test_a_rate_that_is_none_is_refused_at_the_start(settings, redis_client, amount):
    with pytest.raises(ConfigError, match="MARABA_RATES: kannel="):
        Paces(settings.model_copy(update={"rates": {"kannel": amount}}), redis_client)
