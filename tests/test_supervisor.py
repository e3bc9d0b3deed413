"""One command starts everything, keeps it going, and leaves nothing behind, however it ends."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from bot.config import ROOT, Settings
from bot.stores import running_urls
from tests.machine import eventually, free_port

pytestmark = pytest.mark.slow
AGAIN = 20.0  # seconds: under 10 on a machine of its own; here other tests run beside it
STARTED, ENDED = 90.0, 45.0  # seconds: on a busy machine; waiting ends as soon as it is so
CHILDREN = ("web", "recorder", "worker", "clock")


def alive(pid):
    """True unless the process is gone or only waits to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Machine:
    """A folder, a port, and the supervisor on them with stand-in processes."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.settings = Settings(data_dir=folder / "data", port=self.port)
        self.runs = []

    def start(self, *, prefix=(), environment=None, **options):
        output = (self.folder / f"output{len(self.runs)}").open("wb")
        run = subprocess.Popen(
            [*prefix, sys.executable, "-m", "tests.fake_supervisor", str(self.folder)],
            cwd=ROOT,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("MARABA_")},
                "MARABA_DATA_DIR": str(self.settings.data_dir),
                "MARABA_PORT": str(self.port),
                **(environment or {}),
            },
            stdout=output,
            stderr=subprocess.STDOUT,
            **options,
        )
        output.close()
        self.runs.append(run)
        return run

    def started(self, **options):
        run = self.start(**options)
        eventually(lambda: "ready after" in self.said(), within=STARTED)
        eventually(lambda: all((self.folder / f"{name}.pid").exists() for name in CHILDREN))  # web may be the first
        return run

    def said(self, number=-1):
        outputs = sorted(self.folder.glob("output*"))
        return outputs[number].read_text() if outputs else ""

    def pid(self, name):
        return int((self.folder / f"{name}.pid").read_text())

    def store_pids(self):
        """Every process that works in the data folder: a store changes into its own."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                place = (entry / "cwd").readlink()
            except OSError:
                continue
            if place.is_relative_to(self.settings.data_dir) and alive(entry.name):
                found.append(int(entry.name))
        return found

    def valkey_pid(self, name="conversation"):
        with self.client(name) as client:
            return client.info("server")["process_id"]

    def client(self, name="conversation"):
        field = {"conversation": "redis_url", "jobs": "queue_url"}[name]
        return redis.Redis.from_url(running_urls(self.settings)[field])

    def events(self):
        return [line.split()[1:] for line in (self.folder / "events").read_text().splitlines()]

    def clear(self):
        for run in self.runs:
            if run.poll() is None:
                run.kill()
            run.wait()
        for pid in [
            *self.store_pids(),
            *(self.pid(name) for name in CHILDREN if (self.folder / f"{name}.pid").exists()),
        ]:
            if alive(pid) and pid != os.getpid():
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    yield made
    made.clear()


def test_it_starts_everything_and_sigterm_stops_web_first_and_stores_last(machine):
    run = machine.started()
    pids = [machine.pid(name) for name in CHILDREN] + machine.store_pids()
    with machine.client() as client:
        client.set("kept", "yes")
    run.terminate()
    assert run.wait(ENDED) == 0
    assert not [pid for pid in pids if alive(pid)]
    assert machine.store_pids() == []
    stopped = [name for name, event, *_ in machine.events() if event == "stopped"]
    assert stopped[0] == "web"
    assert sorted(stopped) == sorted(CHILDREN)
    assert next(event for name, *event in machine.events() if name == "worker") == ["started", "with", "stores"]

    begun = time.monotonic()
    machine.started()
    assert time.monotonic() - begun < AGAIN
    with machine.client() as client:
        assert client.get("kept") == b"yes"


def test_it_prints_three_lines_to_copy(machine):
    machine.started()
    eventually(lambda: "talk --channel ussd" in machine.said())
    said = machine.said()
    assert f"http://127.0.0.1:{machine.port}/simulator" in said
    assert re.search(rf"curl http://127\.0\.0\.1:{machine.port}/hooks/africastalking/dev/ussd .*%2B227", said)


def test_a_child_that_dies_is_started_again(machine):
    machine.started()
    before = machine.pid("worker")
    os.kill(before, signal.SIGKILL)
    eventually(lambda: machine.pid("worker") != before and alive(machine.pid("worker")))
    assert "worker ended (killed by SIGKILL)" in machine.said()


