"""The send call of a described gateway: one SMS, one HTTP call, and what its answer means."""

import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

import phonenumbers
import requests
from phonenumbers import PhoneNumberFormat

from bot.errors import BadPayload, SendError
from bot.messages import Outbound, Sent
from bot.text.gsm7 import is_gsm7
from handlers import outgoing
from handlers.described import places
from handlers.described.codes import Codes
from handlers.described.spec import Numbers, Reply, Send
from handlers.described.templates import Template

TIMEOUT = (3.05, 9.05)  # seconds to connect, to read
REPLY_LIMIT = 65_536  # bytes of an answer that are read


def address_of(send: Send) -> str:
    """Where calls go: the file's URL, or the same path at the address that the variable names (a stand-in)."""
    other = os.environ.get(send.url_variable, "").rstrip("/") if send.url_variable else ""
    if not other:
        return send.url
    there = urlsplit(send.url)
    return other + there.path + ("?" + there.query if there.query else "")


class Sender:
    """Compiled once; safe to share between threads, each with a connection of its own."""

    def __init__(
        self, send: Send, numbers: Numbers, codes: Codes, values: Mapping[str, str], *, report_url: str
    ) -> None:
        self._url = address_of(send)
        self._method = send.method
        self._headers = {name: Template(written, "").fill(values) for name, written in send.headers.items()}
        self._fields = {name: Template(written, "") for name, written in send.fields.items()}
        self._body = Template(send.body, send.content_type) if send.body else None
        if self._body:
            self._headers.setdefault("Content-Type", send.content_type)
        self._values = dict(values)
        self._basic = (values[send.basic.user], values[send.basic.password]) if send.basic else None
        self._encoding = send.encoding
        self._report_url = report_url
        self._number = _written(numbers)
        self._separator = send.separator
        self._reply = _Reading(send.reply, codes)
        self._own = threading.local()

    def send(self, messages: Sequence[Outbound]) -> list[Sent | SendError]:
        """One text to one person, or to as many as `together` says; what fails as a whole fails for each.

        A read time-out is `unknown`: nothing says that a second call would not send twice.
        """
        numbers = [self._number(message.to) if _is_number(message.to) else "" for message in messages]
        results: list[Sent | SendError] = [SendError("InvalidPhoneNumber")] * len(messages)
        valid = [place for place, number in enumerate(numbers) if number]
        if not valid:
            return results
        try:
            reply = self._call(messages[valid[0]], self._separator.join(numbers[place] for place in valid))
        except requests.RequestException as error:
            failed = outgoing.transport_error(error)
            return [failed if number else result for number, result in zip(numbers, results, strict=True)]
        fields = self._reply.fields(reply.content[:REPLY_LIMIT])
        wait = reply.headers.get("Retry-After")
        for place in valid:
            try:
                results[place] = self._reply.read(
                    reply.status_code, fields, numbers[place], wait, alone=len(valid) == 1
                )
            except SendError as error:
                results[place] = error
        return results

    def _call(self, message: Outbound, to: str) -> requests.Response:
        values = self._values | {
            "to": to,
            "text": message.text,
            "id": message.id,
            "report_url": self._report_url,
            "encoding": self._encoding.get("gsm7" if is_gsm7(message.text) else "ucs2", ""),
        }
        fields = {name: template.fill(values) for name, template in self._fields.items()}
        data: object = self._body.fill(values).encode() if self._body else fields
        get = self._method == "GET"
        return self._session().request(
            self._method,
            self._url,
            params=fields if get else None,
            data=None if get else data,  # type: ignore[arg-type]
            headers=self._headers,
            auth=self._basic,
            timeout=TIMEOUT,
            allow_redirects=False,
        )

    def _session(self) -> requests.Session:
        own: requests.Session | None = getattr(self._own, "session", None)
        if own is None:
            own = self._own.session = requests.Session()
            own.trust_env = not outgoing.is_loopback(self._url)  # no proxy between us and a stand-in
        return own


