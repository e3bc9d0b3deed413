"""Who read and did what: for the data protection focal point, without content.

Readings of sealed requests are shown to the focal points of the sealed queue alone: to anybody else they would tell
that such a request exists (safety 19). A request is named by a mark that is no ticket number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, Select, and_, exists, false, func, not_, or_, select
from sqlalchemy.orm import aliased
from werkzeug.datastructures import MultiDict

from bot.desk.blueprint import blueprint
from bot.desk.forms import RecordsForm
from bot.desk.services import services
from bot.desk.sign_in import reader
from bot.desk.words import dates, records
from bot.store.models import Audit, Referral, Staff, Ticket

A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the page."""

    at: datetime
    who: str
    what: str
    subject: str
    why: str


@blueprint.get("/records")
def search_records() -> ResponseReturnValue:
    """Newest first, fifty a page."""
    staff = reader()
    with services().database.transaction() as session:
        people = [(str(one.id), one.name) for one in session.execute(select(Staff.id, Staff.name).order_by(Staff.name))]
        form = RecordsForm(people, records.kinds(), MultiDict(request.args))
        start = _start()
        wanted = _wanted(staff, form).order_by(Audit.at.desc(), Audit.id.desc()).offset(start).limit(A_PAGE + 1)
        rows = [_record(row, name) for row, name in session.execute(wanted)]
    return render_template(
        "desk/records.html", form=form, rows=rows[:A_PAGE], start=start, step=A_PAGE, more=len(rows) > A_PAGE,
        wished={name: value for name, value in request.args.items() if name != "from"}, here="desk.search_records",
    )  # fmt: skip


def _wanted(staff: Staff, form: RecordsForm) -> Select[Audit, str]:
    rules = [_open_to(staff)]
    if form.who.data and form.who.data.isdigit():
        rules.append(Audit.staff_id == int(form.who.data))
    known = (*records.READING, *records.ACCESS)
    match form.what.data:
        case "reading":
            rules.append(Audit.action.in_(records.READING))
        case "access":
            rules.append(Audit.action.in_(records.ACCESS))
        case "acting":
            rules.append(Audit.action.not_in(known))
    number = "".join(c for c in form.ticket.data or "" if c in "0123456789")
    if number:
        named = select(func.concat("referral:", Ticket.referral_id)).where(Ticket.number == number)
        rules.append(Audit.subject.in_(named))
    if form.since.data:
        rules.append(Audit.at >= dates.begin_of(form.since.data))
    if form.until.data:
        rules.append(Audit.at < dates.begin_of(form.until.data + timedelta(days=1)))
    return select(Audit, Staff.name).outerjoin(Staff, Staff.id == Audit.staff_id).where(*rules)


def _open_to(staff: Staff) -> ColumnElement[bool]:
    sealed = exists(
        select(Referral.id).where(
            Audit.subject == func.concat("referral:", Referral.id), or_(Referral.sealed, Referral.queue == "sealed")
        )
    )
    about_messages = Audit.subject.startswith("message:")  # a message may be about a sealed request
    focal = aliased(Staff)
    by_focal = exists(select(focal.id).where(focal.id == Audit.staff_id, focal.role == "psea_focal"))
    phones_of_sealed = and_(Audit.subject.startswith("contact:"), by_focal)  # whom else would they look at
    if staff.role == "psea_focal":
        return or_(sealed, phones_of_sealed)
    return not_(or_(sealed, about_messages, phones_of_sealed)) if staff.role == "data_protection" else false()


def _record(row: Audit, name: str | None) -> Record:
    kind, _, of = row.subject.partition(":")
    mark = services().ciphers.code("record", of).hex()[:6] if kind in ("referral", "case", "contact") else ""
    return Record(row.at, name or "", records.action(row.action), mark, str(row.detail.get("reason") or ""))


def _start() -> int:
    wished = request.args.get("from", "0")
    return int(wished) if wished.isascii() and wished.isdigit() and len(wished) < 7 else 0
