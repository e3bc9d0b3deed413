"""Projects of one person, of a group, or of a whole place: who belongs to them, and moving them as one.

The stage of a project is told to a member through the member's own file alone: nobody learns who the others are.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from bot.cases import process as moving
from bot.cases.process import Mover, Wish
from bot.content.process import process
from bot.errors import CaseError
from bot.referrals import access
from bot.store.models import Audit, Case, Contact, Project, ProjectMember, Staff

KINDS = ("individual", "collective", "community")
ROLES = ("member", "head", "treasurer", "secretary")


@dataclass(frozen=True, slots=True)
class NewProject:
    """A project as the desk's form says it; `office` one of the maker's own."""

    kind: str
    name: str
    activity: str
    department: str
    office: str
    partner: str
    stage: str


@dataclass(frozen=True, slots=True)
class Moved:
    """How many files moved along, and which did not, each with the code of why (`elsewhere`: in another stage)."""

    files: int
    apart: tuple[tuple[Case, str], ...]


def add(session: Session, new: NewProject, mover: Mover) -> Project:
    """Begin a project. Raises CaseError `not_allowed`."""
    if not access.moves_files(mover.staff) or (mover.staff.offices and new.office not in mover.staff.offices):
        raise CaseError("not_allowed")
    row = Project(
        kind=new.kind, name=new.name, activity=new.activity, department=new.department, office=new.office,
        partner=new.partner, stage=new.stage, stage_since=mover.today, made_by=mover.staff.id, made_at=mover.at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    _audit(session, mover, "project_added", row)
    return row


def found(session: Session, project_id: int, staff: Staff) -> Project | None:
    """The project, if this person may see it."""
    return session.scalar(select(Project).where(Project.id == project_id, access.visible_places(staff, Project)))


def members(session: Session, project: Project) -> list[tuple[ProjectMember, Case | None]]:
    """Who belongs to it now, each with the file where there is one."""
    wanted = select(ProjectMember, Case).outerjoin(Case, Case.id == ProjectMember.case_id)
    wanted = wanted.where(ProjectMember.project_id == project.id, ProjectMember.left_at.is_(None))
    return [(row[0], row[1]) for row in session.execute(wanted.order_by(ProjectMember.id))]


def of_case(session: Session, case: Case) -> tuple[Project, ProjectMember] | None:
    """The project of a file, and its place there."""
    wanted = select(Project, ProjectMember).join(ProjectMember, ProjectMember.project_id == Project.id)
    row = session.execute(wanted.where(ProjectMember.case_id == case.id, ProjectMember.left_at.is_(None))).first()
    return (row[0], row[1]) if row is not None else None


def join(session: Session, project_id: int, number: str, role: str, mover: Mover) -> ProjectMember:
    """Somebody with a file joins; twice is once. Raises CaseError: `not_found`, `no_file`, `in_another`, `other_partner`,
    `not_allowed`.
    """
    project = _held(session, project_id, mover)
    case = session.scalar(select(Case).where(Case.number == number, access.visible_files(mover.staff)))
    if case is None:
        raise CaseError("no_file")
    if project.partner and case.partner != project.partner:
        raise CaseError("other_partner")
    there = of_case(session, case)
    if there is not None and there[0].id != project.id:
        raise CaseError("in_another")
    return there[1] if there is not None else _joined(session, project, mover, case_id=case.id, role=role)


def join_neighbour(session: Session, project_id: int, name: str, phone: str, role: str, mover: Mover) -> ProjectMember:
    """Somebody of the place who has no file; `phone` E.164 or "". Raises CaseError: `not_found`, `not_allowed`."""
    project = _held(session, project_id, mover)
    contact_id = _contact(session, phone, mover) if phone else None
    known = (one for one, _ in members(session, project) if one.name == name and one.contact_id == contact_id)
    return next(known, None) or _joined(session, project, mover, name=name, contact_id=contact_id, role=role)


def leave(session: Session, project_id: int, member_id: int, mover: Mover) -> None:
    """Somebody leaves; their file stays as it is. Raises CaseError: `not_found`, `not_allowed`."""
    project = _held(session, project_id, mover)
    member = session.get(ProjectMember, member_id)
    if member is None or member.project_id != project.id:
        raise CaseError("not_found")
    if member.left_at is None:
        member.left_at = mover.at
        _audit(session, mover, "project_left", project, member=member.id)


def may_move(project: Project, staff: Staff) -> tuple[str, ...]:
    """The main stages to which this person may move the whole."""
    model = process()
    if not access.moves_files(staff):
        return ()
    ways = model.main if staff.role == model.overrides else model.main[project.stage].next
    return tuple(code for code in ways if code != project.stage and staff.role in model.main[code].by)


def move_all(session: Session, project_id: int, wish: Wish, mover: Mover) -> Moved:
    """Move a project, and with it the files of its members that stand where it stood.

    Who stands elsewhere, or may not go there, stays and is listed. Raises CaseError: `not_found`, `moved_on`,
    `not_allowed`.
    """
    project = _held(session, project_id, mover)
    if project.stage != wish.seen:
        raise CaseError("moved_on")
    if wish.to not in may_move(project, mover.staff):
        raise CaseError("not_allowed")
    apart: list[tuple[Case, str]] = []
    files = [case for _, case in members(session, project) if case is not None]
    for case in sorted(files, key=lambda one: one.id):  # two projects at once lock in one order
        try:
            _along(session, case, wish, mover)
        except CaseError as error:
            apart.append((case, str(error)))
    project.stage, project.stage_since = wish.to, mover.today
    _audit(session, mover, "project_moved", project, to=wish.to, apart=len(apart))
    return Moved(len(files) - len(apart), tuple(apart))


def _along(session: Session, case: Case, wish: Wish, mover: Mover) -> None:
    if case.stage != wish.seen:
        raise CaseError("elsewhere")
    moving.move(session, case.id, wish, mover)


def _held(session: Session, project_id: int, mover: Mover) -> Project:
    mine = select(Project).where(Project.id == project_id, access.visible_places(mover.staff, Project))
    row = session.scalar(mine.with_for_update().execution_options(populate_existing=True))
    if row is None:
        raise CaseError("not_found")
    if not access.moves_files(mover.staff):
        raise CaseError("not_allowed")
    return row


def _joined(session: Session, project: Project, mover: Mover, **values: object) -> ProjectMember:
    row = ProjectMember(project_id=project.id, joined_at=mover.at, **values)
    session.add(row)
    session.flush()
    _audit(session, mover, "project_joined", project, member=row.id)
    return row


def _contact(session: Session, phone: str, mover: Mover) -> int:
    digest = mover.ciphers.address(phone).digest
    number = mover.ciphers.encrypt(phone.encode(), f"contacts|{digest}|number".encode())
    session.execute(insert(Contact).values(digest=digest, number_enc=number).on_conflict_do_nothing())
    return session.scalars(select(Contact.id).where(Contact.digest == digest)).one()


def _audit(session: Session, mover: Mover, action: str, project: Project, **detail: object) -> None:
    session.add(
        Audit(staff_id=mover.staff.id, at=mover.at, action=action, subject=f"project:{project.id}", detail=dict(detail))
    )
