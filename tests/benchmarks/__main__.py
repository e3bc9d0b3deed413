"""`make bench`: the service against its bare peers, interleaved, as ratios.

Each figure comes from this run alone. CPU is user and system time of all processes of a server plus the
conversation store, divided by the turns that were answered: the steadiest figure on a shared machine.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import redis

from bot.config import ROOT, Settings
from bot.store import keys, migrate
from bot.stores import EmbeddedStores
from tests.benchmarks import sending
from tests.benchmarks.load import CODE, Result, dialogues
from tests.machine import with_children

TICK = os.sysconf("SC_CLK_TCK")
GRANIAN = ["--interface", "wsgi", "--workers", "2", "--blocking-threads", "{threads}", "--no-ws", "--factory"]


@dataclass
class Server:
    """One peer: a name, how it starts, its port."""

    name: str
    command: list[str]
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            self.command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self.port)

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(15)
            self.process = None


def wait_for(port: int) -> None:
    """Until the server answers a dial."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            dialogues(port, people=1, seconds=0.2)
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(f"no answer on port {port}")


def cpu_seconds(*roots: int) -> float:
    """User and system time of processes and all their children, dead ones included."""
    total = 0.0
    for pid in with_children(*roots):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(value) for value in fields[11:13]) / TICK
    return total


@dataclass
class Measured:
    """One round of one server."""

    result: Result
    cpu_us: float  # microseconds of processor a turn, service and store


def measure(server: Server, store: int, *, people: int, seconds: float, rate: float = 0.0) -> Measured:
    """One round: load it, and read what the processors did meanwhile."""
    assert server.process is not None
    before = cpu_seconds(server.process.pid, store)
    result = dialogues(server.port, people=people, seconds=seconds, rate=rate)
    spent = cpu_seconds(server.process.pid, store) - before
    return Measured(result, spent / max(1, result.turns) * 1e6)


def granian(target: str, port: int, *, threads: int) -> list[str]:
    """The command line of a peer on the server that the service uses."""
    options = [option.format(threads=threads) for option in GRANIAN]
    return [sys.executable, "-m", "granian", *options, "--host", "127.0.0.1", "--port", str(port), target]


def servers(base: int, threads: int) -> dict[str, Server]:
    """The service and its peers."""
    gunicorn = [sys.executable, "-m", "gunicorn", "-w", "2", "--threads", "4", "-k", "gthread", "--log-level", "error"]
    peers = "tests.benchmarks.peers"
    return {
        "maraba": Server("maraba", [sys.executable, "-m", "bot.cli", "web"], base),
        "constant": Server("constant", granian(f"{peers}:constant", base + 1, threads=threads), base + 1),
        "two trips": Server("two trips", granian(f"{peers}:two_trips", base + 2, threads=threads), base + 2),
        "plain recipe": Server(
            "plain recipe", [*gunicorn, "-b", f"127.0.0.1:{base + 3}", f"{peers}:plain_recipe()"], base + 3
        ),
    }


def session_bytes(client: redis.Redis) -> tuple[float, float]:
    """Memory of a live session and of its contact, keys and all, as the server counts them."""
    sizes: dict[str, list[int]] = {"s": [], "c": []}
    for key in client.scan_iter(match="{s*", count=1000):
        kind = key.decode().partition("}")[2][:1]
        if kind in sizes and len(sizes[kind]) < 300:
            sizes[kind].append(client.memory_usage(key, samples=0))
    return tuple(statistics.mean(values) if values else 0.0 for values in sizes.values())  # type: ignore[return-value]


def written_bytes(client: redis.Redis) -> str:
    """How many bytes a turn writes: session, mark, journal entry. The peers write the same."""
    kinds: dict[str, list[int]] = {"s": [], "m": []}
    entries: list[int] = []
    for key in client.scan_iter(match="{s*", count=1000):
        kind = key.decode().partition("}")[2][:1]
        if kind in kinds and len(kinds[kind]) < 200:
            kinds[kind].append(client.strlen(key))
    for shard in range(64):
        entries += [len(fields[b"e"]) for _, fields in client.xrange(keys.journal(shard), count=20)]
    return ",".join(str(round(statistics.mean(values))) for values in (kinds["s"], kinds["m"], entries))


def main() -> None:
    """Start the stores and the servers, measure in turns, print the table."""
    options = argparse.ArgumentParser(description=main.__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--people", type=int, default=16)
    options.add_argument("--port", type=int, default=18100)
    options.add_argument("--threads", type=int, default=Settings().web_threads)
    options.add_argument("--only", default="", help="names of servers, by comma; `sending`: the sender alone")
    options.add_argument("--messages", type=int, default=3000)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="maraba-bench-") as folder:
        settings = Settings(data_dir=Path(folder), port=arguments.port)
        with EmbeddedStores(settings, say=print) as stores:
            migrate.upgrade(stores.urls["database_url"])
            if arguments.only != "sending":
                _run(stores, arguments)
            sending.report(stores.urls, messages=arguments.messages, rounds=arguments.rounds)


