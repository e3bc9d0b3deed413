"""A file from another system: understood, checked, run, undone; and what is refused."""

from datetime import date

import pytest
from sqlalchemy import func, select

from bot.cases import stages
from bot.data import carrying_out, runs
from bot.data.mapping import ColumnMap
from bot.data.sheets import SheetError
from bot.errors import CaseError
from bot.store.models import Case, Contact, ImportChange, ImportPart, ImportRun, Message, Staff, StageChange

from .conftest import OTHER, commas, numbers, workbook

SALIFOU, AICHATOU = "482719368", "502719485"


@pytest.fixture
def case(database):
    def case(number=SALIFOU):
        with database.transaction() as session:
            return session.scalars(select(Case).where(Case.number == number)).one_or_none()

    return case


def count(database, model):
    with database.transaction() as session:
        return session.scalar(select(func.count()).select_from(model))


@pytest.mark.parametrize(("make", "name"), [(commas, "cases.csv"), (workbook, "cases.xlsx")])
def test_a_french_file_is_understood_unasked(imported, case, make, name):
    run = imported(make({}, OTHER), name)
    assert (run.state, run.added, run.changed, run.bad) == ("done", 2, 0, 0)
    found = case()
    assert (found.name, found.sex, found.language, found.stage) == ("Salifou Mai-Dawa", "M", "ha", "TRAINING_WAIT")
    assert (found.opened_on, found.stage_since, found.year_of_birth) == (date(2026, 8, 17), date(2026, 10, 26), 1991)
    assert found.contact_id is not None
    assert found.contact_id != case(AICHATOU).contact_id


def test_the_file_lies_encrypted_until_it_is_done_and_then_no_more(brought, ordered, database):
    run_id = brought(commas({}))
    with database.transaction() as session:
        assert b"Salifou" not in session.scalars(select(ImportPart)).one().data_enc
    assert ordered(run_id, "checking").state == "checked"
    assert count(database, ImportPart) == 1
    ordered(run_id, "running")
    assert count(database, ImportPart) == 0


def test_a_check_counts_and_names_faults_and_writes_nothing(brought, ordered, database):
    run = ordered(brought(commas({"Sexe": "?"}, OTHER, {"Numéro de dossier": "12"})), "checking")
    assert (run.state, run.total, run.added, run.bad) == ("checked", 3, 1, 2)
    with database.transaction() as session:
        found = [(one.line, one.column) for one in runs.faults(session, run)]
    assert found == [(2, "sex"), (4, "case_number")]
    assert count(database, Case) == 0


def test_the_same_file_again_changes_nothing(imported, database):
    imported(commas({}, OTHER))
    again = imported(commas({}, OTHER))
    assert (again.added, again.changed) == (0, 0)
    assert count(database, ImportChange) == 2


def test_a_column_that_is_not_in_the_file_stays_as_it_is(imported, case):
    imported(commas({"Partenaire": "Taagazt"}))
    few = ["Numéro de dossier", "Étape", "Depuis le"]
    run = imported(commas({"Étape": "En formation", "Depuis le": "20/11/2026"}, OTHER, columns=few))
    assert (run.added, run.changed) == (0, 1)
    assert run.bad == 1  # a new case needs more than that
    assert (case().stage, case().name, case().partner) == ("TRAINING", "Salifou Mai-Dawa", "Taagazt")
    assert case(AICHATOU) is None


def test_days_that_contradict_what_is_known_are_faults(imported, database, case):
    imported(commas({}))
    few = ["Numéro de dossier", "Depuis le"]
    run = imported(commas({"Depuis le": "01/01/2026"}, columns=few))
    with database.transaction() as session:
        assert [(one.column, one.said) for one in runs.faults(session, run)] == [("stage_since", "is before opened_on")]
    assert case().stage_since == date(2026, 10, 26)


