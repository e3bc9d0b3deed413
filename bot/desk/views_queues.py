"""Queues: every open referral that this person may see, with a filter."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from bot.desk import presenting, reading
from bot.desk.blueprint import blueprint
from bot.desk.presenting import Row
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import codes, say
from bot.referrals import access, letters

HOLDERS = ("mine", "nobody", "others")
A_PAGE = 80
LEVELS = ("critical", "high", "normal")


@blueprint.get("/queues")
def queues() -> ResponseReturnValue:
    """A letter that the reader does not serve answers like one that is empty."""
    staff, at = reader(), now()
    with services().database.transaction() as session:
        entries = reading.open_entries(session, staff)
        holders = reading.names(session, {one.referral.accepted_by for one in entries if one.referral.accepted_by})
    rows = [(one, presenting.row(one, staff, at, holders=holders)[0]) for one in entries]
    wished = {name: request.args.get(name, "") for name in ("queue", "level", "holder")}
    shown = [row for entry, row in rows if _fits(row, entry.referral.accepted_by, staff.id, wished)]
    start = _start(len(shown))
    mine = sum(1 for one in entries if one.referral.accepted_by in (None, staff.id))
    own = sorted({letters.letter(services().settings, queue) for queue in access.serves(staff)})
    return render_template(
        "desk/queues.html", rows=shown[start : start + A_PAGE], total=len(rows),
        start=start,
        after=max(0, len(shown) - start - A_PAGE),
        step=A_PAGE, letters=own, wished=wished, here="desk.queues",
        tab_counts={"today": mine, "queues": len(rows)}, filters=sum(1 for one in wished.values() if one),
        levels=[(code, codes.level(code)) for code in LEVELS], holders=_holders(),
    )  # fmt: skip


def _start(total: int) -> int:
    """Where the page begins; anything that is no such place is the beginning."""
    wished = request.args.get("from", "0")
    start = int(wished) if wished.isascii() and wished.isdigit() and len(wished) < 6 else 0
    return start if start < total else 0


def _holders() -> list[tuple[str, str]]:
    words = {"mine": say("yours"), "nobody": say("nobody yet"), "others": say("colleagues")}
    return [(code, words[code]) for code in HOLDERS]


def _fits(row: Row, accepted_by: int | None, me: int, wished: dict[str, str]) -> bool:
    """A private talk is critical in the filter too."""
    if wished["queue"] and row.letter != wished["queue"]:
        return False
    if wished["level"] and {"private": "critical"}.get(row.badge.kind, row.badge.kind) != wished["level"]:
        return False
    holder = "nobody" if accepted_by is None else ("mine" if accepted_by == me else "others")
    return not wished["holder"] or holder == wished["holder"]
