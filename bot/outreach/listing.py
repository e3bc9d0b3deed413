"""What the desk lists of the outreach. `seen` is the reader's rule for files (`access.visible_files`), put in every query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from bot.outreach import checkins
from bot.store.models import Case, CheckIn, ContactAttempt, LateFile, LostContact, NumberChange

MOST = 40


@dataclass(frozen=True, slots=True)
class Rate:
    """How many answered: of a week, a region, a partner. `name` is a week's number or a proper name."""

    name: str
    asked: int
    answered: int
    problems: int


def late_files(session: Session, seen: ColumnElement[bool]) -> tuple[int, Sequence[Row[LateFile, Case]]]:
    """Files that still stand where they were found late, the latest found first; how many there are."""
    still = and_(Case.stage == LateFile.stage, Case.stage_since == LateFile.since, seen)
    query = select(LateFile, Case).join(Case, Case.id == LateFile.case_id).where(still)
    rows = session.execute(query.order_by(LateFile.found_at.desc(), LateFile.id.desc()).limit(MOST)).all()
    return _count(session, query), rows


def searches(session: Session, seen: ColumnElement[bool]) -> tuple[int, Sequence[Row[LostContact, Case]]]:
    """People who are searched for: first those who wait for a decision, then by the day of the next look."""
    query = select(LostContact, Case).join(Case, Case.id == LostContact.case_id)
    query = query.where(LostContact.ended_at.is_(None), seen)
    order = (LostContact.review_at.asc().nulls_first(), LostContact.opened_at)
    return _count(session, query), session.execute(query.order_by(*order).limit(MOST)).all()


def number_changes(session: Session, seen: ColumnElement[bool]) -> tuple[int, Sequence[Row[NumberChange, Case]]]:
    """New numbers that nobody of the staff has confirmed yet, the doubtful first."""
    query = select(NumberChange, Case).join(Case, Case.id == NumberChange.case_id)
    query = query.where(NumberChange.confirmed_at.is_(None), seen)
    order = (NumberChange.state != "doubted", NumberChange.at)
    return _count(session, query), session.execute(query.order_by(*order).limit(MOST)).all()


def waiting(session: Session, seen: ColumnElement[bool]) -> int:
    """Check-ins that wait for an answer."""
    query = select(CheckIn, Case).join(Case, Case.id == CheckIn.case_id).where(CheckIn.state == "asked", seen)
    return _count(session, query)


def to_visit(session: Session, seen: ColumnElement[bool]) -> Sequence[Row[CheckIn, Case]]:
    """The latest answers that ask for somebody: the activity stands still, or there is a problem."""
    query = select(CheckIn, Case).join(Case, Case.id == CheckIn.case_id)
    wrong = or_(CheckIn.running.is_(False), CheckIn.problem.in_(("kit", "other")))
    query = query.where(CheckIn.state == "answered", wrong, Case.stage == "MONITORING", seen)
    return session.execute(query.order_by(CheckIn.answered_at.desc()).limit(MOST)).all()


def rates(session: Session, seen: ColumnElement[bool]) -> dict[str, list[Rate]]:
    """By week, region and partner, each in its order."""
    rows = checkins.rates(session, seen)
    return {
        "week": _by(rows, lambda row: f"{row[0]:02}"),
        "region": _by(rows, lambda row: row[1]),
        "partner": _by(rows, lambda row: row[2]),
    }


def of_case(session: Session, case: Case) -> tuple[list[CheckIn], list[ContactAttempt]]:
    """The check-ins of a file and who tried to reach its person, the latest first."""
    asked = select(CheckIn).where(CheckIn.case_id == case.id).order_by(CheckIn.asked_at.desc()).limit(MOST)
    tried = select(ContactAttempt).where(ContactAttempt.case_id == case.id).order_by(ContactAttempt.at.desc())
    return list(session.scalars(asked)), list(session.scalars(tried.limit(MOST)))


def change_of(session: Session, case: Case) -> NumberChange | None:
    """The new number of a file that waits for a word of ours."""
    waits = NumberChange.confirmed_at.is_(None)
    query = select(NumberChange).where(NumberChange.case_id == case.id, waits).order_by(NumberChange.id.desc())
    return session.scalars(query.limit(1)).one_or_none()


def search_of(session: Session, case: Case) -> LostContact | None:
    """The open search for the person of a file."""
    query = select(LostContact).where(LostContact.case_id == case.id, LostContact.ended_at.is_(None))
    return session.scalars(query).one_or_none()


def _count(session: Session, query: Select[LateFile, Case] | Select[LostContact, Case] | Select[NumberChange, Case] | Select[CheckIn, Case]) -> int:  # fmt: skip
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0


def _by(rows: Sequence[Row[int, str, str, int, int, int]], name: Callable[[Row[int, str, str, int, int, int]], str]) -> list[Rate]:  # fmt: skip
    found: dict[str, Rate] = {}
    for row in rows:
        before = found.get(name(row), Rate(name(row), 0, 0, 0))
        found[before.name] = Rate(
            before.name, before.asked + row[3], before.answered + row[4], before.problems + row[5]
        )
    return [found[one] for one in sorted(found)]
