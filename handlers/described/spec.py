"""The shape of a file that describes a gateway: docs/described-gateways.md tells it field by field."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from bot.config import Settings
from bot.errors import ConfigError, FlowError
from bot.reasons import Why
from bot.sources import Source
from handlers.described.templates import Template

Place = Annotated[str, Field(pattern=r"^[^\s?]+\??$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
PLAIN = "text/plain; charset=utf-8"
MESSAGE = frozenset({"text", "to", "id", "report_url", "encoding"})
"""Placeholders of the send call, besides the names under `environment`."""

REMEDIES = {
    "Extra inputs are not permitted": "no such field here; correct its spelling, or take it out",
    "Field required": "is missing; write it",
}
NEEDED = {  # what a hook must tell, by what it is; `text` of a first USSD request may well be empty
    "ussd": {"session", "address", "text"},
    "sms": {"id", "address", "text"},
    "delivery": {"state"},
    "session_end": {"session", "address", "status"},
    "opt_out": {"address"},
    "call": {"session", "address"},
}
USEFUL = {
    "ussd": {"to", "step", "step_id", "never_repeats", "separator", "begins", "ends"},
    "sms": {"to", "sent_at", "opt_out_words"},
    "delivery": {"id", "words", "reason", "message", "address"},
    "session_end": set(),
    "opt_out": {"id"},
    "call": {"to"},
}
ALWAYS = {"kind", "method", "body", "only", "unless", "echo", "answer"}


class Spec(BaseModel):
    """Nothing that is not described; nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, populate_by_name=True)


class Marks(Spec):
    """A place, and the words in it that count; upper and lower case are one."""

    place: Place
    words: tuple[str, ...] = Field(min_length=1)


class Moment(Spec):
    """When a message was sent. `written`: iso, seconds, milliseconds, or a pattern of day and hour."""

    place: Place
    written: str = "iso"
    zone: str = "UTC"

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"no such zone: '{value}'; write one like Africa/Niamey") from None
        return value

    @field_validator("written")
    @classmethod
    def _known_way(cls, value: str) -> str:
        if value not in {"iso", "seconds", "milliseconds"} and "%" not in value:
            raise ValueError("write iso, seconds, milliseconds, or a pattern such as '%d/%m/%Y %H:%M:%S'")
        return value


class Answer(Spec):
    """What goes back. `{text}` is the screen; other names stand under `echo`."""

    content_type: str = PLAIN
    goes_on: str = ""
    ends: str = ""
    goes_on_headers: dict[str, str] = {}
    ends_headers: dict[str, str] = {}
    body: str = ""
    status: Annotated[int, Field(ge=200, le=299)] = 200
    down_status: Annotated[int, Field(ge=400, le=599)] = 503


class Hook(Spec):
    """One address that the gateway calls: the last part of its path is its name in `hooks`."""

    kind: Literal["ussd", "sms", "delivery", "session_end", "opt_out", "call"] = Field(alias="is")
    method: Literal["GET", "POST"] = "POST"
    body: Literal["form", "query", "json", "xml"] = "form"
    address: Place = ""
    session: Place = ""
    id: Annotated[tuple[Place, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)] = ()
    text: Place = ""
    to: Place = ""
    sent_at: Moment | None = None
    separator: str = Field("*", min_length=1, max_length=1)
    step: Place = ""
    step_id: Place = ""
    never_repeats: bool = False
    begins: Marks | None = None
    ends: Marks | None = None
    opt_out_words: Marks | None = None
    state: Place = ""
    words: dict[str, Literal["sent", "delivered", "read", "failed"]] = {}
    reason: Place = ""
    message: Place = ""
    status: Place = ""
    only: Marks | None = None
    unless: Marks | None = None
    echo: dict[Name, Place] = {}
    answer: Answer = Answer()

    def places(self) -> list[str]:
        """Every place that is read, without its question mark."""
        marks = (self.begins, self.ends, self.opt_out_words, self.only, self.unless, self.sent_at)
        given = [self.address, self.session, *self.id, self.text, self.to, self.step, self.step_id, self.state]
        given += [self.reason, self.message, self.status, *self.echo.values(), *(mark.place for mark in marks if mark)]
        return [place.removesuffix("?") for place in given if place]

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Hook":
        given = self.model_fields_set - ALWAYS
        missing = sorted(NEEDED[self.kind] - given)
        if missing:
            raise ValueError(f"a hook that is {self.kind} must say where {', '.join(missing)} stands")
        if self.kind == "delivery" and not given & {"id", "message"}:
            raise ValueError("say by id or message which SMS a report is about")
        strange = sorted(given - NEEDED[self.kind] - USEFUL[self.kind])
        if strange:
            raise ValueError(f"a hook that is {self.kind} has no use for {', '.join(strange)}: take it out")
        if sum((bool(self.step), bool(self.step_id), self.never_repeats)) > 1:
            raise ValueError("give one of step, step_id and never_repeats")
        if self.method == "GET" and self.body != "query":
            raise ValueError("a GET carries its fields in the address: write body: query")
        return self

    @model_validator(mode="after")
    def _can_answer(self) -> "Hook":
        answer = self.answer
        if self.kind == "ussd":
            if not ("{text}" in answer.goes_on and "{text}" in answer.ends):
                raise ValueError("answer needs goes_on and ends, each with {text}")
            if (answer.goes_on, answer.goes_on_headers) == (answer.ends, answer.ends_headers):
                raise ValueError("goes_on and ends are the same: the phone could not tell them apart")
        elif answer.goes_on or answer.ends:
            raise ValueError("goes_on and ends are for USSD: write body")
        if self.kind != "ussd" and "{text}" in answer.body:
            raise ValueError("only USSD is answered with a text here; write a fixed body")
        for written in (answer.goes_on, answer.ends, answer.body):
            _check_template(written, answer.content_type, {"text", *self.echo})
        return self


