"""`maraba tokens …`."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from sqlalchemy import select

from bot.data import tokens
from bot.errors import CaseError
from bot.referrals.commands import open_session
from bot.store.models import ApiToken

FAULTS = {
    "name": "a name has 2 to 40 small letters, digits and dashes",
    "taken": "there is a key of this name already",
    "scopes": f"scopes are some of {', '.join(tokens.SCOPES)}",
    "days": "days are 1 to 366",
}

app = typer.Typer(name="tokens", help="Keys of other systems for the API: docs/api.md.", no_args_is_help=True)


@app.command("make")
def make(
    name: str,
    scopes: Annotated[str, typer.Option(help="several by comma: " + ", ".join(tokens.SCOPES))],
    days: Annotated[int, typer.Option(help="valid for so many days")] = 90,
    offices: Annotated[str, typer.Option(help="several by comma; empty: all")] = "",
) -> None:
    """Make a key; it is shown this once."""
    with open_session() as (session, ciphers, _):
        try:
            secret = tokens.make(
                session, name, scopes=_split(scopes), days=days, offices=_split(offices), ciphers=ciphers,
                now=datetime.now(UTC), staff_id=None,
            )  # fmt: skip
        except CaseError as error:
            raise typer.BadParameter(FAULTS[str(error)]) from None
    typer.echo(f"The key of {name}, shown this once: {secret}")


@app.command("list")
def list_all() -> None:
    """Every key: scopes, end, last use."""
    now = datetime.now(UTC)
    with open_session() as (session, _, _):
        for one in tokens.every(session):
            state = (
                "revoked" if one.revoked_at else "expired" if one.expires_at <= now else f"to {one.expires_at:%Y-%m-%d}"
            )
            used = f"{one.used_at:%Y-%m-%d %H:%M}" if one.used_at else "never"
            typer.echo(f"{one.name:20} {state:14} used {used:16} {', '.join(one.scopes)}")


@app.command("revoke")
def revoke(name: str) -> None:
    """From now on it opens nothing."""
    with open_session() as (session, _, _):
        found = session.scalars(select(ApiToken).where(ApiToken.name == name)).one_or_none()
        if found is None:
            raise typer.BadParameter("no key has this name")
        tokens.revoke(session, found, now=datetime.now(UTC), staff_id=None)
    typer.echo(f"{name} opens nothing any more.")


def _split(words: str) -> list[str]:
    return [part.strip() for part in words.split(",") if part.strip()]
