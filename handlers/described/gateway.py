"""A gateway made of a file: one object, as the modules beside this folder make theirs."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from flask import Request, Response

from bot.config import Settings
from bot.errors import BadPayload, BadSignature, ConfigError, SendError
from bot.gateway import Event, Exchange, Gateway
from bot.messages import Channel, Outbound, Sent
from handlers import forms, outgoing
from handlers.described import places, readers
from handlers.described.codes import Codes
from handlers.described.proofs import proofs, same
from handlers.described.sending import Sender, address_of
from handlers.described.spec import PLAIN, Description, Hook
from handlers.described.templates import Template
from handlers.path_secret import PathSecret

DEVELOPMENT_VALUE = "dev"  # of everything under `environment` that has no default


class Described(Gateway):
    """`clock` gives the time of receipt, UTC. Raises ConfigError where something of its environment is not set."""

    def __init__(
        self, description: Description, settings: Settings, *, clock: Callable[[], datetime] = forms.utc_now
    ) -> None:
        self._description = description
        self._settings = settings
        values = environment(description, settings)
        codes = Codes(description.codes)
        context = readers.Context.of(description, codes.name, clock)
        self.name = description.name
        self.resends_for = description.resends_for
        self.methods = frozenset(hook.method for hook in description.hooks.values())
        self.reasons = MappingProxyType(codes.reasons)
        kinds = {hook.kind for hook in description.hooks.values()}
        self.channels = frozenset(
            ({Channel.USSD} if "ussd" in kinds else set())
            | ({Channel.SMS} if "sms" in kinds or description.send else set())
        )
        self.path_secret = PathSecret(settings.hook_secrets) if description.authentication.path_secret else None
        self.proofs = proofs(description.authentication, values, settings.base_url)
        field = description.authentication.field
        self.field = (field.name, values[field.equals]) if field else None
        self.hooks = {
            name: CompiledHook(hook, context, (field.name,) if field else ())
            for name, hook in description.hooks.items()
        }
        self.together = description.send.together if description.send else 1
        self._sender = self._sender_of(values, codes)

    def exchange(self) -> Exchange:
        """One request: its answer may repeat words of it."""
        return _Exchange(self)

    def verify(self, request: Request, secret: str | None) -> None:
        """As the file's `authentication` says."""
        self.exchange().verify(request, secret)

    def parse(self, request: Request, kind: str) -> list[Event]:
        """As the file's `hooks` say."""
        return self.exchange().parse(request, kind)

    def render(self, kind: str, text: str | None, *, final: bool) -> Response:
        """The answer without words of a request."""
        return self.exchange().render(kind, text, final=final)

    def render_down(self, kind: str, text: str) -> Response:
        """USSD ends kindly, a call gets its answer all the same; what can be sent again is asked to come again."""
        return self.exchange().render_down(kind, text)

    def send(self, message: Outbound) -> Sent:
        """One SMS."""
        [result] = self.send_many([message])
        if isinstance(result, SendError):
            raise result
        return result

    def send_many(self, messages: Sequence[Outbound]) -> list[Sent | SendError]:
        """One text to as many people as the file's `together` says, in one call."""
        if self._sender is None or any(message.channel is not Channel.SMS for message in messages):
            return [SendError("channel_not_carried")] * len(messages)
        if not is_allowed(self._description, self._settings):
            return [SendError("not_in_development")] * len(messages)
        return self._sender.send(messages)

    def _sender_of(self, values: Mapping[str, str], codes: Codes) -> Sender | None:
        description, settings = self._description, self._settings
        if description.send is None:
            return None
        secrets = settings.hook_secrets if description.authentication.path_secret else ()
        way = "/".join([settings.base_url, "hooks", self.name, *secrets[:1]])
        report = next((name for name, hook in description.hooks.items() if hook.kind == "delivery"), "")
        report_url = f"{way}/{report}" if report else ""
        return Sender(description.send, description.numbers, codes, values, report_url=report_url)


