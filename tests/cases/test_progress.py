"""Projects, trainings, kits, visits and the list of files: what they do to a file, and who may."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from bot.cases import kits, listing, process, projects, trainings, visits
from bot.cases.listing import Filter, Ranges
from bot.cases.process import Wish
from bot.cases.projects import NewProject
from bot.cases.trainings import NewTraining
from bot.cases.visits import Found
from bot.errors import CaseError
from bot.store.models import Case, Contact
from tests.cases import test_process as made
from tests.cases.test_process import LONG_AGO, TODAY

session, staff, file, by = made.session, made.staff, made.file, made.by
NUMBERS = ("482719368", "591028466", "502719485")
RANGES = Ranges({"TRAINING": 92, "KIT_READY": 21}, TODAY)


@pytest.fixture
def files(session):
    """Files of Zinder and Taagazt, by stage."""

    def made(*stages, **more):
        values = {"office": "Zinder", "partner": "Taagazt", "opened_on": LONG_AGO, "stage_since": LONG_AGO} | more
        rows = [
            Case(
                number=number, name=f"Person {place}", sex="F", language="ha", region="Zinder", department="Mirriah",
                stage=stage, **values,
            )
            for place, (number, stage) in enumerate(zip(NUMBERS, stages, strict=False))
        ]  # fmt: skip
        session.add_all(rows)
        session.flush()
        return rows

    return made


@pytest.fixture
def project(session, by):
    new = NewProject("collective", "Group one", "horticulture", "Filingué", "Zinder", "", "TRAINING")
    return projects.add(session, new, by("moussa"))


@pytest.fixture
def training(session, by):
    new = NewTraining("livestock", "Zinder", "Zinder", "Taagazt", TODAY - timedelta(days=2), TODAY, 2)
    return trainings.add(session, new, by("moussa"))


def reasons(session, row):
    return [(one.to_stage, one.why) for one in process.proposals(session, row)]


def test_a_project_moves_the_files_that_stand_where_it_stood(session, files, project, by):
    rows = files("TRAINING", "ON_HOLD", "TRAINING")
    for row in rows:
        projects.join(session, project.id, row.number, "member", by("moussa"))
    moved = projects.move_all(session, project.id, Wish("KIT_PREPARATION", "TRAINING"), by("moussa"))
    assert (moved.files, [(one.number, why) for one, why in moved.apart]) == (2, [(NUMBERS[1], "elsewhere")])
    assert [row.stage for row in rows] == ["KIT_PREPARATION", "ON_HOLD", "KIT_PREPARATION"]
    with pytest.raises(CaseError, match="moved_on"):
        projects.move_all(session, project.id, Wish("KIT_PREPARATION", "TRAINING"), by("ibrah"))


def test_a_project_is_finalised_by_the_coordinator_but_not_for_members_too_young(session, files, project, by):
    old, young = files("MONITORING", "MONITORING")
    young.opened_on = TODAY - timedelta(days=100)
    project.stage = "MONITORING"
    for row in (old, young):
        projects.join(session, project.id, row.number, "member", by("moussa"))
    with pytest.raises(CaseError, match="not_allowed"):
        projects.move_all(session, project.id, Wish("FINALISED", "MONITORING"), by("moussa"))
    moved = projects.move_all(session, project.id, Wish("FINALISED", "MONITORING"), by("mariama"))
    assert (moved.files, moved.apart) == (1, ((young, "note_needed"),))
    assert young.stage == "MONITORING"


def test_a_file_is_in_one_project_and_joins_once(session, files, project, by):
    [row] = files("TRAINING")
    first = projects.join(session, project.id, row.number, "head", by("moussa"))
    assert projects.join(session, project.id, row.number, "member", by("moussa")).id == first.id
    other = projects.add(
        session, NewProject("community", "Well", "", "Filingué", "Zinder", "", "TRAINING"), by("moussa")
    )
    with pytest.raises(CaseError, match="in_another"):
        projects.join(session, other.id, row.number, "member", by("moussa"))
    projects.leave(session, project.id, first.id, by("moussa"))
    projects.join(session, other.id, row.number, "member", by("moussa"))
    assert projects.of_case(session, row)[0].id == other.id


def test_a_neighbour_without_a_file_joins_with_a_phone_that_is_kept_encrypted(session, project, by):
    for _ in range(2):
        projects.join_neighbour(session, project.id, "Abdou Kadri", "+22790001234", "treasurer", by("moussa"))
    [(member, case)] = projects.members(session, project)
    assert (member.name, member.role, case) == ("Abdou Kadri", "treasurer", None)
    assert b"90001234" not in session.get(Contact, member.contact_id).number_enc


@pytest.mark.parametrize("who", ["tahoua", "idi"])
def test_projects_of_another_office_or_partner_are_not_there(session, project, staff, by, who):
    assert projects.found(session, project.id, staff[who]) is None
    with pytest.raises(CaseError, match="not_found"):
        projects.join(session, project.id, NUMBERS[0], "member", by(who))


def test_the_last_place_of_a_training_is_given_once(session, files, training, by):
    for row in files("TRAINING_WAIT", "TRAINING_WAIT", "TRAINING_WAIT")[:2]:
        trainings.enrol(session, training.id, row.number, by("moussa"))
        trainings.enrol(session, training.id, row.number, by("moussa"))
    with pytest.raises(CaseError, match="full"):
        trainings.enrol(session, training.id, NUMBERS[2], by("moussa"))
    assert trainings.taken(session, [training.id]) == {training.id: 2}


def test_a_partner_marks_who_was_there_and_somebody_else_moves_the_file(session, files, training, by):
    came, missed = files("TRAINING_WAIT", "TRAINING")
    rows = [trainings.enrol(session, training.id, one.number, by("moussa")) for one in (came, missed)]
    with pytest.raises(CaseError, match="not_allowed"):
        trainings.enrol(session, training.id, NUMBERS[2], by("idi"))
    trainings.mark(session, training.id, TODAY, {rows[0].id}, by("idi"))
    assert trainings.attendance(session, [one.id for one in rows]) == {
        (rows[0].id, TODAY): True,
        (rows[1].id, TODAY): False,
    }
    assert (came.stage, reasons(session, came)) == ("TRAINING_WAIT", [("TRAINING", "training")])
    [asked] = process.proposals(session, came)
    assert not process.may_settle(came, asked, by("idi").staff)
    process.settle(session, came.id, asked.id, by("moussa"), agreed=True)
    trainings.complete(session, training.id, {rows[0].id}, by("idi"))
    assert reasons(session, came) == [("KIT_PREPARATION", "training")]
    assert reasons(session, missed) == [("TRAINING_WAIT", "training")]


@pytest.mark.parametrize("day", [TODAY + timedelta(days=1), TODAY - timedelta(days=3)])
def test_nobody_was_at_a_training_on_another_day(session, training, by, day):
    with pytest.raises(CaseError, match="wrong_day"):
        trainings.mark(session, training.id, day, set(), by("moussa"))


def test_a_kit_that_arrives_proposes_that_it_is_ready(session, files, by):
    [row] = files("KIT_PREPARATION")
    kit = kits.order(session, row.id, "sewing", ["machine", "thread"], TODAY, by("moussa"))
    assert kits.order(session, row.id, "sewing", ["machine"], None, by("moussa")).id == kit.id
    with pytest.raises(CaseError, match="not_arrived"):
        kits.step(session, row.id, kit.id, "collected", by("moussa"))
    kits.step(session, row.id, kit.id, "arrived", by("moussa"))
    [asked] = process.proposals(session, row)
    assert asked.to_stage == "KIT_READY"
    process.settle(session, row.id, asked.id, by("ibrah"), agreed=True)
    kits.step(session, row.id, kit.id, "collected", by("moussa"))
    assert reasons(session, row) == [("KIT_COLLECTED", "kit")]
    kits.note_fault(session, row.id, kit.id, "broken", by("moussa"))
    assert (kit.fault, kit.fault_on) == ("broken", TODAY)
    with pytest.raises(CaseError, match="not_allowed"):
        kits.note_fault(session, row.id, kit.id, "", by("idi"))


@pytest.mark.parametrize(("findings", "known"), [(("running",), TODAY), (("not_found",), date(2026, 6, 3))])
def test_a_visit_confirms_what_is_known_unless_nobody_was_there(session, files, by, ciphers, findings, known):
    [row] = files("MONITORING", known_on=date(2026, 6, 3))
    visits.plan(session, row.id, TODAY, "visit", by("idi"))
    visits.plan(session, row.id, TODAY, "visit", by("idi"))
    [visit] = visits.of_case(session, row)
    visits.done(session, row.id, visit.id, Found(TODAY, "call", findings, "Shop is full."), by("idi"))
    visits.done(session, row.id, visit.id, Found(TODAY, "visit", ("stopped",)), by("moussa"))  # twice is once
    assert (visit.findings, visit.way, row.known_on) == (list(findings), "call", known)
    assert ciphers.decrypt(visit.note_enc, f"visits|{row.id}|note".encode()) == b"Shop is full."
    with pytest.raises(CaseError, match="not_allowed"):
        visits.plan(session, row.id, TODAY, "visit", by("hadiza"))


def test_the_list_shows_a_reader_their_files_and_the_latest_first(session, files, staff, by):
    fresh, late, later = files("TRAINING", "KIT_READY", "ON_HOLD")
    fresh.stage_since, late.stage_since = TODAY - timedelta(days=92), TODAY - timedelta(days=24)
    later.review_on, later.partner = TODAY - timedelta(days=7), "Ondes Apil"
    session.flush()

    def seen(who, **wished):
        rows, count = listing.page(session, staff[who], Filter(**wished), RANGES, start=0, most=9)
        assert count == len(rows)
        return [row.number for row in rows]

    assert seen("moussa") == list(NUMBERS)
    assert seen("moussa", late=True) == [later.number, late.number]
    assert [RANGES.late_by(row) for row in (fresh, late, later)] == [0, 3, 7]
    assert seen("idi", late=True) == [late.number]
    assert seen("tahoua") == []
    assert seen("moussa", partner="Ondes Apil", stage="ON_HOLD") == [later.number]
    assert listing.partners(session, staff["mariama"], RANGES) == [("Ondes Apil", 1, 1, 0), ("Taagazt", 2, 1, 0)]
    assert listing.partners(session, staff["idi"], RANGES) == [("Taagazt", 2, 1, 0)]
    process.follow(session, late.id, by("moussa"), mine=True)
    process.propose(session, fresh, "KIT_PREPARATION", "training", by("moussa"))
    session.flush()
    assert seen("moussa", mine=True) == [late.number]
    assert seen("ibrah", proposed=True) == [fresh.number]


def test_nobody_takes_a_file_from_who_follows_it_by_leaving_it(session, files, by):
    [row] = files("TRAINING")
    process.follow(session, row.id, by("moussa"), mine=True)
    with pytest.raises(CaseError, match="not_allowed"):
        process.follow(session, row.id, by("ibrah"), mine=False)
    with pytest.raises(CaseError, match="not_allowed"):
        process.follow(session, row.id, by("hadiza"), mine=True)
    process.follow(session, row.id, by("ibrah"), mine=True)  # a colleague takes over
    assert session.scalars(select(Case.assistant_id)).one() == by("ibrah").staff.id
