"""`maraba staff …` and `maraba duty …`."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot import config
from bot.referrals import staffing
from bot.referrals.access import QUEUES
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.store.models import Duty, Staff

app = typer.Typer()
staff_app = typer.Typer(
    name="staff", help="People who answer: add, import, password, list, leave.", no_args_is_help=True
)
duty_app = typer.Typer(name="duty", help="Who is told first: the duty list of each queue.", no_args_is_help=True)
app.add_typer(staff_app)
app.add_typer(duty_app)

Words = Annotated[str, typer.Option(help="several by comma")]


@contextmanager
def open_session() -> Iterator[tuple[Session, Ciphers, str]]:
    """One transaction of a command, with the keys of the service and the country of local numbers."""
    settings = config.load()
    database = Database.of(settings, pool_size=1)
    try:
        with database.transaction() as session:
            yield session, Ciphers.of(settings), settings.default_region
    finally:
        database.close()


@staff_app.command("add")
def add(
    login: str,
    name: Annotated[str, typer.Option(help="as colleagues read it")],
    role: Annotated[str, typer.Option(help="assistant, protection, gbv_specialist, child_specialist, psea_focal, …")],
    phone: Annotated[str, typer.Option(help="mobile number for alerts")] = "",
    language: Annotated[str, typer.Option(help="fr, ha or en: of alerts and desk")] = "fr",
    languages: Words = "",
    offices: Words = "",
    queues: Words = "",
    partner: Annotated[str, typer.Option(help="partner organisation they belong to")] = "",
) -> None:
    """Add somebody, with a place at the end of the duty list of each of their queues; prints a first password."""
    new = staffing.NewStaff(
        login=login,
        name=name,
        role=role,
        phone=phone,
        language=language,
        languages=_split(languages),
        offices=_split(offices),
        queues=_split(queues),
        partner=partner,
    )
    password = secrets.token_urlsafe(12)
    with open_session() as (session, ciphers, region):
        staffing.add_staff(session, new, ciphers=ciphers, region=region)
        staffing.set_password(session, login, password)
    typer.echo(f"{login} is added. First password, shown this once: {password}")


@staff_app.command("import")
def import_file(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Add and change people from a CSV: login, name, phone, role, language, languages, offices, queues, partner."""
    with open_session() as (session, ciphers, region):
        added, changed, bad = staffing.import_staff(session, file, ciphers=ciphers, region=region)
    for fault in bad:
        typer.echo(f"line {fault.line}, {fault.column}: {fault.reason}", err=True)
    typer.echo(f"{added} added, {changed} changed, {len(bad)} bad lines")
    if bad:
        raise typer.Exit(1)


@staff_app.command("password")
def password(
    login: str, new: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)]
) -> None:
    """Set a password (asked, not shown); every session of theirs ends."""
    with open_session() as (session, _, _region):
        staffing.set_password(session, login, new)
    typer.echo(f"The password of {login} is set.")


@staff_app.command("list")
def list_staff() -> None:
    """Everybody, with role, offices and queues; no phone numbers."""
    with open_session() as (session, _, _region):
        for one in session.scalars(select(Staff).order_by(Staff.login)):
            state = "" if one.active else "  (left)"
            phone = "phone" if one.phone_enc else "no phone"
            where = ", ".join(one.offices) or "all offices"
            typer.echo(f"{one.login:<14}{one.name:<24}{one.role:<20}{phone:<10}{where}{state}")


@staff_app.command("leave")
def leave(login: str) -> None:
    """Somebody stops working here: no alert, no sign-in any more."""
    with open_session() as (session, _, _region):
        staffing.leave(session, login)
    typer.echo(f"{login} has left.")


@duty_app.command("set")
def set_duty(
    queue: str,
    logins: Annotated[list[str], typer.Argument(help="first told first")],
    office: Annotated[str, typer.Option(help="only for cases of this office; empty: all")] = "",
) -> None:
    """Replace a queue's duty list."""
    with open_session() as (session, _, _region):
        staffing.set_duty(session, queue, logins, office=office)
    typer.echo(f"{queue}: {', '.join(logins)}")


@duty_app.command("list")
def list_duty() -> None:
    """The duty list of every queue; a queue without two people is named."""
    with open_session() as (session, _, _region):
        for queue in QUEUES:
            places = session.scalars(select(Duty).where(Duty.queue == queue).order_by(Duty.office, Duty.position)).all()
            for place in places:
                typer.echo(f"{queue:<12}{place.office or 'all offices':<14}{place.position}  {place.staff.login}")
            if len({place.staff_id for place in places}) < 2:
                typer.echo(f"{queue:<12}fewer than two people", err=True)


def _split(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(",") if word.strip())