class _Reading:
    """What an answer means, by the words of the file."""

    def __init__(self, spec: Reply, codes: Codes) -> None:
        self._spec = spec
        self._codes = codes
        self._pattern = re.compile(spec.pattern)
        self._taken = frozenset(word.casefold() for word in spec.taken.words) if spec.taken else None

    def fields(self, content: bytes) -> dict[str, str]:
        """The answer by its places; nothing where it can't be read."""
        try:
            return self._read(content)
        except (BadPayload, UnicodeDecodeError):
            return {}

    def read(
        self, status: int, fields: Mapping[str, str], to: str, retry_after: str | None, *, alone: bool = True
    ) -> Sent:
        """Taken, or raises SendError: by the file's code where there is one, else by the HTTP status."""
        spec = self._spec
        if status not in spec.statuses:
            raise self._codes.refusal(_at(fields, spec.code), retry_after) or outgoing.http_error(status, retry_after)
        at = self._entry(fields, to, alone=alone)
        if spec.taken is not None and self._taken is not None:
            word = _at(fields, at + spec.taken.place)
            if word.casefold() not in self._taken:
                raise self._refused(word, fields, at)
        external_id = _at(fields, at + spec.id) if spec.id else ""
        if spec.id and not external_id:
            raise self._refused("", fields, at)
        return Sent(
            "" if external_id == "None" else external_id,
            _count(_at(fields, at + spec.parts) if spec.parts else ""),
            _at(fields, at + spec.cost)[:40] if spec.cost else "",
        )

    def _refused(self, word: str, fields: Mapping[str, str], at: str) -> SendError:
        """An answer of which the file says nothing may stand for a message that left: unknown, never repeated."""
        code = _at(fields, at + self._spec.code) if self._spec.code else word
        return self._codes.refusal(code) or SendError("unreadable_reply", unknown=True)

    def _read(self, content: bytes) -> dict[str, str]:
        if self._spec.body == "json":
            return places.of_json(content, count=REPLY_LIMIT)
        if self._spec.body == "xml":
            return places.of_xml(content)
        found = self._pattern.search(content[:4096].decode())
        return {name: value or "" for name, value in found.groupdict().items()} if found else {}

    def _entry(self, fields: Mapping[str, str], to: str, *, alone: bool) -> str:
        """The part of a list that is about our recipient, as the beginning of its places. Of many recipients one who is
        not named may have been sent the text, or not.
        """
        spec = self._spec
        if not spec.list:
            return ""
        if fields.get(spec.list) == "":  # the call was taken, and nobody in it
            reason = _at(fields, spec.nobody)
            plain = reason if reason.isalpha() and len(reason) <= 40 else "no_recipients"
            raise self._codes.refusal(reason) or SendError(plain)
        for n in range(REPLY_LIMIT):
            entry = f"{spec.list}/{n}/"
            number = fields.get(entry + spec.number)
            if number == to:
                return entry
            if number is None:
                break
        if not alone:
            raise SendError("unreadable_reply", unknown=True)
        return f"{spec.list}/0/"


def _is_number(to: str) -> bool:
    return to[:1] == "+" and to[1:].isascii() and to[1:].isdigit()


def _at(fields: Mapping[str, str], place: str) -> str:
    return fields.get(place.removesuffix("?"), "").strip()


def _count(written: str) -> int:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 4 else 0


def _written(numbers: Numbers) -> Callable[[str], str]:
    """E.164 as the gateway wants it. A foreign number is never written as a national one."""
    if numbers.sent == "plus":
        return str
    if numbers.sent == "digits":
        return lambda to: to[1:]
    if numbers.sent == "zeros":
        return lambda to: "00" + to[1:]
    home = phonenumbers.country_code_for_region(numbers.region)

    def national(to: str) -> str:
        number = phonenumbers.parse(to)
        if number.country_code != home:
            return "00" + to[1:]
        return re.sub(r"\D", "", phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))

    return national
