"""`maraba sealed …`: who has keys, the two recovery holders, and what they are for."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.errors import ReferralError
from bot.referrals import reader_keys, recovery, staffing
from bot.referrals.commands import open_session
from bot.store.models import Staff

app = typer.Typer()
sealed_app = typer.Typer(
    name="sealed", help="Sealed requests: keys of the readers, recovery by two holders.", no_args_is_help=True
)
app.add_typer(sealed_app)

WHY = {
    "two_holders": "name two different people, neither of them a reader of sealed requests",
    "too_short": f"a passphrase has at least {reader_keys.SHORTEST_PASSPHRASE} characters",
    "no_recovery": "there are no recovery holders; name them with `maraba sealed holders`",
    "no_key": "this person reads no sealed requests, or has not made a key at the desk yet",
    "wrong_passphrase": "a passphrase is wrong",
}


@sealed_app.command("keys")
def keys() -> None:
    """Who can read what is sealed now, and who are the recovery holders."""
    with open_session() as (session, _, _region):
        for key in reader_keys.of_readers(session):
            typer.echo(f"{session.get_one(Staff, key.staff_id).login:<14}key of {key.made_at:%Y-%m-%d}")
        typer.echo(f"recovery holders: {' and '.join(recovery.holders(session)) or 'none'}")
        lacking = recovery.waits(session)
        if lacking:
            typer.echo(
                f"{lacking} contents are not sealed for the recovery: a reader shares them at the desk", err=True
            )


@sealed_app.command("holders")
def set_holders(first: str, second: str) -> None:
    """Name the two recovery holders; each types a passphrase (asked, not shown), and neither sees the other's."""
    passphrases = [_ask(login, new=True) for login in (first, second)]
    with open_session() as (session, _, _region):
        people = [staffing.find(session, login) for login in (first, second)]
        with _said():
            recovery.set_up(session, people, passphrases, datetime.now(UTC))
    typer.echo("The recovery is set up. A reader shares earlier requests with it at the desk, under My key.")


@sealed_app.command("recover")
def recover(reader: Annotated[str, typer.Argument(help="login of the focal point who is to read them")]) -> None:
    """Give a reader what is sealed, when nobody else can: both holders type their passphrases. Shows no content."""
    with open_session() as (session, _, _region):
        holders = recovery.holders(session)
    passphrases = [_ask(login) for login in holders]
    with open_session() as (session, _, _region), _said():
        shared = recovery.recover(session, staffing.find(session, reader), passphrases, datetime.now(UTC))
    typer.echo(f"{shared} contents are sealed for {reader} now.")


@contextmanager
def _said() -> Iterator[None]:
    """A refusal in words."""
    try:
        yield
    except ReferralError as error:
        raise ReferralError(WHY.get(str(error), str(error))) from None


def _ask(login: str, *, new: bool = False) -> str:
    answer: str = typer.prompt(f"Passphrase of {login}", hide_input=True, confirmation_prompt=new)
    return answer