def test_a_mapping_is_kept_under_a_name_and_chosen_again(brought, ordered, database, clock, mariama, case):
    file = commas({"Étape": "phase 5b"})
    run_id = brought(file)
    with database.transaction() as session:
        run = runs.held(session, run_id, mariama)
        chosen = ColumnMap.of(run.mapping)
        chosen.values["stage"] = {"Phase 5b": "TRAINING"}
        runs.understand(session, run, chosen, save_as="Système A", staff=mariama, now=clock())
    ordered(run_id, "checking")
    ordered(run_id, "running")
    assert case().stage == "TRAINING"
    again = brought(commas(OTHER | {"Étape": "PHASE 5B"}), kept="Système A")
    ordered(again, "checking")
    assert ordered(again, "running").added == 1
    with pytest.raises(CaseError):
        brought(file, kept="no such mapping")


def test_undoing_gives_back_every_value_and_takes_the_new_cases_out(imported, ordered, case, database):
    imported(commas({}))
    before = case()
    run = imported(commas({"Nom et prénom": "Other", "Étape": "Formation", "Téléphone": "90001299"}, OTHER))
    assert (run.added, run.changed) == (1, 1)
    undone = ordered(run.id, "undoing")
    assert (undone.state, undone.undone) == ("undone", 2)
    after = case()
    for name in ("name", "stage", "contact_id", "imported_hash", "stage_since", "year_of_birth"):
        assert getattr(after, name) == getattr(before, name), name
    assert case(AICHATOU) is None
    with database.transaction() as session:
        moves = session.execute(select(StageChange.by, StageChange.to_stage).order_by(StageChange.id)).all()
    assert moves == [("import:cases.csv", "TRAINING"), (f"undo:{run.id}", "TRAINING_WAIT")]
    again = imported(commas({"Nom et prénom": "Other", "Étape": "Formation", "Téléphone": "90001299"}, OTHER))
    assert (again.added, again.changed) == (1, 1)


def test_what_is_queued_about_a_file_follows_its_phone_there_and_back(imported, ordered, case, database):
    imported(commas({}))
    before = case().contact_id
    waits = {"channel": "sms", "gateway": "africastalking", "case_id": case().id, "contact_id": before}
    with database.transaction() as session:
        session.add(Message(id="1" * 32, kind="reminder", state="queued", **waits))
        session.add(Message(id="2" * 32, kind="reminder", state="sent", **waits))

    def recipients():
        with database.transaction() as session:
            return session.scalars(select(Message.contact_id).order_by(Message.id)).all()

    run = imported(commas({"Téléphone": "90001299"}))
    assert recipients() == [case().contact_id, before]
    assert case().contact_id != before
    assert ordered(run.id, "undoing").undone == 1
    assert recipients() == [before, before]


def test_what_has_changed_since_is_left_and_named(imported, ordered, case, database, clock):
    third = next(numbers(1))
    run = imported(commas({}, OTHER, {"Numéro de dossier": third, "Téléphone": ""}))
    with database.transaction() as session:
        stages.move(
            session, session.get_one(Case, case().id), "TRAINING", by="staff:1", at=clock(), since=clock().date()
        )
        session.get_one(Case, case(AICHATOU).id).code_hmac = b"chosen"
    undone = ordered(run.id, "undoing")
    assert (undone.state, undone.undone) == ("undone", 1)
    with database.transaction() as session:
        assert runs.left(session, undone, most=10) == [SALIFOU, AICHATOU]
    assert case().stage == "TRAINING"
    assert case(third) is None


def test_a_later_import_keeps_an_earlier_one_from_being_undone(imported, ordered, case):
    first = imported(commas({}))
    imported(commas({"Nom et prénom": "Later"}))
    assert ordered(first.id, "undoing").undone == 0
    assert case().name == "Later"


