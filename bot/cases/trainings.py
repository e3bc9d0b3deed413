"""Trainings: who goes, who was there, who ended it. Their results propose a move of the file; somebody decides it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.cases import process
from bot.cases.process import Mover
from bot.errors import CaseError
from bot.referrals import access
from bot.store.models import Audit, Case, Enrolment, Staff, Training, TrainingDay

BEFORE, DURING, AFTER = "TRAINING_WAIT", "TRAINING", "KIT_PREPARATION"


@dataclass(frozen=True, slots=True)
class NewTraining:
    """A training as the desk's form says it; both days included."""

    kind: str
    place: str
    office: str
    partner: str
    starts_on: date
    ends_on: date
    places: int


def add(session: Session, new: NewTraining, mover: Mover) -> Training:
    """Plan a training. Raises CaseError `not_allowed`."""
    if not access.moves_files(mover.staff) or (mover.staff.offices and new.office not in mover.staff.offices):
        raise CaseError("not_allowed")
    row = Training(
        kind=new.kind, place=new.place, office=new.office, partner=new.partner, starts_on=new.starts_on,
        ends_on=new.ends_on, places=new.places, made_by=mover.staff.id, made_at=mover.at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    _audit(session, mover, "training_added", row)
    return row


def found(session: Session, training_id: int, staff: Staff) -> Training | None:
    """The training, if this person may see it."""
    return session.scalar(select(Training).where(Training.id == training_id, access.visible_places(staff, Training)))


def taken(session: Session, trainings: Collection[int]) -> dict[int, int]:
    """Places taken, by training."""
    wanted = select(Enrolment.training_id, func.count()).where(
        Enrolment.training_id.in_(trainings), Enrolment.left_at.is_(None)
    )
    return {row[0]: row[1] for row in session.execute(wanted.group_by(Enrolment.training_id))}


def begun(session: Session, kind: str, place: str, starts_on: date, mover: Mover) -> Training:
    """The one training of this kind that begins there that day, locked. Raises CaseError: `not_found`, `two`, `not_allowed`."""
    wanted = select(Training.id).where(
        func.lower(Training.kind) == kind.lower(), func.lower(Training.place) == place.lower(),
        Training.starts_on == starts_on, access.visible_places(mover.staff, Training),
    )  # fmt: skip
    found = session.scalars(wanted.limit(2)).all()
    if len(found) > 1:
        raise CaseError("two")
    return _held(session, found[0] if found else 0, mover, moves=True)


def enrolled(session: Session, training: Training, staff: Staff) -> list[tuple[Enrolment, Case]]:
    """Who goes, of those whose file this person may read."""
    wanted = select(Enrolment, Case).join(Case, Case.id == Enrolment.case_id)
    wanted = wanted.where(
        Enrolment.training_id == training.id, Enrolment.left_at.is_(None), access.visible_files(staff)
    )
    return [(row[0], row[1]) for row in session.execute(wanted.order_by(Case.name, Case.id))]


def of_case(session: Session, case: Case) -> list[tuple[Training, Enrolment]]:
    """The trainings of a file, the latest first."""
    wanted = select(Training, Enrolment).join(Enrolment, Enrolment.training_id == Training.id)
    wanted = wanted.where(Enrolment.case_id == case.id, Enrolment.left_at.is_(None))
    return [(row[0], row[1]) for row in session.execute(wanted.order_by(Training.starts_on.desc()))]


def attendance(session: Session, enrolments: Collection[int]) -> dict[tuple[int, date], bool]:
    """Enrolment and day to present or not; days nobody noted are left out."""
    wanted = select(TrainingDay).where(TrainingDay.enrolment_id.in_(enrolments))
    return {(row.enrolment_id, row.day): row.present for row in session.scalars(wanted)}


def enrol(session: Session, training_id: int, number: str, mover: Mover) -> Enrolment:
    """Give a file a place; twice is once. Raises CaseError: `not_found`, `no_file`, `over`, `full`, `not_allowed`."""
    training = _held(session, training_id, mover, moves=True)
    return _enrol(session, training, number, mover, ends_after=mover.today)[0]


def withdraw(session: Session, training_id: int, enrolment_id: int, mover: Mover) -> None:
    """Somebody does not go; the place is free again. Raises CaseError: `not_found`, `not_allowed`."""
    training = _held(session, training_id, mover, moves=True)
    row = session.get(Enrolment, enrolment_id)
    if row is None or row.training_id != training.id:
        raise CaseError("not_found")
    if row.left_at is None:
        row.left_at = mover.at
        _audit(session, mover, "training_withdrawn", training, enrolment=row.id)


def mark(session: Session, training_id: int, day: date, present: Collection[int], mover: Mover) -> None:
    """Who of the list was there that day; again that day corrects it. The first day there proposes the stage TRAINING.

    Raises CaseError: `not_found`, `wrong_day` (not one of the training, or to come).
    """
    training = _held(session, training_id, mover)
    _check_day(training, day, mover)
    for row, case in enrolled(session, training, mover.staff):
        _note(session, row, case, day, row.id in present, mover)
    _audit(session, mover, "training_marked", training, day=day.isoformat())


def attended(session: Session, training_id: int, number: str, day: date, mover: Mover, *, present: bool) -> None:
    """One person on one day, as a list says it afterwards; gives a place where there is none. The same again is once.

    Raises CaseError: `not_found`, `no_file`, `full`, `wrong_day`, `not_allowed`.
    """
    training = _held(session, training_id, mover, moves=True)
    _check_day(training, day, mover)
    row, case = _enrol(session, training, number, mover, ends_after=training.ends_on)
    if attendance(session, [row.id]).get((row.id, day)) is not present:
        _note(session, row, case, day, present, mover)
        _audit(session, mover, "training_marked", training, day=day.isoformat(), enrolment=row.id)


def complete(session: Session, training_id: int, completed: Collection[int], mover: Mover) -> None:
    """Who of the list ended it. Whoever did is proposed for the kit, whoever did not for the next training.

    Raises CaseError: `not_found`, `too_early` (before the last day).
    """
    training = _held(session, training_id, mover)
    if mover.today < training.ends_on:
        raise CaseError("too_early")
    for row, case in enrolled(session, training, mover.staff):
        row.completed = row.id in completed
        if row.completed and case.stage in (BEFORE, DURING):
            process.propose(session, case, AFTER, "training", mover)
        elif not row.completed and case.stage == DURING:
            process.propose(session, case, BEFORE, "training", mover)
    _audit(session, mover, "training_completed", training)


def _enrol(
    session: Session, training: Training, number: str, mover: Mover, *, ends_after: date
) -> tuple[Enrolment, Case]:
    case = session.scalar(select(Case).where(Case.number == number, access.visible_files(mover.staff)))
    if case is None:
        raise CaseError("no_file")
    there = session.scalar(select(Enrolment).where(Enrolment.training_id == training.id, Enrolment.case_id == case.id))
    if there is not None and there.left_at is None:
        return there, case
    if training.ends_on < ends_after:
        raise CaseError("over")
    if taken(session, [training.id]).get(training.id, 0) >= training.places:
        raise CaseError("full")
    row = there or Enrolment(training_id=training.id, case_id=case.id)
    row.at, row.left_at, row.completed = mover.at, None, None
    session.add(row)
    session.flush()
    _audit(session, mover, "training_enrolled", training, enrolment=row.id)
    return row, case


def _check_day(training: Training, day: date, mover: Mover) -> None:
    if not training.starts_on <= day <= min(training.ends_on, mover.today):
        raise CaseError("wrong_day")


def _note(session: Session, row: Enrolment, case: Case, day: date, present: bool, mover: Mover) -> None:
    values = {"present": present, "staff_id": mover.staff.id}
    marked = insert(TrainingDay).values(enrolment_id=row.id, day=day, **values)
    session.execute(marked.on_conflict_do_update(index_elements=["enrolment_id", "day"], set_=values))
    if present and case.stage == BEFORE:
        process.propose(session, case, DURING, "training", mover)


def _held(session: Session, training_id: int, mover: Mover, *, moves: bool = False) -> Training:
    """Locked, so that the last place is given once. `moves`: for who moves files; else also for a partner's own."""
    mine = select(Training).where(Training.id == training_id, access.visible_places(mover.staff, Training))
    row = session.scalar(mine.with_for_update().execution_options(populate_existing=True))
    if row is None:
        raise CaseError("not_found")
    if not (access.moves_files(mover.staff) if moves else access.notes_progress(mover.staff)):
        raise CaseError("not_allowed")
    return row


def _audit(session: Session, mover: Mover, action: str, training: Training, **detail: object) -> None:
    subject = f"training:{training.id}"
    session.add(Audit(staff_id=mover.staff.id, at=mover.at, action=action, subject=subject, detail=dict(detail)))