def test_a_store_that_dies_comes_back_with_all_it_acknowledged(machine):
    machine.started()
    with machine.client() as client:
        client.set("kept", "yes")
    before = machine.valkey_pid()
    os.kill(before, signal.SIGKILL)

    def back():
        try:
            with machine.client() as client:
                return client.get("kept") == b"yes" and machine.valkey_pid() != before
        except redis.RedisError:
            return False

    eventually(back)


def test_nothing_outlives_a_killed_supervisor_and_a_new_one_starts_at_once(machine):
    run = machine.started()
    pids = [machine.pid(name) for name in CHILDREN] + machine.store_pids()
    assert len(pids) >= 7
    run.kill()
    run.wait()
    eventually(lambda: not [pid for pid in pids if alive(pid)], within=ENDED)
    machine.started()


def test_a_second_start_on_the_same_data_is_refused_in_one_sentence(machine):
    first = machine.started()
    second = machine.start()
    assert second.wait(ENDED) == 1
    lines = machine.said().splitlines()
    assert len(lines) == 1
    assert f"already runs on the data folder {machine.settings.data_dir} (process {first.pid})" in lines[0]
    assert first.poll() is None
    with machine.client() as client:
        assert client.ping()


def test_a_port_in_use_is_one_sentence(machine):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", machine.port))
        taken.listen()
        run = machine.start()
        assert run.wait(ENDED) == 1
    lines = machine.said().splitlines()
    assert len(lines) == 1
    assert f"Port {machine.port} of 127.0.0.1 can't be used" in lines[0]
    assert machine.store_pids() == []


def test_sigint_stops_it_even_when_it_was_started_with_sigint_ignored(machine):
    machine.start(prefix=["sh", "-c", 'trap "" INT; exec "$@"', "sh"])
    eventually(lambda: "ready after" in machine.said(), within=STARTED)
    machine.runs[-1].send_signal(signal.SIGINT)
    assert machine.runs[-1].wait(ENDED) == 0


def test_a_second_signal_ends_a_stop_that_hangs(machine):
    machine.started(environment={"FAKE_STUBBORN": "worker"})
    run = machine.runs[-1]
    pids = [machine.pid(name) for name in CHILDREN] + machine.store_pids()
    run.send_signal(signal.SIGINT)
    eventually(lambda: ["worker", "asked"] in machine.events())
    run.send_signal(signal.SIGINT)
    assert run.wait(6) == 128 + signal.SIGINT
    eventually(lambda: not [pid for pid in pids if alive(pid)], within=ENDED)


def test_a_child_that_does_not_stop_is_ended_after_a_while(machine):
    machine.started(environment={"FAKE_STUBBORN": "worker", "FAKE_PATIENCE": "1"})
    machine.runs[-1].terminate()
    assert machine.runs[-1].wait(ENDED) == 0
    assert ["worker", "asked"] in machine.events()
    assert not alive(machine.pid("worker"))


def on_small_disk(folder, megabytes):
    """A prefix that mounts a small disk of its own over `folder` for one process and its children."""
    script = f'mount -t tmpfs -o size={megabytes}m tmpfs "{folder}" && exec "$@"'
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]


def test_a_full_disk_is_one_sentence(machine):
    machine.settings.data_dir.mkdir()
    run = machine.start(prefix=on_small_disk(machine.settings.data_dir, 20))
    assert run.wait(ENDED) == 1
    lines = machine.said().splitlines()
    assert len(lines) == 1
    assert f"The disk of {machine.settings.data_dir} is full" in lines[0]


def test_a_disk_that_fills_up_costs_the_reserve_file_not_the_service(machine):
    data = machine.settings.data_dir
    data.mkdir()
    run = machine.start(prefix=on_small_disk(data, 400))
    eventually(lambda: "ready after" in machine.said(), within=STARTED)
    inside = Path(f"/proc/{run.pid}/root{data}")
    socket_url = re.search(r"unix://(\S+?)\?", (inside / "running.json").read_text())[1]
    client = redis.Redis(unix_socket_path=socket_url)
    with (inside / "filler").open("wb") as filler:
        room = os.statvfs(inside)
        os.posix_fallocate(filler.fileno(), 0, room.f_bavail * room.f_frsize - 100_000)

    def told():
        with contextlib.suppress(redis.RedisError):
            client.set("large", os.urandom(60_000).hex())
        return "gave up the reserve file" in machine.said()

    eventually(told, within=ENDED)

    def goes_on():
        try:
            return client.set("after", "yes")
        except redis.RedisError:
            return False

    eventually(goes_on)
    client.close()
    run.terminate()
    assert run.wait(ENDED) == 0
