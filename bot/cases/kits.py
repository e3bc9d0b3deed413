"""The kit of a file: ordered, arrived, collected, and what was wrong with it. Each step proposes the file's next stage."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.cases import process
from bot.cases.process import Mover
from bot.errors import CaseError
from bot.referrals import access
from bot.store.models import Audit, Case, Kit

FAULTS = ("broken", "incomplete")
PROPOSED = {"arrived": ("KIT_PREPARATION", "KIT_READY"), "collected": ("KIT_READY", "KIT_COLLECTED")}


@dataclass(frozen=True, slots=True)
class Told:
    """A kit as a list tells it; what is None or empty there stays as it is."""

    kind: str
    ordered_on: date
    items: tuple[str, ...] = ()
    expected_on: date | None = None
    arrived_on: date | None = None
    collected_on: date | None = None


def of_case(session: Session, case: Case) -> list[Kit]:
    """The kits of a file, the latest first."""
    return list(session.scalars(select(Kit).where(Kit.case_id == case.id).order_by(Kit.id.desc())))


def order(session: Session, case_id: int, kind: str, items: list[str], expected_on: date | None, mover: Mover) -> Kit:
    """Write an order down; the same one twice a day is once. Raises CaseError: `not_found`, `not_allowed`."""
    case = _held(session, case_id, mover)
    same = select(Kit).where(Kit.case_id == case.id, Kit.ordered_on == mover.today, Kit.kind == kind)
    if (there := session.scalar(same.limit(1))) is not None:
        return there
    row = Kit(
        case_id=case.id, kind=kind, items=items, ordered_on=mover.today, expected_on=expected_on, made_by=mover.staff.id
    )
    session.add(row)
    session.flush()
    _audit(session, mover, "kit_ordered", row)
    return row


def step(session: Session, case_id: int, kit_id: int, what: str, mover: Mover) -> None:
    """`arrived` or `collected`, today; proposes KIT_READY or KIT_COLLECTED. A second time changes nothing.

    Raises CaseError: `not_found`, `not_allowed`, `not_arrived`.
    """
    case, kit = _both(session, case_id, kit_id, mover)
    if what == "collected" and kit.arrived_on is None:
        raise CaseError("not_arrived")
    field = f"{what}_on"
    if getattr(kit, field) is not None:
        return
    setattr(kit, field, mover.today)
    before, after = PROPOSED[what]
    if case.stage == before:
        process.propose(session, case, after, "kit", mover)
    _audit(session, mover, f"kit_{what}", kit)


def record(session: Session, case_id: int, told: Told, mover: Mover) -> None:
    """Write down what a list tells of the kit of this kind that was ordered that day; the same again changes nothing.

    Proposes as `step` does. Raises CaseError: `not_found`, `not_allowed`, `not_arrived`, `wrong_day` (to come, or before
    what comes first).
    """
    case = _held(session, case_id, mover)
    same = select(Kit).where(Kit.case_id == case.id, Kit.ordered_on == told.ordered_on, Kit.kind == told.kind)
    there = session.scalar(same.order_by(Kit.id).limit(1))
    row = there or Kit(case_id=case.id, kind=told.kind, ordered_on=told.ordered_on, items=[], made_by=mover.staff.id)
    days = {name: getattr(told, name) or getattr(row, name) for name in ("arrived_on", "collected_on")}
    values = days | {"items": list(told.items) or row.items, "expected_on": told.expected_on or row.expected_on}
    if days["collected_on"] and not days["arrived_on"]:
        raise CaseError("not_arrived")
    in_order = [day for day in (told.ordered_on, *days.values(), mover.today) if day]
    if in_order != sorted(in_order):
        raise CaseError("wrong_day")
    new = [what for what in PROPOSED if days[f"{what}_on"] and not getattr(row, f"{what}_on")]
    if there is not None and all(getattr(row, name) == value for name, value in values.items()):
        return
    for name, value in values.items():
        setattr(row, name, value)
    session.add(row)
    session.flush()
    for before, after in (PROPOSED[what] for what in new):
        if case.stage == before:
            process.propose(session, case, after, "kit", mover)
    _audit(session, mover, "kit_recorded", row)


def note_fault(session: Session, case_id: int, kit_id: int, fault: str, mover: Mover) -> None:
    """It is broken or incomplete, or whole again (""). Raises CaseError: `not_found`, `not_allowed`."""
    _, kit = _both(session, case_id, kit_id, mover)
    if kit.fault != fault:
        kit.fault, kit.fault_on = fault, mover.today if fault else None
        _audit(session, mover, "kit_fault", kit, fault=fault)


def _both(session: Session, case_id: int, kit_id: int, mover: Mover) -> tuple[Case, Kit]:
    case = _held(session, case_id, mover)
    kit = session.get(Kit, kit_id)
    if kit is None or kit.case_id != case.id:
        raise CaseError("not_found")
    return case, kit


def _held(session: Session, case_id: int, mover: Mover) -> Case:
    case = process.held(session, case_id, mover.staff)
    if not access.moves_files(mover.staff):
        raise CaseError("not_allowed")
    return case


def _audit(session: Session, mover: Mover, action: str, kit: Kit, **detail: object) -> None:
    detail |= {"kit": kit.id}
    session.add(
        Audit(staff_id=mover.staff.id, at=mover.at, action=action, subject=f"case:{kit.case_id}", detail=detail)
    )