class Equal(Spec):
    """A header or field that must equal a value of `environment`."""

    name: str = Field(min_length=1)
    equals: Name


class Basic(Spec):
    """User and password, names under `environment`."""

    user: Name
    password: Name


class Signature(Spec):
    """An HMAC over the bytes of the body, or over our public address and then the body."""

    header: str = Field(min_length=1)
    key: Name
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    over: Literal["body", "url_and_body"] = "body"


class Authentication(Spec):
    """How a request shows that it is the gateway's own: everything that is named here must fit."""

    path_secret: bool = True
    header: Equal | None = None
    field: Equal | None = None
    basic: Basic | None = None
    signature: Signature | None = None

    @model_validator(mode="after")
    def _something(self) -> "Authentication":
        if not (self.path_secret or self.header or self.field or self.basic or self.signature):
            raise ValueError("without path_secret name a header, a field, basic or a signature: anybody could call")
        return self


class Numbers(Spec):
    """How phone numbers are written: by the gateway, and by us to it."""

    read: Literal["international", "national"] = "international"
    sent: Literal["plus", "digits", "zeros", "national"] = "plus"
    region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "NE"


class Value(Spec):
    """Something that is set in the environment: never written into this file where it is a secret."""

    variable: Variable
    default: str | None = None

    @field_validator("variable")
    @classmethod
    def _not_ours(cls, value: str) -> str:
        if value.removeprefix("MARABA_").lower() in Settings.model_fields and value.startswith("MARABA_"):
            raise ValueError(f"{value} is a setting of the service itself; choose a name of the gateway's own")
        return value


class Code(Spec):
    """What a word of the gateway means, and what to do about a send that it refused so."""

    why: Why = Why.OTHER
    also: tuple[str, ...] = ()
    retry: bool = False
    retry_after: float | None = Field(None, gt=0, le=300)
    suppress: bool = False
    account: bool = False


class Reply(Spec):
    """How the answer to a send call is read."""

    body: Literal["json", "xml", "text"] = "json"
    pattern: str = ""
    statuses: tuple[int, ...] = (200, 201, 202)
    taken: Marks | None = None
    id: Place = ""
    code: Place = ""
    parts: Place = ""
    cost: Place = ""
    list: Place = ""
    number: Place = ""
    nobody: Place = ""

    @field_validator("pattern")
    @classmethod
    def _readable(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"the pattern can't be used: {error}") from None
        return value

    @model_validator(mode="after")
    def _recognisable(self) -> "Reply":
        if (self.body == "text") != bool(self.pattern):
            raise ValueError("a reply of body: text needs a pattern, and only that one does")
        if not (self.taken or self.id):
            raise ValueError("say how a message that was taken is known: taken, or at least id")
        if self.list and not (self.body == "json" and self.number):
            raise ValueError("list is for JSON, with number: where an entry names its recipient")
        return self


