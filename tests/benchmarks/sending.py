"""Messages a second of one worker process, beside a bare loop over a Redis list with one kept connection."""

import http.client
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import redis
from sqlalchemy import insert, text

from bot.config import ROOT, Settings
from bot.jobs import answers, rows
from bot.jobs.services import Services
from bot.kinds import Kind
from bot.store import keys
from bot.store.ciphers import SHARDS
from bot.store.journal import Answer, pack_answer
from bot.store.models import Contact, Message

WORDS = "Du nouveau pour vous. Composez *321# pour le detail. Effacez ce message."
FORM = {"username": "sandbox", "message": WORDS, "bulkSMSMode": 1, "from": "321"}


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement: messages a second, and microseconds of this process's processor for each."""

    rate: float
    cpu_us: float


def measured(work: Callable[[], int]) -> Round:
    """Run it once; it returns how many messages left."""
    began, spent = time.perf_counter(), time.process_time()
    sent = work()
    took = time.perf_counter() - began
    return Round(sent / took, (time.process_time() - spent) / sent * 1e6)


def report(urls: dict[str, str], *, messages: int, rounds: int) -> None:
    """Measure in turns, print the table."""
    lean = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.lean"], stdout=subprocess.PIPE, cwd=ROOT)
    assert lean.stdout is not None
    port = int(lean.stdout.readline())
    settings = Settings(**urls, africastalking_api_url=f"http://127.0.0.1:{port}", timezone=_where_it_is_noon())
    services = Services.of(settings)
    ways: dict[str, Callable[[], int]] = {
        "bare loop": lambda: _bare(services.conversations, port, messages),
        "answers": lambda: _answers(services, messages),
        "rows": lambda: _rows(services, messages),
        "one text to many": lambda: _rows(services, messages),
    }
    found: dict[str, list[Round]] = {name: [] for name in ways}
    try:
        for _ in range(rounds):
            for name, way in ways.items():
                _fill(services, name, messages)
                found[name].append(measured(way))
    finally:
        services.close()
        lean.kill()
        lean.wait(10)
    _table(found)


def _table(found: dict[str, list[Round]]) -> None:
    print("sending, one worker process, a gateway that answers at once:")
    print(f"  {'':18}{'messages/s':>11}{'CPU us each':>13}{'of the bare loop':>18}")
    for name, rounds in found.items():
        ratio = statistics.median(one.rate / bare.rate for one, bare in zip(rounds, found["bare loop"], strict=True))
        rate, cpu = statistics.median(r.rate for r in rounds), statistics.median(r.cpu_us for r in rounds)
        print(f"  {name:18}{rate:11.0f}{cpu:13.0f}{ratio:18.2f}")


def _where_it_is_noon() -> str:
    """A time zone in which pushes may leave now: the gate stands in the way of these messages as of all others."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


def _fill(services: Services, name: str, messages: int) -> None:
    services.conversations.flushdb()
    with services.database.transaction() as session:
        session.execute(text("TRUNCATE messages, contacts RESTART IDENTITY CASCADE"))
    if name == "bare loop":
        services.conversations.rpush("bench", *(_number(n) for n in range(messages)))
    elif name == "answers":
        _fill_answers(services, messages)
    else:
        _fill_rows(services, messages, same=name == "one text to many")


def _number(n: int) -> str:
    return f"+2279{n:07d}"


def _fill_answers(services: Services, messages: int) -> None:
    ciphers, now = services.ciphers, round(time.time() * 1000)
    with services.conversations.pipeline(transaction=False) as asked:
        for n in range(messages):
            address = ciphers.address(_number(n))
            made = ciphers.turn_id("bench", str(n))
            answer = Answer(made, made, "africastalking", "sms", address.digest, _number(n), WORDS, at=now)
            asked.xadd(keys.answers(address.shard), {"e": pack_answer(answer, ciphers)})
        asked.execute()


def _fill_rows(services: Services, messages: int, *, same: bool) -> None:
    ciphers, now = services.ciphers, datetime.now(UTC) - timedelta(seconds=5)
    people, texts = [], []
    for n in range(messages):
        digest = ciphers.address(_number(n)).digest
        number = ciphers.encrypt(_number(n).encode(), f"contacts|{digest}|number".encode())
        people.append({"id": n + 1, "digest": digest, "number_enc": number})
        message_id = f"{n:032x}"
        words = WORDS if same else f"{WORDS} {n}"
        texts.append(
            {
                "id": message_id,
                "kind": Kind.BROADCAST if same else Kind.REMINDER,
                "channel": "sms",
                "gateway": "africastalking",
                "contact_id": n + 1,
                "text_enc": ciphers.encrypt(words.encode(), f"messages|{message_id}|text".encode()),
                "created_at": now,
                "due_at": now,
            }
        )
    with services.database.transaction() as session:
        session.execute(insert(Contact), people)
        session.execute(insert(Message), texts)


def _bare(client: redis.Redis, port: int, messages: int) -> int:
    """The limit: take from a list, post, read what comes."""
    line = http.client.HTTPConnection("127.0.0.1", port)
    line.connect()
    line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "apiKey": "x", "Accept": "application/json"}
    sent = 0
    while (number := client.lpop("bench")) is not None:
        line.request("POST", "/version1/messaging", urlencode({**FORM, "to": number}).encode(), headers)
        sent += json.loads(line.getresponse().read())["SMSMessageData"]["Message"] == "Sent"
    line.close()
    assert sent == messages
    return sent


def _answers(services: Services, messages: int) -> int:
    sent = 0
    while sent < messages:
        sent += answers.send_waiting(services, range(SHARDS))
    return sent


def _rows(services: Services, messages: int) -> int:
    sent = 0
    while sent < messages:
        sent += rows.send_due(services).sent
    return sent
