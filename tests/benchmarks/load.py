"""A load of five-turn dialogues over kept connections: bounded in count and time, on 127.0.0.1 only."""

import random
import selectors
import socket
import time
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from bot.text.damm import check_digit

KEYS = ["", "1", "2", "2", "1"]  # dial, French, I need help, food (a referral is opened), I agree
CODE = ["", "1", "1", "{case}", "7306"]  # dial, French, my file, a file number, a code: only the last is counted


@dataclass
class Result:
    """What a load saw: turns, seconds, latencies in milliseconds, answers that were not 200."""

    turns: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def rate(self) -> float:
        return self.turns / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


@dataclass
class _Person:
    link: socket.socket
    phone: str = ""
    case: str = ""
    session: str = ""
    step: int = 0
    sent: float = 0.0
    due: float = 0.0
    buffer: bytes = b""
    keys: list[str] = field(default_factory=lambda: KEYS)

    def begin(self) -> None:
        self.phone = f"+2279{random.randrange(10_000_000):07d}"
        self.session = f"ATUid_{random.getrandbits(128):032x}"
        self.step = 0
        digits = f"{random.randrange(10_000_000, 100_000_000)}"
        self.case = digits + check_digit(digits)

    def request(self) -> bytes:
        text = "*".join(key.format(case=self.case) for key in self.keys[1 : self.step + 1])
        body = (
            f"sessionId={self.session}&serviceCode=%2A321%23&networkCode=99999"
            f"&phoneNumber={quote_plus(self.phone)}&text={quote_plus(text)}"
        )
        return (
            "POST /hooks/africastalking/dev/ussd HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


def dialogues(
    port: int, *, people: int, seconds: float, rate: float = 0.0, keys: list[str] = KEYS, count_from: int = 0
) -> Result:
    """Let `people` talk at once for some seconds; `rate` turns a second in all, 0: as fast as answered.

    Latencies are kept of the steps from `count_from` on.
    """
    selector = selectors.DefaultSelector()
    talkers = []
    for _ in range(people):
        person = _Person(socket.create_connection(("127.0.0.1", port), timeout=10), keys=keys)
        person.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        person.begin()
        selector.register(person.link, selectors.EVENT_READ, person)
        talkers.append(person)
    result, began = Result(), time.perf_counter()
    pause = people / rate if rate else 0.0
    for number, person in enumerate(talkers):
        person.due = began + (pause * number / people)
    idle = list(talkers)
    while time.perf_counter() - began < seconds:
        now = time.perf_counter()
        for person in [p for p in idle if p.due <= now]:
            idle.remove(person)
            person.sent = max(person.due, now) if not rate else person.due
            person.link.sendall(person.request())
        for key, _ in selector.select(0.001 if idle else 0.05):
            if _receive(key.data, result, count_from):
                key.data.due = max(time.perf_counter(), key.data.sent + pause) if rate else 0.0
                idle.append(key.data)
    result.seconds = time.perf_counter() - began
    for person in talkers:
        person.link.close()
    selector.close()
    return result


def _receive(person: _Person, result: Result, count_from: int) -> bool:
    """Read what came; True when the answer is whole."""
    received = person.link.recv(65_536)
    if not received:
        raise ConnectionResetError("the server closed a kept connection")
    person.buffer += received
    head, found, body = person.buffer.partition(b"\r\n\r\n")
    if not found:
        return False
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    if len(body) < length:
        return False
    person.buffer = b""
    result.turns += 1
    if person.step >= count_from:
        result.latencies.append((time.perf_counter() - person.sent) * 1000)
    result.errors += b" 200 " not in head[:15]
    person.step += 1
    if person.step == len(person.keys):
        person.begin()
    return True