class Send(Spec):
    """The call that hands over one SMS."""

    method: Literal["GET", "POST"] = "POST"
    url: str = Field(pattern=r"^https?://[^/\s]+(/\S*)?$")
    url_variable: Variable = ""
    headers: dict[str, str] = {}
    fields: dict[str, str] = {}
    body: str = ""
    content_type: str = ""
    basic: Basic | None = None
    encoding: dict[Literal["gsm7", "ucs2"], str] = {}
    together: Annotated[int, Field(ge=1, le=1000)] = 1
    separator: str = ","
    reply: Reply

    @model_validator(mode="after")
    def _one_body(self) -> "Send":
        if bool(self.fields) == bool(self.body):
            raise ValueError("give fields (a form, or the query of a GET), or body with its content_type")
        if self.body and (self.method == "GET" or not self.content_type):
            raise ValueError("a body needs method: POST and a content_type")
        written = self.body + " ".join(self.fields.values())
        if not all(name in written for name in ("{to}", "{text}")):
            raise ValueError("{to} and {text} must stand in fields or body")
        if self.together > 1 and (not self.reply.list or "{id}" in written):
            raise ValueError("together needs reply: list, to see who was taken; and {id} can't name many messages")
        if "{encoding}" in written and len(self.encoding) != 2:
            raise ValueError("{encoding} needs the words for gsm7 and ucs2 under encoding")
        return self


class Description(Spec):
    """One gateway."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{1,29}$")
    resends_for: float = Field(0.0, ge=0)
    authentication: Authentication = Authentication()
    numbers: Numbers = Numbers()
    environment: dict[
        Name, Annotated[Value, BeforeValidator(lambda given: {"variable": given} if isinstance(given, str) else given)]
    ] = {}
    hooks: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")], Hook] = Field(min_length=1)
    codes: dict[str, Code] = {}
    send: Send | None = None

    @model_validator(mode="after")
    def _names_stand_somewhere(self) -> "Description":
        proofs = self.authentication
        used = {proof.equals for proof in (proofs.header, proofs.field) if proof}
        used |= {proofs.signature.key} if proofs.signature else set()
        for basic in (proofs.basic, self.send.basic if self.send else None):
            used |= {basic.user, basic.password} if basic else set()
        if unknown := sorted(used - set(self.environment)):
            raise ValueError(f"{', '.join(unknown)} must stand under environment, with the variable to read")
        open_hooks = any(hook.method == "GET" for hook in self.hooks.values()) and not proofs.path_secret
        if open_hooks and proofs.signature and proofs.signature.over == "body":
            raise ValueError("a GET has no body to sign: write over: url_and_body, or keep path_secret")
        if both := sorted(MESSAGE & set(self.environment)):
            raise ValueError(f"{', '.join(both)} under environment: the name is taken, choose another")
        if self.send:
            known = MESSAGE | set(self.environment)
            for written in (*self.send.headers.values(), *self.send.fields.values()):
                _check_template(written, "", known)
            _check_template(self.send.body, self.send.content_type, known)
        return self


def read(path: Path) -> Description:
    """One file; raises ConfigError with every fault: file, line, field and what to do."""
    try:
        description: Description = Source(path).parse(Description)
    except FlowError as fault:
        told = str(fault)
        for words, remedy in REMEDIES.items():
            told = told.replace(words, remedy)
        raise ConfigError(told) from None
    except OSError as fault:
        raise ConfigError(f"{path}: can't be read ({fault.strerror}); correct MARABA_DESCRIBED_GATEWAYS") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is no UTF-8; save it as UTF-8") from None
    return description


def _check_template(written: str, content_type: str, known: Iterable[str]) -> None:
    """Every name is known, and what comes out is what the content type says."""
    template, names = Template(written, content_type), frozenset(known)
    if unknown := sorted(template.names - names):
        raise ValueError(f"unknown {{{unknown[0]}}}; known here: {', '.join(sorted(names)) or 'none'}")
    made: Any = template.fill(dict.fromkeys(names, "1"))
    try:
        if made and template.is_json:
            json.loads(made)
        if made and template.is_xml:
            ET.fromstring(made)  # noqa: S314 - the operator's own file, read once at start
    except (ValueError, ET.ParseError) as fault:
        raise ValueError(f"with values in it, this is no {content_type}: {fault}") from None
