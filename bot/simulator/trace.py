"""The drawer of one turn: the raw request, what was checked, the two store calls, the journal, the effects."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bot.simulator.shelf import Event
from bot.store.ciphers import Ciphers, Unreadable
from bot.store.database import Database
from bot.store.models import Turn


def detail(event: Event, database: Database, ciphers: Ciphers, content: Any) -> dict[str, Any]:
    """Everything known of a turn. `journal` is None until the recorder has written it, or while PostgreSQL is away."""
    what = event.what
    try:
        journal = _journal(what["turn"], database, ciphers)
        away = False
    except SQLAlchemyError:
        journal, away = None, True
    replies = journal["replies"] if journal else []
    channel = what["channel"]
    return {
        "request": {"path": what["path"], "form": what["form"], "proof": what["proof"], "status": what["status"]},
        "took": what["took"],
        "times": what["times"],
        "same": what["same"],
        "trace": what["trace"],
        "turn": what["turn"],
        "journal": journal,
        "away": away,
        "english": [english(content, key, arguments, channel=channel) for key, arguments in replies],
    }


def english(content: Any, key: str, arguments: dict[str, Any], *, channel: str = "ussd") -> str:
    """A reply in English by its catalogue key; "" where there is none."""
    translate = getattr(content, "english", None)
    if translate is None:
        return ""
    try:
        return str(translate(key, arguments, channel=channel))
    except (KeyError, ValueError, TypeError, AttributeError):  # a key of another release
        return ""


def _journal(turn: str, database: Database, ciphers: Ciphers) -> dict[str, Any] | None:
    with database.transaction() as session:
        row = session.scalars(select(Turn).where(Turn.id == turn)).first()
    if row is None:
        return None
    return {
        "kind": row.kind,
        "at": int(row.at.timestamp() * 1000),
        "before": row.before,
        "after": row.after,
        "text": _text(row, ciphers),
        "replies": [[str(reply[0]), dict(reply[1]) if len(reply) > 1 else {}] for reply in row.replies],
        "effects": list(row.effects),
    }


def _text(row: Turn, ciphers: Ciphers) -> str:
    """Empty where nothing was typed, or where it was a secret and so was never kept."""
    if not row.text_enc:
        return ""
    try:
        return ciphers.decrypt(row.text_enc, f"{row.id}|text".encode()).decode(errors="replace")
    except Unreadable:
        return ""
