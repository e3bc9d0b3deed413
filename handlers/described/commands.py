"""`maraba gateways check`: what a file describes, and what a request would be read as. Nothing is sent or stored."""

import os
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from flask import Request
from werkzeug.test import EnvironBuilder

from bot import config
from bot.errors import BadSignature, ConfigError, WebhookError
from bot.gateway import Event
from handlers.described.gateway import Described
from handlers.described.spec import Description, read

app = typer.Typer()
gateways = typer.Typer(no_args_is_help=True, help="Gateways that a file describes (docs/described-gateways.md).")
app.add_typer(gateways, name="gateways")


@gateways.callback()
def _subject() -> None:
    """Keeps `check` a command of its own while it is the only one."""


@gateways.command()
def check(
    file: Annotated[Path, typer.Argument(help="the file that describes a gateway")],
    request: Annotated[Path | None, typer.Option(help="a request as it came: first line, headers, blank, body")] = None,
) -> None:
    """Tell what a file describes; with --request, what the service would understand."""
    description = read(file)
    for line in _told(description):
        typer.echo(line)
    if request is not None:
        gateway = Described(description, config.load())
        for line in _tried(gateway, *sample(request)):
            typer.echo(line)


def sample(path: Path) -> tuple[Request, str, str | None]:
    """A request out of a text file, with its kind and the secret in its path; raises ConfigError."""
    raw = path.read_bytes().replace(b"\r\n", b"\n")
    head, _, body = raw.partition(b"\n\n")
    first, *lines = head.decode(errors="replace").split("\n")
    method, _, target = first.partition(" ")
    where, _, query = target.split(" ")[0].partition("?")
    match where.strip("/").split("/"):
        case ["hooks", _, kind]:
            secret = None
        case ["hooks", _, secret, kind]:
            pass
        case _:
            raise ConfigError(f"{path}:1: begin with a line like `POST /hooks/name/secret/ussd`")
    headers = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.pop("Content-Length", len(body.removesuffix(b"\n"))))  # editors end a file with a line break
    builder = EnvironBuilder(
        path=where, query_string=query, method=method, data=body[:length], headers=[*headers.items()]
    )
    return Request(builder.get_environ()), kind, secret


def _told(description: Description) -> list[str]:
    secret = "<secret>/" if description.authentication.path_secret else ""
    proofs = [name for name, value in description.authentication if value]
    lines = [f"{description.name}: in order. Requests are proved by {', '.join(proofs)}."]
    lines += [
        f"  {hook.method} /hooks/{description.name}/{secret}{name}: {hook.kind}, {hook.body}"
        for name, hook in description.hooks.items()
    ]
    if description.send:
        lines.append(f"  sends by {description.send.method} {description.send.url}")
    for name, value in description.environment.items():
        default = "not set: its default is taken" if value.default is not None else "NOT SET"
        lines.append(f"  {name}: {value.variable}, {'set' if os.environ.get(value.variable) else default}")
    return lines


def _tried(gateway: Described, request: Request, kind: str, secret: str | None) -> list[str]:
    exchange = gateway.exchange()
    lines = []
    try:
        exchange.verify(request, secret)
        lines.append("proof: fits")
    except BadSignature as fault:
        lines.append(f"proof: does NOT fit ({fault}); the service would answer {fault.status}")
    try:
        events = exchange.parse(request, kind)
    except WebhookError as fault:
        return [*lines, f"refused: {fault}; the service would answer {fault.status}"]
    lines += [_shown(event) for event in events] or ["understood, and of no interest"]
    answer = exchange.render(kind, "1 Oui" if gateway.hooks[kind].spec.kind == "ussd" else None, final=False)
    return [*lines, f"answer: {answer.status_code} {answer.get_data(as_text=True)}"]


def _shown(event: Event) -> str:
    """What was understood, empty fields left out; ids of several fields on one line."""
    pairs = msgspec.structs.asdict(event) if isinstance(event, msgspec.Struct) else {}
    if is_dataclass(event):
        pairs = {field.name: getattr(event, field.name) for field in fields(event)}
    told = [f"{name}={value!s}".replace("\n", " | ") for name, value in pairs.items() if value and name != "gateway"]
    return f"{type(event).__name__}: {', '.join(told)}"
