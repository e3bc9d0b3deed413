"""Who moves a file where, what they must say for it, and what can be taken back."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.cases import process, stages
from bot.cases.process import Mover, Wish
from bot.content.process import process as model
from bot.errors import CaseError
from bot.store.models import Audit, Case, Staff, StageChange, StageProposal

TODAY = date(2026, 11, 23)
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
LONG_AGO = date(2026, 5, 1)


@pytest.fixture
def session(database):
    with database.transaction() as session:
        yield session


@pytest.fixture
def staff(session):
    """Moussa (assistant, Zinder), Mariama (coordinator), Hadiza (protection), Idi (partner Taagazt)."""
    people = {
        name: Staff(login=name, name=name, role=role, offices=offices, partner=partner, active=True, language="fr", queues=[])
        for name, role, offices, partner in (
            ("moussa", "assistant", ["Zinder"], ""),
            ("ibrah", "assistant", ["Zinder"], ""),
            ("tahoua", "assistant", ["Tahoua"], ""),
            ("mariama", "coordinator", [], ""),
            ("hadiza", "protection", [], ""),
            ("idi", "partner", [], "Taagazt"),
        )
    }  # fmt: skip
    session.add_all(people.values())
    session.flush()
    return people


@pytest.fixture
def file(session):
    """A file of Zinder, of Taagazt, in the stage that a test wants."""

    def made(stage="COUNSELLING", *, opened=LONG_AGO, resume=""):
        row = Case(
            number="482719368", name="Salifou Garba", sex="M", language="ha", region="Zinder", department="Mirriah",
            office="Zinder", partner="Taagazt", stage=stage, resume_stage=resume, opened_on=opened,
            stage_since=date(2026, 9, 1),
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row

    return made


@pytest.fixture
def by(staff, ciphers):
    def mover(name, at=AT):
        return Mover(staff[name], at, TODAY, ciphers)

    return mover


def open_to(file, staff):
    return [one.to for one in process.may_move(file, staff, today=TODAY)]


def test_the_model_has_the_stages_of_the_files():
    assert (*model().main, *model().exceptional) == stages.STAGES
    assert tuple(model().main) == stages.MAIN


def test_an_assistant_moves_to_what_follows_and_the_coordinator_anywhere(file, staff):
    row = file("PLAN_REVIEW")
    ways = ["COUNSELLING", "TRAINING_WAIT", "KIT_PREPARATION"]
    apart = ["ON_HOLD", "WAITING_DOCUMENT", "CANCELLED", "TRANSFERRED", "DECEASED"]
    assert open_to(row, staff["moussa"]) == ways + apart
    main = [code for code in stages.MAIN if code != "PLAN_REVIEW"]
    assert open_to(row, staff["mariama"]) == main + apart


@pytest.mark.parametrize("who", ["tahoua", "hadiza", "idi"])
def test_another_office_protection_and_partners_move_nothing(session, file, staff, by, who):
    row = file()
    assert open_to(row, staff[who]) == []
    with pytest.raises(CaseError, match="not_found" if who == "tahoua" else "not_allowed"):
        process.move(session, row.id, Wish("PLAN_REVIEW", "COUNSELLING"), by(who))


def test_a_move_says_who_when_from_to_and_why(session, file, staff, by, ciphers):
    row = file()
    change = process.move(session, row.id, Wish("PLAN_REVIEW", "COUNSELLING", note="Plan seen."), by("moussa"))
    assert (change.from_stage, change.to_stage, change.at) == ("COUNSELLING", "PLAN_REVIEW", AT)
    assert change.by == f"staff:{staff['moussa'].id}"
    assert b"Plan" not in change.note_enc
    assert ciphers.decrypt(change.note_enc, f"stage_changes|{row.id}|note".encode()) == b"Plan seen."
    assert (row.stage, row.stage_since, row.known_on) == ("PLAN_REVIEW", TODAY, TODAY)
    assert session.scalars(select(Audit.action)).all() == ["case_moved"]


def test_the_second_of_two_colleagues_is_told(session, file, by):
    row = file()
    process.move(session, row.id, Wish("PLAN_REVIEW", "COUNSELLING"), by("moussa"))
    with pytest.raises(CaseError, match="moved_on"):
        process.move(session, row.id, Wish("PLAN_REVIEW", "COUNSELLING"), by("ibrah"))
    assert len(session.scalars(select(StageChange)).all()) == 1


@pytest.mark.parametrize(
    ("days", "note", "fails"), [(182, "", "note_needed"), (182, "Left for good.", ""), (183, "", "")]
)
def test_finalised_before_183_days_needs_the_coordinator_and_a_reason(session, file, by, days, note, fails):
    row = file("MONITORING", opened=TODAY - timedelta(days=days))
    wish = Wish("FINALISED", "MONITORING", note=note)
    if fails:
        with pytest.raises(CaseError, match=fails):
            process.move(session, row.id, wish, by("mariama"))
    else:
        process.move(session, row.id, wish, by("mariama"))
    assert row.stage == ("MONITORING" if fails else "FINALISED")


def test_an_assistant_proposes_to_finalise_and_the_coordinator_signs(session, file, staff, by):
    row = file("MONITORING")
    asked = process.move(session, row.id, Wish("FINALISED", "MONITORING"), by("moussa"))
    assert isinstance(asked, StageProposal)
    assert row.stage == "MONITORING"
    for who in ("moussa", "ibrah"):
        with pytest.raises(CaseError, match="not_allowed"):
            process.settle(session, row.id, asked.id, by(who), agreed=True)
    process.settle(session, row.id, asked.id, by("mariama"), agreed=True)
    assert row.stage == "FINALISED"
    assert open_to(row, staff["moussa"]) == ["DECEASED"]
    assert "MONITORING" in open_to(row, staff["mariama"])  # opened again


def test_cancelling_takes_two_people_even_for_the_coordinator(session, file, by):
    row = file()
    wish = Wish("CANCELLED", "COUNSELLING", reason="wish")
    asked = process.move(session, row.id, wish, by("mariama"))
    assert process.move(session, row.id, wish, by("mariama")).id == asked.id
    with pytest.raises(CaseError, match="not_allowed"):
        process.settle(session, row.id, asked.id, by("mariama"), agreed=True)
    change = process.settle(session, row.id, asked.id, by("ibrah"), agreed=True)
    assert (row.stage, change.reason) == ("CANCELLED", "wish")
    with pytest.raises(CaseError, match="moved_on"):
        process.settle(session, row.id, asked.id, by("ibrah"), agreed=True)


def test_a_proposal_from_a_stage_that_was_left_is_void_and_can_be_made_again(session, file, by):
    row = file("PLAN_REVIEW")
    asked = process.move(session, row.id, Wish("CANCELLED", "PLAN_REVIEW", reason="wish"), by("moussa"))
    process.move(session, row.id, Wish("COUNSELLING", "PLAN_REVIEW"), by("ibrah"))
    assert process.proposals(session, row) == []
    with pytest.raises(CaseError, match="moved_on"):
        process.settle(session, row.id, asked.id, by("mariama"), agreed=True)
    session.expire_all()
    process.move(session, row.id, Wish("CANCELLED", "COUNSELLING", reason="duplicate"), by("moussa"))
    session.expire_all()
    [again] = process.proposals(session, row)
    assert (again.from_stage, again.reason) == ("COUNSELLING", "duplicate")


@pytest.mark.parametrize("day", [None, TODAY, TODAY + timedelta(days=31)])
def test_on_hold_needs_a_reason_and_a_day_within_thirty(session, file, by, day):
    row = file("KIT_PREPARATION")
    with pytest.raises(CaseError, match="reason_needed"):
        process.move(session, row.id, Wish("ON_HOLD", "KIT_PREPARATION", review_on=TODAY), by("moussa"))
    with pytest.raises(CaseError, match="review_needed"):
        process.move(session, row.id, Wish("ON_HOLD", "KIT_PREPARATION", reason="travel", review_on=day), by("moussa"))


@pytest.mark.parametrize(("to", "more"), [
    ("ON_HOLD", {"reason": "travel", "review_on": TODAY + timedelta(days=30)}),
    ("WAITING_DOCUMENT", {"reason": "identity"}),
])  # fmt: skip
def test_a_file_goes_back_to_where_it_was(session, file, staff, by, to, more):
    row = file("TRAINING")
    process.move(session, row.id, Wish(to, "TRAINING", **more), by("moussa"))
    assert (row.stage, row.resume_stage) == (to, "TRAINING")
    assert row.review_on == more.get("review_on")
    process.move(session, row.id, Wish("TRAINING", to), by("moussa"))
    assert (row.stage, row.resume_stage, row.review_on) == ("TRAINING", "", None)


def test_from_one_exception_to_another_the_way_back_stays(session, file, by):
    row = file("TRAINING")
    process.move(session, row.id, Wish("WAITING_DOCUMENT", "TRAINING", reason="birth"), by("moussa"))
    hold = Wish("ON_HOLD", "WAITING_DOCUMENT", reason="illness", review_on=TODAY + timedelta(days=9))
    process.move(session, row.id, hold, by("moussa"))
    assert row.resume_stage == "TRAINING"
    process.reviewed(session, row.id, TODAY + timedelta(days=30), by("ibrah"))
    assert row.review_on == TODAY + timedelta(days=30)


def test_contact_lost_is_set_by_the_search_alone_and_left_by_staff(session, file, staff, by):
    row = file("TRAINING")
    assert "LOST_CONTACT" not in open_to(row, staff["mariama"])
    stages.move(session, row, "LOST_CONTACT", by="staff:1", at=AT, since=TODAY, reason="no_show")
    assert "TRAINING" in open_to(row, staff["moussa"])
    process.move(session, row.id, Wish("TRAINING", "LOST_CONTACT"), by("moussa"))
    assert row.stage == "TRAINING"


def test_not_eligible_only_after_eligibility_told_by_a_person_and_appealed(session, file, staff, by):
    row = file("ELIGIBILITY")
    process.move(session, row.id, Wish("NOT_ELIGIBLE", "ELIGIBILITY", note="No return registered."), by("moussa"))
    assert (row.told_by_person, row.resume_stage) == (False, "ELIGIBILITY")
    process.told(session, row.id, by("ibrah"))
    process.told(session, row.id, by("moussa"))  # twice is once
    assert (row.told_by_person, row.told_by, row.told_at) == (True, staff["ibrah"].id, AT)
    process.move(session, row.id, Wish("ELIGIBILITY", "NOT_ELIGIBLE"), by("moussa"))
    process.move(session, row.id, Wish("NOT_ELIGIBLE", "ELIGIBILITY", note="Again."), by("moussa"))
    assert not row.told_by_person
    other = file_of(session, "COUNSELLING")
    assert "NOT_ELIGIBLE" not in open_to(other, staff["mariama"])


def file_of(session, stage):
    row = Case(
        number="591028466", name="Mariama", sex="F", language="ha", region="Zinder", department="Mirriah", office="Zinder",
        stage=stage, opened_on=LONG_AGO, stage_since=LONG_AGO,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def test_a_transfer_needs_consent_and_to_whom(session, file, by):
    row = file()
    with pytest.raises(CaseError, match="consent_needed"):
        process.move(session, row.id, Wish("TRANSFERRED", "COUNSELLING", note="To Ondes Apil."), by("moussa"))
    process.move(session, row.id, Wish("TRANSFERRED", "COUNSELLING", note="To Ondes Apil.", consent=True), by("moussa"))
    assert row.stage == "TRANSFERRED"


def test_a_mistaken_move_is_taken_back_within_a_minute(session, file, by):
    row = file("TRAINING")
    since = row.stage_since
    change = process.move(session, row.id, Wish("KIT_PREPARATION", "TRAINING"), by("moussa"))
    with pytest.raises(CaseError, match="too_late"):
        process.undo(session, row.id, change.id, by("ibrah", AT + timedelta(seconds=30)))
    process.undo(session, row.id, change.id, by("moussa", AT + timedelta(seconds=30)))
    process.undo(session, row.id, change.id, by("moussa", AT + timedelta(seconds=31)))
    assert (row.stage, row.stage_since) == ("TRAINING", since)
    assert session.scalars(select(StageChange.reason).order_by(StageChange.id)).all() == ["", "undone"]


@pytest.mark.parametrize(("to", "late"), [("KIT_PREPARATION", 61), ("DECEASED", 5)])
def test_neither_later_nor_what_is_final(session, file, by, to, late):
    row = file("TRAINING")
    change = process.move(session, row.id, Wish(to, "TRAINING"), by("moussa"))
    with pytest.raises(CaseError, match="too_late"):
        process.undo(session, row.id, change.id, by("moussa", AT + timedelta(seconds=late)))


def test_out_of_an_end_only_the_coordinator_leads_with_a_reason(session, file, staff, by):
    row = file("DECEASED")
    assert open_to(row, staff["moussa"]) == []
    with pytest.raises(CaseError, match="note_needed"):
        process.move(session, row.id, Wish("TRAINING", "DECEASED"), by("mariama"))
    process.move(session, row.id, Wish("TRAINING", "DECEASED", note="Wrong number typed."), by("mariama"))
    assert row.stage == "TRAINING"