def test_a_run_that_a_dead_worker_left_is_taken_again_and_tells_the_same(
    brought, ordered, database, clock, work, monkeypatch
):
    run_id = brought(commas({}, OTHER, {"Numéro de dossier": "12"}))
    ordered(run_id, "checking")
    with monkeypatch.context() as patch:
        patch.setattr("bot.data.carrying_out._finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ordered(run_id, "running")
    work()  # its lease has not ended
    with database.transaction() as session:
        assert session.get_one(ImportRun, run_id).state == "running"
    clock.forward(minutes=4)
    work()
    with database.transaction() as session:
        run = session.get_one(ImportRun, run_id)
        assert (run.state, run.lines, run.added, run.changed, run.bad) == ("done", 3, 2, 0, 1)
        assert len(runs.faults(session, run)) == 1


def test_what_breaks_off_every_time_ends_and_what_it_did_is_undone(
    brought, ordered, database, clock, work, case, monkeypatch
):
    run_id = brought(commas({}, OTHER))
    ordered(run_id, "checking")
    with monkeypatch.context() as patch:
        patch.setattr("bot.data.carrying_out._finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ordered(run_id, "running")
        for _ in range(carrying_out.MOST_TRIES - 1):
            clock.forward(minutes=4)
            with pytest.raises(KeyboardInterrupt):
                work()
        clock.forward(minutes=4)
        work()  # not once more
    with database.transaction() as session:
        run = session.get_one(ImportRun, run_id)
        assert (run.state, run.fault, run.added, run.changed) == ("failed", carrying_out.BROKE, 2, 0)
        assert session.scalars(select(ImportPart)).all() == []
    clock.forward(days=8)  # files left lying are dropped by now
    runs.forget_old(database, clock())
    with pytest.raises(CaseError, match="over"):
        ordered(run_id, "dropped")
    undone = ordered(run_id, "undoing")
    assert (undone.state, undone.undone, case()) == ("undone", 2, None)


def test_orders_are_safe_twice_and_refused_out_of_turn(brought, ordered, database, clock, mariama):
    run_id = brought(commas({}))
    for state in ("running", "undoing"):
        with pytest.raises(CaseError, match="over"):
            ordered(run_id, state)
    ordered(run_id, "checking")
    ordered(run_id, "running")
    assert ordered(run_id, "running").state == "done"
    assert ordered(run_id, "undoing").state == "undone"
    assert ordered(run_id, "undoing").state == "undone"
    with pytest.raises(CaseError, match="over"):
        ordered(run_id, "dropped")


def test_after_thirty_days_nothing_is_undone_and_nothing_of_before_is_kept(imported, ordered, database, clock):
    run = imported(commas({}))
    clock.forward(days=31)
    with pytest.raises(CaseError, match="over"):
        ordered(run.id, "undoing")
    runs.forget_old(database, clock())
    assert count(database, ImportChange) == 0


def test_a_file_left_lying_for_a_week_is_deleted(brought, database, clock):
    brought(commas({}))
    assert runs.forget_old(database, clock()) == 0
    clock.forward(days=8)
    assert runs.forget_old(database, clock()) == 1
    assert count(database, ImportPart) == 0


def test_whoever_works_for_an_office_imports_its_cases_alone(brought, ordered, imported, database, case):
    imported(commas({}))
    with database.transaction() as session:
        of_zinder = Staff(login="z", name="Z", role="coordinator", active=True, offices=["Zinder"])
        session.add(of_zinder)
    run_id = brought(
        commas(
            {"Bureau": "Zinder"},
            OTHER,
            OTHER | {"Numéro de dossier": next(numbers(1)), "Bureau": "Zinder", "Téléphone": ""},
        ),
        staff=of_zinder,
    )
    run = ordered(run_id, "checking", of_zinder)
    assert (run.added, run.bad) == (1, 2)
    with database.transaction() as session:
        assert {(one.line, one.column) for one in runs.faults(session, run)} == {(2, "office"), (3, "office")}
        assert [one.id for one in runs.latest(session, of_zinder)] == [run_id]
        with pytest.raises(CaseError, match="not_found"):
            runs.held(session, run_id - 1, of_zinder)


@pytest.mark.parametrize("content", [b"", b"PK\3\4nonsense", b"\xd0\xcf\x11\xe0old", "a;b".encode("utf-16")])
def test_what_is_no_table_is_refused_at_the_door(brought, content):
    with pytest.raises(SheetError):
        brought(content)


def test_a_table_without_a_case_number_fails_as_a_whole(brought, ordered, database):
    run = ordered(brought(b"colour;shape\nred;round\n"), "checking")
    assert (run.state, run.fault) == ("failed", "%(name)s: no column holds the case number")
    assert count(database, Contact) == 0
