"""The whole service as an operator runs it, with a stand-in for the gateways, in a folder of its own."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import redis
import requests
from rq import Worker
from sqlalchemy import create_engine

from bot.condition import CLOCK_SEEN
from bot.config import ROOT, Settings
from bot.store.ciphers import SHARDS, Ciphers
from bot.stores import running_urls
from tests.machine import eventually, free_port, with_children
from tests.standin import AfricasTalkingCaller, MetaCaller, StandIn, TwilioCaller

TICKET = re.compile(r"\b(\d{3})-(\d{4})\b")
HADIZA, AICHA = "+22790009901", "+22790009902"


def tickets(text):
    """Ticket numbers in a text, as seven digits."""
    return ["".join(groups) for groups in TICKET.findall(text)]


class Running:
    """`maraba up` in a subprocess; `stand_in` takes what it sends."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.stand_in = StandIn()
        self.stand_in.start()
        self.settings = Settings(data_dir=folder / "data", port=self.port)
        self.log = folder / "service.log"
        self.environment = dict(
            os.environ,
            PYTHONPATH=str(ROOT),
            MARABA_DATA_DIR=str(folder / "data"),
            MARABA_PORT=str(self.port),
            MARABA_AFRICASTALKING_API_URL=f"{self.stand_in.url}/version1",
            MARABA_TWILIO_API_URL=self.stand_in.url,
            MARABA_META_API_URL=self.stand_in.url,
            NO_PROXY="127.0.0.1",
            **environment,
        )
        self.process = None
        self.africastalking = self.caller(AfricasTalkingCaller)
        self.twilio = self.caller(TwilioCaller)
        self.meta = MetaCaller(self.base)

    def caller(self, kind, **more):
        """Calls the hooks of Africa's Talking or Twilio with this service's secret."""
        name, setting = {AfricasTalkingCaller: ("secret", "HOOK_SECRET"), TwilioCaller: ("token", "TWILIO_AUTH_TOKEN")}[
            kind
        ]
        own = self.environment.get(f"MARABA_{setting}")
        return kind(self.base, **({name: own} if own else {}), **more)

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bot.cli", "up"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(self.ready, within=180)
        eventually(self.all_at_work, within=180)
        return self

    def ready(self):
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        return requests.get(f"{self.base}/health/ready", timeout=2).json()["checks"]["database"]

    def all_at_work(self):
        """Recorders hold every shard, a worker has come, and the clock has swept: what is asked now is served at once."""
        held = self.query("select count(*) from pg_locks where locktype = 'advisory' and granted")[0][0]
        return held >= SHARDS and Worker.count(connection=self.queue()) and self.queue().exists(CLOCK_SEEN)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
        self.africastalking.close()
        self.twilio.close()
        self.meta.close()
        self.stand_in.stop()

    def pids(self, name):
        """Processes of one part: web, recorder, worker, clock, postgres, conversation."""
        if name in ("postgres", "conversation"):
            return [pid for pid in with_children(self.process.pid) if self._is_store(pid, name)]
        return [pid for pid in with_children(self.process.pid) if self._words(pid)[-2:] == ["bot.cli", name]]

    def kill(self, name, number=signal.SIGKILL):
        found = self.pids(name)
        assert found, f"no process of {name}"
        for pid in found:
            with suppress(ProcessLookupError):  # a session of the database that was just over
                os.kill(pid, number)

    def query(self, sql, **values):
        """Rows of the service's own database."""
        engine = create_engine(self.urls["database_url"].replace("postgresql://", "postgresql+psycopg://"))
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.exec_driver_sql(sql, values or None)]
        finally:
            engine.dispose()

    def opened(self, phone, source):
        """How many requests of this source a phone has."""
        return self.query(
            "select count(*) from referrals join contacts on contacts.id = contact_id "
            "where digest = %(digest)s and referrals.source = %(source)s",
            digest=Ciphers.of(self.settings).address(phone).digest, source=source,
        )[0][0]  # fmt: skip

    @property
    def urls(self):
        return running_urls(self.settings)

    def store(self):
        return redis.Redis.from_url(self.urls["redis_url"])

    def queue(self):
        return redis.Redis.from_url(self.urls["queue_url"])

    def alerts(self, ticket):
        """Alerts that left for a ticket."""
        shown = f"{ticket[:3]}-{ticket[3:]}"
        return [message for message in self.stand_in.taken() if shown in message.text and " OK " in message.text]

    @staticmethod
    def _words(pid):
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
        except OSError:
            return []

    def _is_store(self, pid, name):
        """PostgreSQL is all its processes: a postmaster that stops alone leaves its sessions at work."""
        words = " ".join(self._words(pid))
        if name == "postgres":
            return words.startswith("postgres:") or ("/postgres" in words and " -D " in words)
        return "valkey-server" in words and "conversation" in words
