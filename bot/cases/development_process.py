"""Invented projects, trainings, kits and visits, so that no page of development is empty. All of it is invented."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.store.models import Case, Enrolment, Kit, Project, ProjectMember, Staff, Training, TrainingDay, Visit

# four groups of Filingué: name, activity, stage, files, neighbours without a file
GROUPS = (
    (
        "Filingué 1",
        "maraîchage",
        "MONITORING",
        ("376766437", "633858618", "670771844"),
        ("Hamsou Gonda", "Issaka Fada"),
    ),
    ("Filingué 2", "embouche", "KIT_PREPARATION", ("231695712",), ("Zeinabou Lowa",)),
    ("Filingué 3", "commerce", "KIT_READY", ("185248824",), ("Moumouni Banda", "Fati Kwara")),
    ("Filingué 4", "maraîchage", "TRAINING_WAIT", ("116433507",), ("Abdou Kirtachi",)),
)
SEWING, LIVESTOCK = ("machine à coudre", "fil", "tissu"), ("brebis", "aliment", "vaccins")


def load(session: Session, today: date) -> None:
    """Once; what a developer changed since is kept."""
    if session.scalar(select(Project.id).limit(1)) is not None:
        return
    coordinator = session.scalars(select(Staff.id).where(Staff.role == "coordinator").order_by(Staff.id)).first()
    if coordinator is None:
        return
    files = {case.number: case for case in session.scalars(select(Case))}
    at = datetime.combine(today, datetime.min.time(), UTC)
    _groups(session, files, by=coordinator, at=at)
    _trainings(session, files, by=coordinator, at=at)
    _kits(session, files, by=coordinator, today=today)
    _visits(session, files, by=coordinator, today=today)


def _groups(session: Session, files: dict[str, Case], *, by: int, at: datetime) -> None:
    for name, activity, stage, numbers, neighbours in GROUPS:
        project = Project(
            kind="collective", name=name, activity=activity, department="Filingué", office="Niamey", stage=stage,
            stage_since=at.date() - timedelta(days=20), made_by=by, made_at=at,
        )  # fmt: skip
        session.add(project)
        session.flush()
        people = [{"case_id": files[one].id} for one in numbers if one in files] + [{"name": one} for one in neighbours]
        roles = ("head", "treasurer", *["member"] * len(people))
        session.add_all(
            ProjectMember(project_id=project.id, role=role, joined_at=at, **who)
            for who, role in zip(people, roles, strict=False)
        )


def _trainings(session: Session, files: dict[str, Case], *, by: int, at: datetime) -> None:
    """One under way with its first days noted, one to come."""
    today = at.date()
    plans = (
        ("Gestion de commerce", "Zinder", "TRAINING", -3, 4),
        ("Gestion de commerce", "Zinder", "TRAINING_WAIT", 12, 18),
    )
    for kind, office, stage, first, last in plans:
        days = (today + timedelta(days=first), today + timedelta(days=last))
        training = Training(
            kind=kind, place=office, office=office, partner="Taagazt", starts_on=days[0], ends_on=days[1], places=12,
            made_by=by, made_at=at,
        )  # fmt: skip
        session.add(training)
        session.flush()
        wanted = (stage, office, "Taagazt")
        for case in _some({n: one for n, one in files.items() if (one.stage, one.office, one.partner) == wanted}):
            place = Enrolment(training_id=training.id, case_id=case.id, at=at)
            session.add(place)
            session.flush()
            noted = [days[0] + timedelta(days=n) for n in range(3) if days[0] + timedelta(days=n) < today]
            session.add_all(TrainingDay(enrolment_id=place.id, day=day, present=True, staff_id=by) for day in noted)


def _kits(session: Session, files: dict[str, Case], *, by: int, today: date) -> None:
    for case in _some(_at(files, "KIT_PREPARATION")):
        items = LIVESTOCK if case.assistance_type == "livestock" else SEWING
        session.add(
            Kit(
                case_id=case.id,
                kind=case.assistance_type.replace("_", " "),
                items=list(items),
                made_by=by,
                ordered_on=today - timedelta(days=18),
                expected_on=today + timedelta(days=9),
            )
        )


def _visits(session: Session, files: dict[str, Case], *, by: int, today: date) -> None:
    for case in _some(_at(files, "MONITORING")):
        first, following = today - timedelta(days=24), today + timedelta(days=6)
        session.add_all(
            [
                Visit(
                    case_id=case.id, way="visit", planned_on=first, planned_by=by, done_on=first, done_by=by,
                    findings=["running"],
                ),
                Visit(case_id=case.id, way="call", planned_on=following, planned_by=by),
            ]
        )  # fmt: skip


def _at(files: dict[str, Case], stage: str) -> dict[str, Case]:
    return {number: one for number, one in files.items() if one.stage == stage}


def _some(files: dict[str, Case]) -> list[Case]:
    """Eight at most, always the same."""
    return [files[number] for number in sorted(files)][:8]
