"""Kannel's two boxes, and a phone on the far side of its fake operator."""

import re
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote_to_bytes

import requests

from bot.config import DEVELOPMENT_KANNEL, ROOT
from bot.text import gsm7
from tests.machine import KANNEL, eventually

EXAMPLE = ROOT / "docs" / "examples" / "kannel.conf"
CODE = "321"
SENDSMS = "http://127.0.0.1:13013"
FAKE_OPERATOR = """
group = smsc
smsc = fake
smsc-id = fake
port = 10000
connect-allow-ip = "127.0.0.1"
reconnect-delay = 1
"""
_GOT = re.compile(rb"Got message \d+: <(.*)>\n")
_MESSAGE = re.compile(rb"(\S+) (\S+) (text|ucs-2|udh) (.*)")


def groups(text):
    """A configuration as its groups, remarks and all."""
    first, *rest = re.split(r"^(?=group = )", text, flags=re.MULTILINE)
    return [first, *rest]


def configuration(folder, port):
    """The operator's example, filled in: a folder for its files, the fake operator for the real ones."""
    kept = [group for group in groups(EXAMPLE.read_text()) if not group.startswith("group = smsc\n")]
    text = "".join(kept) + FAKE_OPERATOR
    text = text.replace("CHANGE-ME-HOOK-SECRET", "dev").replace("CHANGE-ME-SENDSMS", DEVELOPMENT_KANNEL)
    text = text.replace("/var/lib/kannel", str(folder)).replace("/var/log/kannel", str(folder))
    return text.replace("127.0.0.1:8000", f"127.0.0.1:{port}")


class Kannel:
    """bearerbox and smsbox; `port` is where Maraba listens."""

    def __init__(self, folder, port):
        self.folder = folder
        for name in ("messages", "reports"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "kannel.conf").write_text(configuration(folder, port))
        self.boxes = {}

    def start(self):
        self.box("bearerbox", 13001)
        self.box("smsbox", 13013)
        return self

    def box(self, name, port):
        """Start one of the two, and wait until it listens."""
        with (self.folder / f"{name}.out").open("ab") as out:
            self.boxes[name] = subprocess.Popen(
                [f"{KANNEL[name]}/{name}", "-v", "4", "kannel.conf"], cwd=self.folder, stdout=out, stderr=out
            )
        eventually(lambda: self.alive(name) and listens(port), within=30)

    def alive(self, name):
        if self.boxes[name].poll() is None:
            return True
        raise AssertionError(f"{name} ended: {(self.folder / f'{name}.out').read_text()[-1000:]}")

    def kill(self, name):
        self.boxes[name].send_signal(signal.SIGKILL)
        self.boxes[name].wait(10)

    def stop(self):
        for name in ("smsbox", "bearerbox"):
            box = self.boxes.get(name)
            if box and box.poll() is None:
                box.terminate()
                try:
                    box.wait(5)
                except subprocess.TimeoutExpired:  # it still waits for a line that is gone
                    box.kill()
                    box.wait()

    @staticmethod
    def status():
        return requests.get("http://127.0.0.1:13000/status.txt?password=CHANGE-ME-STATUS", timeout=5).text

    def received(self):
        """Messages of people that the bearerbox has taken since its start."""
        return int(re.search(r"SMS: received (\d+)", self.status())[1])

    def logs(self):
        return b"".join(path.read_bytes() for path in self.folder.glob("*box.*"))


@dataclass(frozen=True, slots=True)
class Heard:
    """One SMS as it left Kannel: `kind` is text, ucs-2, or udh for what had a header."""

    to: str
    kind: str
    header: bytes
    text: str


class Phones:
    """All phones behind the fake operator: `write` texts the short code, `heard` is what arrived on them."""

    def __init__(self):
        self.process = subprocess.Popen(
            [f"{KANNEL['fakesmsc']}/fakesmsc", "-H", "127.0.0.1", "-r", "10000", "-i", "0"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.heard = []
        self.written = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        eventually(lambda: "fake:10000 (online" in Kannel.status().lower())

    def write(self, number, text, *, kind=""):
        """One SMS to the short code, plain where its letters allow; `kind` data: bytes that are no text."""
        if not kind:
            kind, text = ("text", text) if text.isascii() else ("ucs2", quote(text.encode("utf-16-be"), safe=""))
        before = self.written
        self.process.stdin.write(f"{number} {CODE} {kind} {text}\n".encode())
        self.process.stdin.flush()
        eventually(lambda: self.written > before, every=0.005)

    def to(self, number):
        return [one for one in list(self.heard) if one.to == number]

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.terminate()
            self.process.wait(10)
        self._reader.join(10)
        self.process.stderr.close()

    def _read(self):
        for line in self.process.stderr:
            if b"fakesmsc: sent message" in line:
                self.written += 1
            got = _GOT.search(line)
            message = got and _MESSAGE.fullmatch(got[1])
            if message:
                self.heard.append(_heard(*message.groups()))
            elif got:  # the fake operator speaks in lines: what follows a line break is a message of its own to it
                self.heard[-1] = replace(self.heard[-1], text=f"{self.heard[-1].text}\n{got[1].decode()}")


def _heard(sender, to, kind, rest):
    assert sender.decode() == CODE
    if kind == b"udh":
        header, _, body = rest.partition(b" data ")
        raw = unquote_to_bytes(body.replace(b"+", b" "))
        return Heard(to.decode(), "udh", unquote_to_bytes(header.replace(b"+", b" ")), _letters(raw))
    if kind == b"ucs-2":
        return Heard(to.decode(), "ucs-2", b"", unquote_to_bytes(rest.replace(b"+", b" ")).decode("utf-16-be"))
    return Heard(to.decode(), kind.decode(), b"", rest.decode())


def _letters(raw):
    """A part's text. The fake operator doesn't say which alphabet it has: UTF-16 is what can't be letters of GSM-7."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-16-be")
    return text if gsm7.is_gsm7(text) else raw.decode("utf-16-be")


def joined(parts):
    """A long text as a phone puts it together, by the headers of its parts."""
    references = {one.header[3] for one in parts}
    assert len(references) == 1
    assert {one.header[:3] for one in parts} == {bytes((5, 0, 3))}
    assert {one.header[4] for one in parts} == {len(parts)}
    ordered = sorted(parts, key=lambda one: one.header[5])
    assert [one.header[5] for one in ordered] == list(range(1, len(parts) + 1))
    return "".join(one.text for one in ordered)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def settled(count, *, seconds=1.0, within=30.0):
    """The same count twice, a moment apart: nothing comes after it. What is on its way may still come."""
    until, before = time.monotonic() + within, None
    while time.monotonic() < until:
        now = count()
        if now == before:
            return True
        before = now
        time.sleep(seconds)
    return False
