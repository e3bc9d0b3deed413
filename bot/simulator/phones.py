"""What a hand does on a phone: dial, type, drop the line, text, tap. Each ends in one or two real hook requests."""

import json
import re
import time
from typing import Any

from bot.simulator.hooks import Answer, Hooks, Request, new_call, new_line
from bot.simulator.shelf import Shelf
from bot.store.ciphers import Ciphers

LINE = "line"
HOURS_LATE = 2.0
PHONE = re.compile(r"\+[1-9]\d{6,14}\Z", re.ASCII)
LONGEST = 2000  # characters of a typed message


class Misdialled(ValueError):
    """The browser asked for something that no phone can do; the message is for the page."""


class Phones:
    """All phones of the simulator. The lines that are open live on the shelf, so that any web process can go on."""

    def __init__(self, shelf: Shelf, hooks: Hooks, ciphers: Ciphers) -> None:
        self._shelf = shelf
        self._hooks = hooks
        self._ciphers = ciphers

    def line(self, phone: str) -> dict[str, Any]:
        """The last or current USSD line of a phone; {} before the first."""
        return self._shelf.get(LINE, phone)

    def dial(self, phone: str, *, twice: bool = False) -> dict[str, Any]:
        """Dial the short code: a new session; the line before it is gone without a word, as on a real phone."""
        line = {"session": new_line(), "typed": [], "opened": time.time()}
        return self._ussd(phone, line, did="dial", text="", twice=twice)

    def type(self, phone: str, text: str, *, twice: bool = False) -> dict[str, Any]:
        """Answer the screen. Raises Misdialled where no line is open."""
        line = self.line(phone)
        if not line.get("open"):
            raise Misdialled("The line is closed. Dial again.")
        line["typed"] = [*line["typed"], text]
        return self._ussd(phone, line, did="type", text=text, twice=twice)

    def drop(self, phone: str) -> dict[str, Any]:
        """The network drops the line, and the gateway says so."""
        line = self.line(phone)
        if not line.get("open"):
            raise Misdialled("No line is open.")
        seconds = time.time() - line["opened"]
        request = self._hooks.ussd_end(
            phone, session=line["session"], typed=line["typed"], last=line.get("body", ""), seconds=seconds
        )
        answer = self._hooks.send(request)
        line |= {"open": False, "dropped": True}
        self._shelf.put(LINE, line, phone)
        return self._note(phone, request, [answer], channel="ussd", did="drop", text="")

    def beep(self, phone: str, *, twice: bool = False) -> dict[str, Any]:
        """Let the line ring once: it rejects the call, and the gateway tells that it has ended."""
        if self.line(phone).get("open"):
            raise Misdialled("Hang up first.")
        call = new_call()
        request = self._hooks.voice(phone, session=call)
        answers = self._send(request, twice)
        self._hooks.send(self._hooks.voice(phone, session=call, ended=True))
        return self._note(phone, request, answers, channel="voice", did="beep", text="")

    def sms(self, phone: str, text: str, *, twice: bool = False, late: bool = False) -> dict[str, Any]:
        """Text the short code."""
        request = self._hooks.sms(phone, text, hours_late=HOURS_LATE if late else 0)
        return self._note(phone, request, self._send(request, twice), channel="sms", did="sms", text=text, late=late)

    def whatsapp(self, phone: str, text: str, *, payload: str = "", twice: bool = False) -> dict[str, Any]:
        """Write on WhatsApp, or tap a choice."""
        request = self._hooks.whatsapp(phone, text, payload=payload)
        return self._note(phone, request, self._send(request, twice), channel="whatsapp", did="whatsapp", text=text)

    def _ussd(self, phone: str, line: dict[str, Any], *, did: str, text: str, twice: bool) -> dict[str, Any]:
        request = self._hooks.ussd(phone, session=line["session"], typed=line["typed"])
        answers = self._send(request, twice)
        answer = answers[0]
        line |= {
            "open": answer.screen is not None and not answer.final,
            "body": answer.body,
            "screen": answer.screen,
            "dropped": False,
        }
        self._shelf.put(LINE, line, phone)
        return self._note(phone, request, answers, channel="ussd", did=did, text=text)

    def _send(self, request: Request, twice: bool) -> list[Answer]:
        return [self._hooks.send(request) for _ in range(2 if twice else 1)]

    def _note(
        self,
        phone: str,
        request: Request,
        answers: list[Answer],
        *,
        channel: str,
        did: str,
        text: str,
        late: bool = False,
    ) -> dict[str, Any]:
        answer = answers[0]
        event = self._shelf.add(
            "turn",
            phone=phone,
            channel=channel,
            gateway=request.gateway,
            did=did,
            text=text,
            path=request.shown,
            form=list(request.form.items()),  # pairs: in the order of the wire
            proof=request.proof,
            status=answer.status,
            screen=answer.screen,
            body=answer.body[:1000],
            final=answer.final,
            took=round(answer.took, 1),
            trace=_trace(answer.trace),
            turn=self._ciphers.turn_id(request.gateway, request.external_id).hex(),
            times=len(answers),
            same=all(other.body == answer.body for other in answers),
            late=late,
        )
        return event.told()


def checked(phone: object, text: object = "") -> tuple[str, str]:
    """A number and a text from the browser; raises Misdialled."""
    if not isinstance(phone, str) or not PHONE.match(phone):
        raise Misdialled("A phone number starts with + and its country.")
    if not isinstance(text, str) or len(text) > LONGEST:
        raise Misdialled("That text is too long for a phone.")
    return phone, text


def _trace(header: str) -> dict[str, Any]:
    """The service's own account of a turn (development only); {} where it gives none."""
    try:
        found = json.loads(header) if header else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}