def _run(stores: EmbeddedStores, arguments: argparse.Namespace) -> None:
    environment = dict(os.environ, PYTHONPATH=str(ROOT), MARABA_PORT=str(arguments.port))
    environment.update({f"MARABA_{name.upper()}": url for name, url in stores.urls.items()})
    environment.update(MARABA_WEB_THREADS=str(arguments.threads), MARABA_LOG_LEVEL="ERROR", MARABA_ENV="development")
    client = redis.Redis.from_url(stores.urls["redis_url"])
    store = int(client.info("server")["process_id"])
    peers = servers(arguments.port, arguments.threads)
    if arguments.only:
        peers = {name: peers[name] for name in arguments.only.split(",")}
    peers["maraba"].start(environment)
    dialogues(arguments.port, people=8, seconds=2)
    environment["BENCH_BYTES"] = written_bytes(client)
    live, contact = session_bytes(client)
    for name, peer in peers.items():
        if name != "maraba":
            peer.start(environment)
    try:
        _report(peers, store, client, environment, arguments)
    finally:
        for peer in peers.values():
            peer.stop()
    print(f"bytes a turn writes (session, mark, journal entry): {environment['BENCH_BYTES']}")
    print(f"memory of a live session: {live:.0f} bytes (must 320, aim 240); of its contact: {contact:.0f}")


def _report(
    peers: dict[str, Server],
    store: int,
    client: redis.Redis,
    environment: dict[str, str],
    arguments: argparse.Namespace,
) -> None:
    rounds = _rounds(peers, store, client, arguments)
    print("recorder stopped:")
    _table(rounds)
    recorder = subprocess.Popen([sys.executable, "-m", "bot.cli", "recorder"], cwd=ROOT, env=environment)
    time.sleep(5)
    try:
        draining = {name: peer for name, peer in peers.items() if name in ("maraba", "two trips")}
        print("recorder draining (its own work and PostgreSQL's not counted as CPU a turn):")
        _table(_rounds(draining, store, client, arguments, flush=False))
    finally:
        recorder.terminate()
        recorder.wait(15)
    peak = statistics.median(round_.result.rate for round_ in rounds["maraba"])
    half = measure(peers["maraba"], store, people=arguments.people, seconds=arguments.seconds, rate=peak / 2)
    print(
        f"at half of the peak ({peak / 2:.0f} turns/s): p50 {half.result.percentile(0.5):.1f} ms, "
        f"p99 {half.result.percentile(0.99):.1f} ms (must 50, aim 20)"
    )
    _with_a_code(peers["maraba"], arguments)


def _with_a_code(server: Server, arguments: argparse.Namespace) -> None:
    """The turn that checks a code: three store calls and one query. Files that do not exist cost the same."""
    found = dialogues(server.port, people=4, seconds=arguments.seconds, keys=CODE, count_from=len(CODE) - 1)
    print(f"a turn with a code, four people: p50 {found.percentile(0.5):.1f} ms, p99 {found.percentile(0.99):.1f} ms")


def _rounds(
    peers: dict[str, Server], store: int, client: redis.Redis, arguments: argparse.Namespace, *, flush: bool = True
) -> dict[str, list[Measured]]:
    rounds: dict[str, list[Measured]] = {name: [] for name in peers}
    for _ in range(arguments.rounds):
        for name, peer in peers.items():
            if flush:
                client.flushdb()  # every round meets an empty store: no peer pays for another's journal
            rounds[name].append(measure(peer, store, people=arguments.people, seconds=arguments.seconds))
    return rounds


def _table(rounds: dict[str, list[Measured]]) -> None:
    ours = rounds["maraba"]
    print(f"  {'':14}{'turns/s':>9}{'p99 ms':>8}{'CPU us/turn':>13}{'ours/it: turns/s':>18}{'CPU':>7}{'not 200':>9}")
    for name, found in rounds.items():
        rate = statistics.median(m.result.rate for m in found)
        cpu = statistics.median(m.cpu_us for m in found)
        p99 = statistics.median(m.result.percentile(0.99) for m in found)
        ratios = [(a.result.rate / b.result.rate, a.cpu_us / b.cpu_us) for a, b in zip(ours, found, strict=True)]
        errors = sum(m.result.errors for m in found)
        print(
            f"  {name:14}{rate:9.0f}{p99:8.1f}{cpu:13.0f}{statistics.median(r for r, _ in ratios):18.2f}"
            f"{statistics.median(c for _, c in ratios):7.2f}{errors:9d}"
        )


if __name__ == "__main__":
    main()