class CompiledHook:
    """One hook, ready: how its fields are read, what they mean, and how it is answered."""

    __slots__ = ("_body", "_watched", "echo", "ends", "fields", "goes_on", "read", "spec", "template")

    def __init__(self, spec: Hook, context: readers.Context, more: tuple[str, ...]) -> None:
        self.spec = spec
        self.read = readers.reader(spec, context)
        self.echo = tuple((name, place.removesuffix("?")) for name, place in spec.echo.items())
        answer = spec.answer
        self.goes_on = Template(answer.goes_on, answer.content_type)
        self.ends = Template(answer.ends, answer.content_type)
        self.template = Template(answer.body, answer.content_type)
        self._watched = frozenset([*more, *spec.places()])
        self.fields: Callable[[Request], dict[str, str]] = {
            "form": lambda request: forms.once(forms.pairs(request)),
            "query": lambda request: forms.once(forms.query(request)),
            "json": lambda request: places.of_json(forms.body(request)),
            "xml": lambda request: places.of_xml(forms.body(request), self._watched),
        }[spec.body]


class _Exchange:
    """One request and its answer. Keeps the fields between its steps, and nothing longer."""

    __slots__ = ("_fields", "_gateway")

    def __init__(self, gateway: Described) -> None:
        self._gateway = gateway
        self._fields: dict[str, str] | None = None

    def verify(self, request: Request, secret: str | None) -> None:
        """Raises BadSignature unless all that the file names fits."""
        path_secret = self._gateway.path_secret
        if path_secret is not None:
            path_secret.check(secret)
        elif secret is not None:
            raise BadSignature("no secret stands in these paths")
        if not all(proof(request) for proof in self._gateway.proofs):
            raise BadSignature("the request is not the gateway's own")
        if self._gateway.field is not None:
            name, wanted = self._gateway.field
            try:
                given = self._read(request, request.path.rpartition("/")[2]).get(name, "")
            except BadPayload:
                raise BadSignature("the field that proves it can't be read") from None
            if not same(given, wanted):
                raise BadSignature("the request is not the gateway's own")

    def parse(self, request: Request, kind: str) -> list[Event]:
        """Raises BadPayload for what the file does not describe."""
        fields = self._fields if self._fields is not None else self._read(request, kind)
        return self._gateway.hooks[kind].read(fields)

    def render(self, kind: str, text: str | None, *, final: bool) -> Response:
        """USSD: the screen in its template; else the fixed body."""
        hook = self._gateway.hooks[kind]
        answer, template, headers = hook.spec.answer, hook.template, None
        if hook.spec.kind == "ussd" and text is not None:
            template, headers = (hook.ends, answer.ends_headers) if final else (hook.goes_on, answer.goes_on_headers)
        values = {"text": text or ""}
        if self._fields is not None:
            for name, place in hook.echo:
                values[name] = self._fields.get(place, "")[: forms.FIELD_LIMIT]
        return Response(
            template.fill(values), status=answer.status, content_type=answer.content_type, headers=headers or None
        )

    def render_down(self, kind: str, text: str) -> Response:
        """While the conversation store is away."""
        hook = self._gateway.hooks[kind].spec
        if hook.kind in {"ussd", "call"}:
            return self.render(kind, text, final=True)
        return Response(b"", status=hook.answer.down_status, content_type=PLAIN, headers={"Retry-After": "30"})

    def _read(self, request: Request, kind: str) -> dict[str, str]:
        hook = self._gateway.hooks.get(kind)
        if hook is None or hook.spec.method != request.method:
            raise BadPayload("no such hook")
        self._fields = hook.fields(request)
        return self._fields


def environment(description: Description, settings: Settings) -> dict[str, str]:
    """What the file takes from the environment; raises ConfigError in production for what is not set."""
    values, missing = {}, []
    for name, value in description.environment.items():
        found = os.environ.get(value.variable) or value.default
        if found is None:
            missing.append(value.variable)
        values[name] = found if found is not None else DEVELOPMENT_VALUE
    if missing and not settings.development:
        raise ConfigError(f"{description.name}: set {', '.join(missing)}, which its file names under environment")
    return values


def is_allowed(description: Description, settings: Settings) -> bool:
    """Development writes to loopback addresses and nowhere else."""
    if description.send is None:
        return False
    return not settings.development or outgoing.is_loopback(address_of(description.send))
