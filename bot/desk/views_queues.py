"""Queues: every open referral that this person may see, with a filter."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, false

from bot.desk import presenting, reading
from bot.desk.blueprint import blueprint
from bot.desk.services import now, services
from bot.desk.sign_in import reader
from bot.desk.words import codes, say
from bot.referrals import access, letters
from bot.store.models import Referral, Staff

HOLDERS = ("mine", "nobody", "others")
A_PAGE = 70
LEVELS = ("critical", "high", "normal")


@blueprint.get("/queues")
def queues() -> ResponseReturnValue:
    """A letter that the reader does not serve answers like one that is empty."""
    staff, at = reader(), now()
    wished = {name: request.args.get(name, "") for name in ("queue", "level", "holder")}
    which = _conditions(staff, wished)
    with services().database.transaction() as session:
        total = reading.open_count(session, staff)
        fitting = reading.open_count(session, staff, *which) if which else total
        start = _start(fitting)
        entries = reading.open_entries(session, staff, *which, start=start, most=A_PAGE)
        holders = reading.names(session, {one.referral.accepted_by for one in entries if one.referral.accepted_by})
        mine = reading.mine_count(session, staff)
    rows = [presenting.row(one, staff, at, holders=holders)[0] for one in entries]
    return render_template(
        "desk/queues.html", rows=rows, total=total, start=start, after=max(0, fitting - start - A_PAGE), step=A_PAGE,
        letters=sorted({_letter(queue) for queue in access.serves(staff)}), wished=wished, here="desk.queues",
        tab_counts={"today": mine, "queues": total}, filters=len(which),
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


def _letter(queue: str) -> str:
    return letters.letter(services().settings, queue)


def _conditions(staff: Staff, wished: dict[str, str]) -> list[ColumnElement[bool]]:
    """A private talk is critical in the filter too; what is no filter of ours fits nothing."""
    found: list[ColumnElement[bool]] = []
    if wished["queue"]:
        found.append(Referral.queue.in_([one for one in access.QUEUES if _letter(one) == wished["queue"]]))
    if wished["level"]:
        found.append(Referral.level == wished["level"])
    if wished["holder"]:
        held = {
            "mine": Referral.accepted_by == staff.id,
            "nobody": Referral.accepted_by.is_(None),
            "others": Referral.accepted_by != staff.id,
        }
        found.append(held.get(wished["holder"], false()))
    return found
