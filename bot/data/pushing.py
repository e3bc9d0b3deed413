"""What another system may do to cases: write them, move them as an assistant would, plan appointments.

It never decides what a person decides: who finalises, cancels, transfers or refuses, who is told of it, and who counts
as lost. Sees cases of the offices of its key alone; another's is as if it never was (safety 19).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from bot.cases import importing, stages
from bot.cases.importing import Lines, Report
from bot.cases.reading import CaseRow, Fault, Reader, known
from bot.content.process import process
from bot.errors import BotError, CaseError
from bot.store.ciphers import Ciphers
from bot.store.models import ApiToken, Audit, Case

_OF_THE_MOVE = ("stage", "resume_stage", "stage_since")


class Refused(BotError):
    """What was sent has the right shape and can't be: columns and reasons."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("refused")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Pusher:
    """The key, when, the office's day, and the country of numbers without a code."""

    token: ApiToken
    at: datetime
    today: date
    region: str
    ciphers: Ciphers

    @property
    def by(self) -> str:
        """As history names it."""
        return f"api:{self.token.name}"


def visible(token: ApiToken) -> ColumnElement[bool]:
    """The cases of a key, as a condition on `Case`."""
    return Case.office.in_(token.offices) if token.offices else true()


def held(session: Session, number: str, token: ApiToken, *, lock: bool = False) -> Case:
    """One case of this key. Raises CaseError `not_found`."""
    wanted = select(Case).where(Case.number == number, visible(token))
    found = session.scalars(wanted.with_for_update() if lock else wanted).one_or_none()
    if found is None:
        raise CaseError("not_found")
    return found


def put(session: Session, number: str, sent: Mapping[str, str], pusher: Pusher) -> bool:
    """Add a case or change what is sent of it; True where it is new. Raises Refused, CaseError.

    `sent`: columns of an import. The stage of a case that is there moves by `move` alone.
    """
    case = session.scalars(select(Case).where(Case.number == number).with_for_update()).one_or_none()
    if case is not None and pusher.token.offices and case.office not in pusher.token.offices:
        raise CaseError("not_found")
    if case is not None:
        moved = [name for name in _OF_THE_MOVE if name in sent and sent[name] != str(getattr(case, name))]
        if moved:
            raise Refused([Fault(0, name, "moves by its own request") for name in moved])
        sent = {name: value for name, value in sent.items() if name not in _OF_THE_MOVE}
    row = Reader(today=pusher.today, region=pusher.region).read(0, {**sent, "case_number": number})
    if not isinstance(row, CaseRow):
        raise Refused(row)
    report = Report()
    lines = Lines([(0, row)], known(("case_number", *sent)), pusher.today, tuple(pusher.token.offices))
    importing.settle(session, lines, report, ciphers=pusher.ciphers, by=pusher.by)
    if report.faults:
        raise Refused(report.faults)
    session.expire_all()
    written = held(session, number, pusher.token)
    columns = list(report.changes[0].columns) if report.changes else []
    if report.added or columns:
        note(session, "case_put", written, pusher, columns=columns)
    return bool(report.added)


def move(session: Session, number: str, *, seen: str, to: str, since: date, reason: str, pusher: Pusher) -> Case:
    """Move a case as an assistant would. Where it stands there already, nothing happens.

    Raises CaseError: `not_found`, `moved_on` (it is not at `seen` any more), `needs_a_person`, `reason_needed`,
    `since` (in the future, or before the stage before began).
    """
    case = held(session, number, pusher.token, lock=True)
    if case.stage == to:
        return case
    if case.stage != seen:
        raise CaseError("moved_on")
    rule = process().rule(to)
    if not _may(case, to):
        raise CaseError("needs_a_person")
    if rule.reasons and reason not in rule.reasons:
        raise CaseError("reason_needed")
    if not case.stage_since <= since <= pusher.today:
        raise CaseError("since")
    stages.move(session, case, to, by=pusher.by, at=pusher.at, since=since, reason=reason if rule.reasons else "")
    note(session, "case_moved", case, pusher, to=to, **{"from": seen})
    return case


def note(session: Session, action: str, case: Case, pusher: Pusher, **detail: object) -> None:
    """Which system did what, for ever."""
    kept = {"token": pusher.token.name, **detail}
    session.add(Audit(staff_id=None, at=pusher.at, action=f"api.{action}", subject=f"case:{case.id}", detail=kept))


def _may(case: Case, to: str) -> bool:
    model = process()
    here, rule = model.rule(case.stage), model.rule(to)
    if here.procedure or "assistant" not in rule.by:
        return False
    if rule.second_person or rule.consent or rule.procedure or rule.note or rule.told:
        return False
    if to in model.exceptional:
        return rule.anywhere or (not here.ends and (not rule.only_from or case.stage in rule.only_from))
    return to == case.resume_stage or to in here.next
