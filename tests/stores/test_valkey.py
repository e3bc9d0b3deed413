"""The append-only file is mended after a power cut, never silently and never much; stores we are given are checked."""

import os
import shutil
import signal
import time

import pytest
import redis

from bot.stores import StartFault, Valkey, check_store
from bot.stores.clients import store_client


@pytest.fixture
def said():
    return []


@pytest.fixture
def store(tmp_path, said):
    made = Valkey("conversation", folder=tmp_path / "v", socket=tmp_path / "v.sock", durable=True, say=said.append)
    yield made
    made.stop()


@pytest.fixture
def written(store):
    """A store that was stopped after two writes; its last file."""
    store.start()
    with redis.Redis.from_url(store.url) as client:
        client.set("first", "1")
        client.set("second", "2")
    store.stop()
    return max((store.folder / "appendonlydir").glob("*.incr.aof"))


def values(store):
    with redis.Redis.from_url(store.url) as client:
        return client.mget("first", "second")


def test_a_tail_of_zeros_is_cut_copied_aside_and_told(store, written, said):
    before = written.read_bytes()
    written.write_bytes(before + bytes(4096))
    store.start()
    assert values(store) == [b"1", b"2"]
    assert len(said) == 1
    assert "cut 4096 bytes" in said[0]
    (aside,) = store.folder.glob("damaged-*")
    assert aside.read_bytes() == before + bytes(4096)
    assert str(aside) in said[0]


def test_a_command_that_was_not_written_whole_is_left_out(store, written):
    written.write_bytes(written.read_bytes()[:-3])
    store.start()
    assert values(store) == [b"1", None]


def test_rubbish_after_the_last_command_is_cut(store, written, said):
    written.write_bytes(written.read_bytes() + b"\x07rubbish\r\n")
    store.start()
    assert values(store) == [b"1", b"2"]
    assert "cut 10 bytes" in said[0]


def test_more_than_a_megabyte_is_not_cut_without_asking(store, written, said):
    damaged = written.read_bytes() + bytes(1_000_001)
    written.write_bytes(damaged)
    with pytest.raises(StartFault, match="too many to cut without you"):
        store.start()
    assert written.read_bytes() == damaged
    assert said == []


def test_a_store_of_ours_has_no_fault(store):
    store.start()
    with redis.Redis.from_url(store.url) as client:
        assert check_store(client) == []


@pytest.mark.parametrize(
    ("name", "value", "said_about"),
    [
        ("appendonly", "no", "appendonly no"),
        ("appendfsync", "everysec", "appendfsync everysec"),
        ("maxmemory-policy", "allkeys-lru", "maxmemory-policy allkeys-lru"),
        ("maxmemory", "0", "no maxmemory"),
    ],
)
def test_each_rule_that_is_broken_is_told_alone_with_its_remedy(store, name, value, said_about):
    store.start()
    with redis.Redis.from_url(store.url) as client:
        client.config_set(name, value)
        (fault,) = check_store(client)
    assert said_about in fault
    assert "set it" in fault


def test_a_store_that_refuses_to_be_asked_is_a_warning(store):
    store.start()
    with redis.Redis.from_url(store.url) as client:
        client.execute_command("ACL", "SETUSER", "default", "-config")
        (warning,) = check_store(client)
    assert "CONFIG is refused" in warning


def test_a_missing_program_is_one_sentence(store, tmp_path):
    shutil.rmtree(tmp_path / "v", ignore_errors=True)
    store.program.command = [str(tmp_path / "gone")]
    with pytest.raises(StartFault, match="gone is missing; run `make setup`"):
        store.start()


# --- our client of a store


@pytest.mark.alone
def test_a_store_that_is_away_is_known_at_once(tmp_path):
    began = time.monotonic()
    with store_client(f"unix://{tmp_path}/none.sock") as client, pytest.raises(redis.ConnectionError):
        client.ping()
    assert time.monotonic() - began < 1


@pytest.mark.alone
def test_a_store_that_hangs_is_not_asked_a_second_time(store):
    store.start()
    with store_client(store.url, timeout=0.5) as client:
        assert client.ping()
        os.kill(store.program.process.pid, signal.SIGSTOP)
        began = time.monotonic()
        try:
            with pytest.raises(redis.TimeoutError):
                client.ping()
            assert time.monotonic() - began < 1
        finally:
            os.kill(store.program.process.pid, signal.SIGCONT)


def test_after_a_restart_of_the_store_the_first_call_finds_it(store):
    store.start()
    with store_client(store.url) as client:
        client.set("kept", "yes")
        store.stop()
        store.start()
        assert client.get("kept") == b"yes"
