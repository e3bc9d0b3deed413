"""A phone in the terminal: it speaks to the running service through its real hooks, signatures included."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from bot.config import Settings
from bot.errors import BotError
from bot.messages import Channel
from bot.simulator.hooks import Answer, Hooks, Request, new_line
from bot.text import phones

END_OF_CALL = "(the line is closed)"
FIRST_ANSWER, NEXT_ANSWER = 15.0, 1.5  # seconds to wait for the first message, and for one more
PAUSE = 0.25  # seconds between two looks


class NoAnswer(BotError):
    """The service is not there or refused the call; the message says which."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a person reads and types; `ask` raises EOFError at Ctrl-D."""

    ask: Callable[[str], str] = input
    say: Callable[[str], None] = print


KEYBOARD = Terminal()


def talk(
    settings: Settings,
    *,
    channel: str,
    phone: str,
    url: str = "",
    terminal: Terminal = KEYBOARD,
) -> None:
    """Talk on `channel` (ussd, sms, whatsapp) as `phone` (E.164) until the line closes or Ctrl-D.

    `url` is where the service listens, `http://127.0.0.1:<port>` unless told. On USSD, Ctrl-D drops the line.
    SMS and WhatsApp answers are read from the simulator, so they need development. Raises NoAnswer.
    """
    number = phones.mobile(phone)
    if number is None:
        raise NoAnswer("That is no phone number; write it like +22790001234.")
    base = (url or f"http://127.0.0.1:{settings.port}").rstrip("/")
    hooks = Hooks(settings, url=base)
    if channel == Channel.USSD:
        _dial(hooks, number, terminal)
    elif channel in (Channel.SMS, Channel.WHATSAPP):
        _write(hooks, number, Channel(channel), _Box(base, number, channel), terminal)
    else:
        raise NoAnswer("Talk on ussd, sms or whatsapp.")


def _dial(hooks: Hooks, phone: str, terminal: Terminal) -> None:
    session, typed, began = new_line(), list[str](), time.monotonic()
    while True:
        answer = _sent(hooks, hooks.ussd(phone, session=session, typed=typed))
        if answer.screen is None:
            raise NoAnswer("The service answered without a screen; look at its log.")
        terminal.say(f"\n{answer.screen}\n")
        if answer.final:
            terminal.say(END_OF_CALL)
            return
        try:
            typed.append(terminal.ask("> ").strip())
        except EOFError:
            seconds = time.monotonic() - began
            _sent(hooks, hooks.ussd_end(phone, session=session, typed=typed, last=answer.body, seconds=seconds))
            terminal.say(END_OF_CALL)
            return


def _write(hooks: Hooks, phone: str, channel: Channel, box: "_Box", terminal: Terminal) -> None:
    while True:
        try:
            text = terminal.ask("> ").strip()
        except EOFError:
            return
        if not text:
            continue
        box.skip()
        _sent(hooks, hooks.sms(phone, text) if channel is Channel.SMS else hooks.whatsapp(phone, text))
        answers = box.wait()
        for answer in answers or ["(no answer yet)"]:
            terminal.say(f"\n{answer}\n")


def _sent(hooks: Hooks, request: Request) -> Answer:
    answer = hooks.send(request)
    if answer.status == 0:
        raise NoAnswer("Nothing answers there; start it with `make run` first.")
    if answer.status >= 400:
        raise NoAnswer(f"The service refused the call with status {answer.status}.")
    return answer


@dataclass(slots=True)
class _Box:
    """The message box of one phone, as the simulator keeps it."""

    base: str
    phone: str
    channel: str
    after: str = field(default="")

    def skip(self) -> None:
        """What is there now is old."""
        self._news()

    def wait(self) -> list[str]:
        """What comes next; [] when nothing does in time."""
        found: list[str] = []
        end = time.monotonic() + FIRST_ANSWER
        while time.monotonic() < end:
            fresh = self._news()
            if fresh:
                found += fresh
                end = time.monotonic() + NEXT_ANSWER
            time.sleep(PAUSE)
        return found

    def _news(self) -> list[str]:
        try:
            response = requests.get(f"{self.base}/simulator/api/news", params={"after": self.after}, timeout=10)
        except requests.RequestException:
            raise NoAnswer("Nothing answers there; start it with `make run` first.") from None
        if response.status_code != 200:
            raise NoAnswer("The simulator is not there (development only), and answers arrive there.")
        events: list[dict[str, Any]] = response.json()["events"]
        if events:
            self.after = events[-1]["id"]
        return [
            event["text"]
            for event in events
            if event["kind"] == "message" and event["phone"] == self.phone and event["channel"] == self.channel
        ]
