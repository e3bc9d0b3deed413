"""Files of attendance, kits and visits: through the rules of the desk, checked, run, undone."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from bot.cases import process, trainings
from bot.cases.process import Mover
from bot.cases.trainings import NewTraining
from bot.data import runs
from bot.store.models import (
    Audit,
    Case,
    Enrolment,
    ImportRow,
    Kit,
    Staff,
    StageProposal,
    TrainingDay,
    Visit,
)

from .conftest import NOON, numbers

SALIFOU, AICHATOU, FAR = "482719368", "502719485", next(numbers(1))
TODAY = NOON.date()
LONG_AGO = date(2026, 3, 2)
ATTENDANCE = "Numéro de dossier;Type de formation;Lieu;Début;Jour;Présence\n"
KITS = "Dossier;Kit;Commandé le;Articles;Prévu le;Arrivé le;Retiré le\n"
VISITS = "Dossier;Jour;Moyen;Constat\n"


@pytest.fixture
def files(database):
    """Two files of Tahoua that wait for a training and a kit, and one of Zinder."""
    with database.transaction() as session:
        for number, office, stage in (
            (SALIFOU, "Tahoua", "TRAINING_WAIT"), (AICHATOU, "Tahoua", "KIT_PREPARATION"), (FAR, "Zinder", "MONITORING"),
        ):  # fmt: skip
            session.add(
                Case(
                    number=number,
                    name="Person",
                    sex="F",
                    language="ha",
                    region="Tahoua",
                    department="Tahoua",
                    office=office,
                    stage=stage,
                    opened_on=LONG_AGO,
                    stage_since=LONG_AGO,
                    known_on=LONG_AGO,
                )
            )


@pytest.fixture
def of_tahoua(database, mariama):
    with database.transaction() as session:
        session.get_one(Staff, mariama.id).offices = ["Tahoua"]


@pytest.fixture
def by(mariama, ciphers):
    def by(session):
        return Mover(session.get_one(Staff, mariama.id), NOON, TODAY, ciphers)

    return by


@pytest.fixture
def training(database, files, by):
    """Over since yesterday, one place."""
    new = NewTraining("Élevage", "Tahoua", "Tahoua", "", TODAY - timedelta(5), TODAY - timedelta(1), 1)
    with database.transaction() as session:
        return trainings.add(session, new, by(session)).id


def counts(database):
    with database.transaction() as session:
        models = (Enrolment, TrainingDay, Kit, Visit, StageProposal, ImportRow)
        return [session.scalar(select(func.count()).select_from(one)) for one in models]


def faults(database, run):
    with database.transaction() as session:
        return [(one.line, one.column, one.said) for one in runs.faults(session, run)]


def present(*lines):
    return (
        ATTENDANCE + "".join(f"{number};élevage;tahoua;18/11/2026;{day};{said}\n" for number, day, said in lines)
    ).encode()


def test_a_list_of_who_was_there_enrols_within_places_and_proposes(imported, training, database):
    lines = ((SALIFOU, "18/11/2026", "oui"), (SALIFOU, "19/11/2026", "non"), (AICHATOU, "18/11/2026", "oui"))
    run = imported(present(*lines), holds="attendance")
    assert (run.state, run.added, run.changed, run.bad) == ("done", 2, 0, 1)
    assert faults(database, run) == [(4, "training_type", "no place is free in this training")]
    with database.transaction() as session:
        days = session.scalars(select(TrainingDay).order_by(TrainingDay.day)).all()
        assert [(one.day.day, one.present) for one in days] == [(18, True), (19, False)]
        assert [one.to_stage for one in session.scalars(select(StageProposal))] == ["TRAINING"]
        assert session.scalars(select(Enrolment.completed)).all() == [None]


def test_a_check_tells_the_same_and_writes_nothing(brought, ordered, training, database):
    run = ordered(
        brought(present((SALIFOU, "18/11/2026", "oui"), (AICHATOU, "18/11/2026", "oui")), holds="attendance"),
        "checking",
    )
    assert (run.state, run.total, run.added, run.bad) == ("checked", 2, 1, 1)
    assert counts(database) == [0] * 6
    with database.transaction() as session:
        assert session.scalars(select(Audit.action).where(Audit.subject.startswith("training:"))).all() == [
            "training_added"
        ]


def test_the_same_file_again_changes_nothing_and_a_changed_line_corrects(imported, training, database):
    first = present((SALIFOU, "18/11/2026", "oui"))
    imported(first, holds="attendance")
    before = counts(database)
    again = imported(first, holds="attendance")
    assert (again.added, again.changed, again.bad) == (0, 0, 0)
    assert counts(database) == before
    changed = imported(present((SALIFOU, "18/11/2026", "non")), holds="attendance")
    assert (changed.added, changed.changed) == (0, 1)


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        ((SALIFOU, "25/11/2026", "oui"), "", "a day is to come, or out of order"),
        ((FAR, "18/11/2026", "oui"), "case_number", "is not one of yours"),
        ((SALIFOU, "18/11/2026", ""), "present", "is empty; one of %(detail)s"),
    ],
)
def test_what_is_wrong_with_a_line_is_named(imported, training, of_tahoua, database, line, column, said):
    run = imported(present(line), holds="attendance")
    assert faults(database, run) == [(2, column, said)]
    assert counts(database) == [0] * 6  # no place is given for a line that is not taken


def test_a_training_that_is_not_planned_is_named(imported, files, database):
    run = imported(present((SALIFOU, "18/11/2026", "oui")), holds="attendance")
    assert faults(database, run) == [(2, "training_type", "no training of this type begins there that day")]


def test_kits_come_with_their_days_and_propose(imported, files, database):
    run = imported(f"{KITS}{AICHATOU};couture;2026-11-02;machine, fil;2026-11-20;;\n".encode(), holds="kits")
    assert (run.added, run.changed, run.bad) == (1, 0, 0)
    arrived = f"{KITS}{AICHATOU};couture;2026-11-02;;;2026-11-19;\n{SALIFOU};moto;2026-11-02;;;;2026-11-03\n".encode()
    run = imported(arrived, holds="kits")
    assert (run.added, run.changed) == (0, 1)
    assert faults(database, run) == [(3, "collected_on", "has no day of arrival before it")]
    with database.transaction() as session:
        kit = session.scalars(select(Kit)).one()
        assert (kit.items, kit.expected_on, kit.arrived_on) == (
            ["machine", "fil"],
            date(2026, 11, 20),
            date(2026, 11, 19),
        )
        assert [one.to_stage for one in session.scalars(select(StageProposal))] == ["KIT_READY"]
        said = session.scalars(select(Audit.action).where(Audit.subject.startswith("case:"))).all()
    assert said == ["kit_recorded", "kit_recorded"]
    assert imported(arrived, holds="kits").changed == 0


def test_visits_tell_as_of_which_day_a_file_is_known(imported, ordered, files, database):
    file = f"{VISITS}{FAR};20/11/2026;visite;en marche\n{FAR};20/11/2026;appel;lent\n{SALIFOU};20/12/2026;appel;lent\n".encode()
    run = imported(file, holds="visits")
    assert (run.added, run.bad) == (1, 2)
    assert [one[2] for one in faults(database, run)] == [
        "is on line %(detail)s already",
        "a day is to come, or out of order",
    ]
    with database.transaction() as session:
        visit = session.scalars(select(Visit)).one()
        assert (visit.done_on, visit.way, visit.findings) == (date(2026, 11, 20), "visit", ["running"])
        assert session.scalars(select(Case.known_on).where(Case.number == FAR)).one() == date(2026, 11, 20)
    assert imported(file, holds="visits").added == 0
    assert ordered(run.id, "undoing").undone == 1
    with database.transaction() as session:
        assert session.scalars(select(Case.known_on).where(Case.number == FAR)).one() == LONG_AGO
    assert counts(database) == [0] * 6


def test_undoing_takes_back_places_days_and_proposals(imported, ordered, training, database):
    run = imported(present((SALIFOU, "18/11/2026", "oui"), (SALIFOU, "19/11/2026", "oui")), holds="attendance")
    undone = ordered(run.id, "undoing")
    assert (undone.state, undone.undone) == ("undone", 2)
    assert counts(database) == [0] * 6


def test_undoing_gives_back_what_an_earlier_file_wrote(imported, ordered, files, database):
    imported(f"{KITS}{AICHATOU};couture;2026-11-02;machine;;;\n".encode(), holds="kits")
    run = imported(f"{KITS}{AICHATOU};couture;2026-11-02;fil;;2026-11-19;\n".encode(), holds="kits")
    assert ordered(run.id, "undoing").undone == 1
    with database.transaction() as session:
        kit = session.scalars(select(Kit)).one()
        assert (kit.items, kit.arrived_on) == (["machine"], None)
        assert session.scalars(select(StageProposal)).all() == []


def test_a_file_of_which_something_changed_since_is_left_and_named(imported, ordered, training, database, by):
    run = imported(present((SALIFOU, "18/11/2026", "oui")), holds="attendance")
    with database.transaction() as session:
        proposal = session.scalars(select(StageProposal)).one()
        process.settle(session, proposal.case_id, proposal.id, by(session), agreed=True)
    undone = ordered(run.id, "undoing")
    assert undone.undone == 0
    with database.transaction() as session:
        assert runs.left(session, undone, most=5) == [SALIFOU]
    assert counts(database)[:2] == [1, 1]


def test_a_day_noted_since_keeps_the_place(imported, ordered, training, database, by):
    run = imported(present((SALIFOU, "18/11/2026", "oui")), holds="attendance")
    with database.transaction() as session:
        trainings.attended(session, training, SALIFOU, date(2026, 11, 20), by(session), present=True)
    assert ordered(run.id, "undoing").undone == 0
    assert counts(database)[:2] == [1, 2]
