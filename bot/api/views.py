"""The operations of the API. Rules stand in bot.data.pushing and bot.cases; here they meet HTTP."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import request
from sqlalchemy import Row, Select, func, select

from bot.api import shapes
from bot.api.calling import Answer, Call
from bot.api.routes import operation
from bot.cases import appointments as rules
from bot.cases.place_names import read as place_read
from bot.cases.place_names import written
from bot.data import pushing
from bot.errors import CaseError
from bot.outreach.calendar import Calendar
from bot.store.models import Appointment, Case, Contact, OptOut, Place

PREFIX = "/api/v1"
_PLAIN = tuple(name for name in shapes.CaseRead.model_fields if name not in ("case_number", "phone"))


@operation("GET", "/cases", scope="cases:read", query=shapes.CasesAsked, answer=shapes.Cases)
def list_cases(call: Call) -> Answer:
    """Cases by number, page by page."""
    asked = call.query
    wanted = _cases(call).order_by(Case.number).limit(asked.limit + 1)
    for name in ("stage", "region", "office", "partner"):
        if (value := getattr(asked, name)) is not None:
            wanted = wanted.where(getattr(Case, name) == value)
    if asked.cursor is not None:
        wanted = wanted.where(Case.number > asked.cursor)
    rows = call.session.execute(wanted).all()
    page = [_case(row, call) for row in rows[: asked.limit]]
    following = page[-1].case_number if len(rows) > asked.limit else None
    return Answer(shapes.Cases(cases=page, next=following), headers=_link(following))


@operation("GET", "/cases/{number}", scope="cases:read", answer=shapes.CaseRead, problems=(404,))
def read_case(call: Call) -> Answer:
    """One case."""
    return Answer(_read(call))


@operation(
    "PUT", "/cases/{number}", scope="cases:write", body=shapes.CaseSent, answer=shapes.CaseRead,
    statuses=(200, 201), problems=(404, 409),
)  # fmt: skip
def put_case(call: Call) -> Answer:
    """Add a case, or change what is sent of one that is there; the rest stays. Sent again it changes nothing."""
    sent = call.body.model_dump(mode="json", exclude_none=True)
    words = {name: _word(value) for name, value in sent.items()}
    new = pushing.put(call.session, call.path["number"], words, call.pusher)
    headers = {"Location": f"{PREFIX}/cases/{call.path['number']}"} if new else {}
    return Answer(_read(call), 201 if new else 200, headers)


@operation(
    "POST", "/cases/{number}/stage", scope="stages:write", body=shapes.MoveSent, answer=shapes.CaseRead,
    problems=(404, 409),
)  # fmt: skip
def move_case(call: Call) -> Answer:
    """Move a case, as an assistant may. Finalising, cancelling, refusing and transferring need a person at the desk."""
    sent = call.body
    pushing.move(
        call.session, call.path["number"], seen=sent.seen, to=sent.to, since=sent.since, reason=sent.reason,
        pusher=call.pusher,
    )  # fmt: skip
    return Answer(_read(call))


@operation(
    "GET", "/cases/{number}/appointments", scope="appointments:read", answer=shapes.Appointments, problems=(404,)
)
def list_appointments(call: Call) -> Answer:
    """The appointments of a case, newest first, the last fifty."""
    case = pushing.held(call.session, call.path["number"], call.pusher.token)
    wanted = _appointments().where(Appointment.case_id == case.id).order_by(Appointment.id.desc()).limit(50)
    return Answer(shapes.Appointments(appointments=[_appointment(row) for row in call.session.execute(wanted)]))


@operation(
    "POST", "/cases/{number}/appointments", scope="appointments:write", body=shapes.AppointmentSent,
    answer=shapes.AppointmentRead, statuses=(201,), problems=(404, 409),
)  # fmt: skip
def propose_appointment(call: Call) -> Answer:
    """Propose a day; the person is asked by the line, and may take another one."""
    case = pushing.held(call.session, call.path["number"], call.pusher.token)
    _, name, detail = place_read(call.body.place)
    here = select(Place.id).where(Place.office == case.office, Place.name == name, Place.active)
    place_id = call.session.scalar(here)
    if place_id is None:
        raise CaseError("no_such_place")
    made = rules.propose(
        call.session, case.id, place_id, call.body.day, call.body.purpose, by=call.pusher.by, at=call.pusher.at,
        calendar=Calendar.of(call.settings), detail=detail,
    )  # fmt: skip
    pushing.note(call.session, "appointment_proposed", case, call.pusher, appointment=made.id)
    row = call.session.execute(_appointments().where(Appointment.id == made.id)).one()
    return Answer(_appointment(row), 201)


@operation(
    "POST", "/cases/{number}/appointments/{id}/cancel", scope="appointments:write", answer=shapes.AppointmentRead,
    problems=(404, 409),
)  # fmt: skip
def cancel_appointment(call: Call) -> Answer:
    """Take an appointment off; one that is over already stays as it is."""
    case = pushing.held(call.session, call.path["number"], call.pusher.token)
    mine = _appointments().where(Appointment.id == call.path["id"], Appointment.case_id == case.id)
    if call.session.execute(mine).one_or_none() is None:
        raise CaseError("not_found")
    if rules.cancel(call.session, call.path["id"], by=call.pusher.by, at=call.pusher.at):
        pushing.note(call.session, "appointment_cancelled", case, call.pusher, appointment=call.path["id"])
    return Answer(_appointment(call.session.execute(mine).one()))


@operation("GET", "/opt-outs", scope="optouts:read", query=shapes.PageAsked, answer=shapes.OptOuts)
def list_opt_outs(call: Call) -> Answer:
    """Cases whose person no longer wishes messages, by case number: of some kind, or any."""
    asked = call.query
    said = select(OptOut.contact_id, func.unnest(OptOut.stopped).label("what"))
    by_line = select(Contact.id, func.unnest(Contact.stopped).label("what"))
    ended = said.union(by_line).subquery()
    words = func.array_agg(ended.c.what.distinct())
    wanted = (
        select(Case.number, words)
        .join(ended, ended.c[0] == Case.contact_id)
        .where(pushing.visible(call.pusher.token))
        .group_by(Case.number)
        .order_by(Case.number)
        .limit(asked.limit + 1)
    )
    if asked.cursor is not None:
        wanted = wanted.where(Case.number > asked.cursor)
    rows = call.session.execute(wanted).all()
    page = [shapes.OptOutRead(case_number=number, stopped=sorted(what)) for number, what in rows[: asked.limit]]
    following = page[-1].case_number if len(rows) > asked.limit else None
    return Answer(shapes.OptOuts(opt_outs=page, next=following), headers=_link(following))


@operation("GET", "/counts", scope="counts:read", query=shapes.CountsAsked, answer=shapes.Counts)
def count_cases(call: Call) -> Answer:
    """How many cases of each stage, region, office or partner."""
    by = getattr(Case, call.query.by)
    wanted = select(by, func.count()).where(pushing.visible(call.pusher.token)).group_by(by).order_by(by)
    return Answer(
        shapes.Counts(counts=[shapes.Count(of=of, cases=number) for of, number in call.session.execute(wanted)])
    )


def _cases(call: Call) -> Select[Case, str | None, bytes | None]:
    known = select(Case, Contact.digest, Contact.number_enc).outerjoin(Contact, Contact.id == Case.contact_id)
    return known.where(pushing.visible(call.pusher.token))


def _read(call: Call) -> shapes.CaseRead:
    call.session.flush()
    row = call.session.execute(_cases(call).where(Case.number == call.path["number"])).one_or_none()
    if row is None:
        raise CaseError("not_found")
    return _case(row, call)


def _case(row: Row[Case, str | None, bytes | None], call: Call) -> shapes.CaseRead:
    case, digest, number_enc = row
    values = {name: getattr(case, name) for name in _PLAIN}
    if "phones:read" in call.pusher.token.scopes:
        place = f"contacts|{digest}|number".encode()
        values["phone"] = call.pusher.ciphers.decrypt(number_enc, place).decode() if number_enc else ""
    return shapes.CaseRead(case_number=case.number, **values)


def _appointments() -> Select[Appointment, Place]:
    return (
        select(Appointment, Place)
        .join(Place, Place.id == Appointment.place_id)
        .execution_options(populate_existing=True)
    )


def _appointment(row: Row[Appointment, Place]) -> shapes.AppointmentRead:
    one, place = row
    return shapes.AppointmentRead(
        id=one.id, day=one.day, place=written(place.name, one.detail), purpose=one.purpose, state=one.state
    )


def _link(following: str | None) -> dict[str, str]:
    """The next page, as RFC 8288 says it: the same question, from there on."""
    if following is None:
        return {}
    asked = {**request.args.to_dict(), "cursor": following}
    return {"Link": f'<{request.path}?{urlencode(asked)}>; rel="next"'}


def _word(value: object) -> str:
    """As a file of cases writes it."""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
