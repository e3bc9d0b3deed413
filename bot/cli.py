"""The command line `maraba`. Commands of a subject live with it; here are those that start and look after the whole."""

import base64
import gc
import os
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated

import typer

from bot import config
from bot.config import Settings
from bot.errors import BotError, ConfigError

app = typer.Typer(
    name="maraba",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Maraba: the line that people who came home can dial, text or WhatsApp, and the desk that answers.",
)
NO_STORES = frozenset({"", "up", "check", "talk", "texts", "gateways", "new-key"})  # the others start them if none run
USE_STORES = frozenset({"web", "recorder", "worker", "clock"})  # find the embedded ones that run
QUICK = USE_STORES | {"up", "new-key"}  # need not wait for the subjects' imports


def main() -> None:
    """Run a command; a fault of ours is one sentence and exit status 1."""
    if not QUICK.intersection(sys.argv[1:2]):
        add_subjects()
    try:
        app()
    except BotError as fault:
        typer.echo(f"maraba: {fault}", err=True)
        sys.exit(1)


def add_subjects() -> None:
    """Add the commands of cases, content, staff, duty, sealed requests and gateways."""
    from bot.cases.commands import app as cases
    from bot.content.commands import app as content
    from bot.data.commands import app as keys
    from bot.referrals.commands import app as people
    from bot.referrals.sealed_commands import app as sealed
    from handlers.described.commands import app as gateways

    app.add_typer(cases)
    app.add_typer(keys)  # of other systems
    app.add_typer(content)  # texts
    app.add_typer(people)  # staff and duty
    app.add_typer(sealed)
    app.add_typer(gateways)


@app.callback()
def _stores_first(context: typer.Context) -> None:
    command = context.invoked_subcommand or ""
    if "--help" not in sys.argv and command not in NO_STORES:
        context.with_resource(_embedded(start=command not in USE_STORES))


@contextmanager
def _embedded(*, start: bool) -> Iterator[None]:
    """Lead this process to the embedded stores where the settings name none: those of `maraba up` while it runs,
    else, for commands that only need them for a moment, started here and stopped at the end.
    """
    from bot.stores import EmbeddedStores, running_urls

    settings = config.load()
    missing = [name for name in ("database_url", "redis_url", "queue_url") if not getattr(settings, name)]
    if not missing:
        yield
        return
    urls = running_urls(settings)
    if urls or not start:
        if not urls:
            names = ", ".join(f"MARABA_{name.upper()}" for name in missing)
            raise ConfigError(f"{names} must be set; or run `make run`, which starts stores of its own.")
        _tell(urls)
        yield
        return
    with EmbeddedStores(settings, say=_note) as stores:
        from bot.store import migrate

        _tell(stores.urls)
        migrate.upgrade(config.load().database_url)
        yield


def _tell(urls: dict[str, str]) -> None:
    for name, url in urls.items():
        os.environ.setdefault(f"MARABA_{name.upper()}", url)


def _note(line: str) -> None:
    typer.echo(line, err=True)


def _settings(process: str) -> Settings:
    """Settings of one of the four processes, its logging set up, its stores checked in production.

    What was imported until now is kept for good: the collector would stop a turn for a fifth of a second to look at it.
    """
    from bot import logs

    gc.freeze()
    settings = config.load()
    logs.configure(settings)
    if not settings.development:
        from bot import readiness

        readiness.require(settings, process=process)
    return settings


@app.command()
def up() -> None:
    """Run everything on this machine: embedded stores, migrations, web, recorder, worker, clock."""
    from bot.supervisor import Supervisor

    Supervisor(config.load()).run()


@app.command()
def web() -> None:
    """Serve the hooks, the desk and, in development, the simulator."""
    from granian.constants import HTTPModes, Interfaces
    from granian.server import Server

    import_module("bot.app")  # before the workers are forked: they share what was imported once
    settings = _settings("web")
    quiet = {"_granian": {"level": "WARNING", "propagate": True}, "granian.access": {"level": "ERROR"}}
    Server(
        "bot.app:create_app",
        factory=True,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        address=settings.host or "0.0.0.0",  # noqa: S104 - an empty MARABA_HOST asks for it
        port=settings.port,
        workers=settings.web_workers,
        blocking_threads=settings.web_threads,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=5,
        log_dictconfig={"version": 1, "disable_existing_loggers": False, "loggers": quiet},
        log_access=False,
    ).serve()


@app.command()
def recorder() -> None:
    """Write the journal to PostgreSQL."""
    from bot import recorder as recording

    settings = _settings("recorder")
    recording.run(settings)


@app.command()
def worker() -> None:
    """Send what is due."""
    from bot import jobs

    settings = _settings("worker")
    jobs.run_worker(settings)


@app.command()
def clock() -> None:
    """Wake the sweeps on time."""
    from bot import clock as time_keeping

    settings = _settings("clock")
    time_keeping.run(settings)


@app.command()
def migrate() -> None:
    """Bring the database to this release's schema; forward only, safe to repeat."""
    from bot.store import migrate as migrations

    settings = config.load()
    migrations.upgrade(settings.database_url)
    typer.echo(f"The database is at {migrations.newest()}.")


@app.command("new-key")
def new_key() -> None:
    """Print new secrets for a settings file."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    typer.echo(f"MARABA_SECRET_KEY={config.new_secret()}")
    typer.echo(f"MARABA_INDEX_KEY={config.new_secret()}")
    typer.echo(f"MARABA_ENCRYPTION_KEYS=1:{key}")
    typer.echo(f"MARABA_HOOK_SECRET={config.new_secret()}")


@app.command()
def check() -> None:
    """Check the flows, their translations and tables, and described gateways; faults with file, line and remedy."""
    from bot import content
    from handlers import registry

    registry.descriptions(config.load().described_gateways)
    found = [str(fault) for fault in content.check()]
    for fault in found:
        typer.echo(fault)
    if found:
        raise typer.Exit(1)
    typer.echo("Flows, translations and tables are in order.")


@app.command()
def talk(
    phone: Annotated[str, typer.Option(help="an invented number, +227…")] = "+22790001234",
    channel: Annotated[str, typer.Option(help="ussd, sms or whatsapp")] = "ussd",
    url: Annotated[str, typer.Option(help="where the service listens; empty: this machine's port")] = "",
) -> None:
    """Dial or write to the running service from the terminal, as a phone would (development)."""
    from bot import talk as terminal

    signal.signal(signal.SIGINT, signal.default_int_handler)
    terminal.talk(config.load(), channel=channel, phone=phone, url=url)


if __name__ == "__main__":
    main()
