"""What takes longer than usual: the person first, then the desk's list and the morning text. Once for each limit."""

from datetime import date, timedelta

from sqlalchemy import text

from bot.store.models import Case, LateFile
from tests.outreach.conftest import NOON

LATE = "Nous ne vous oublions pas. Composez *321# pour le détail. Effacez ce message."
TODAY = date(2026, 11, 24)


def days_ago(days):
    return TODAY - timedelta(days=days)


def test_past_the_range_the_person_is_told_first_and_once(programme):
    programme.file("KIT_PREPARATION", since=days_ago(57))
    programme.file("KIT_PREPARATION", since=days_ago(56))  # the last day of the range
    for hours in (0, 1, 30):
        programme.reach_out(NOON + timedelta(hours=hours / 10))
    assert [(kind, text) for kind, text, _ in programme.sent()] == [("reminder", LATE)]
    [late] = programme.rows(LateFile)
    assert (late.stage, late.day, late.outcome) == ("KIT_PREPARATION", 56, "told")


def test_a_stage_entered_anew_has_a_new_range(programme):
    case = programme.file("TRAINING_WAIT", since=days_ago(43))
    programme.reach_out()
    programme.change(Case, case, stage_since=days_ago(42))
    programme.reach_out(NOON + timedelta(days=1))
    assert len(programme.rows(LateFile)) == 2


def test_whoever_read_that_it_is_late_gets_no_message_but_the_desk_knows(programme):
    programme.file("KIT_PREPARATION", since=days_ago(60), status_told_at=NOON - timedelta(days=1))
    programme.reach_out()
    assert programme.sent() == []
    assert [one.outcome for one in programme.rows(LateFile)] == ["seen"]


def test_a_missing_paper_is_recalled_on_three_days(programme):
    case = programme.file("WAITING_DOCUMENT", since=TODAY)
    for day in (6, 7, 8, 20, 21, 22, 44, 45, 46, 59):
        programme.reach_out(NOON + timedelta(days=day))
    assert [one.day for one in programme.rows(LateFile, LateFile.case_id == case)] == [7, 21, 45]
    assert len(programme.sent()) == 3


def test_days_that_went_by_before_we_looked_are_not_made_up_for(programme):
    programme.file("WAITING_DOCUMENT", since=days_ago(30))
    programme.reach_out()
    assert [one.day for one in programme.rows(LateFile)] == [21]


def test_what_is_no_usual_stage_is_never_late(programme):
    for stage in ("FINALISED", "ON_HOLD", "LOST_CONTACT", "CANCELLED", "DECEASED"):
        programme.file(stage, since=days_ago(400))
    programme.reach_out()
    assert programme.rows(LateFile) == []


def test_assistants_hear_in_the_morning_how_many_came_of_their_offices(programme):
    moussa, tahoua, everywhere = (
        programme.staff("moussa"),
        programme.staff("tahoua", offices=["Tahoua"]),
        programme.staff("ibrah", offices=[]),
    )
    hadiza = programme.staff("hadiza", "protection")
    for _ in range(2):
        programme.file("KIT_PREPARATION", since=days_ago(60))
    programme.file("KIT_PREPARATION", since=days_ago(60), office="Diffa")
    programme.reach_out()
    assert programme.told(moussa) == []  # found since this morning: told tomorrow
    for minutes in (0, 5, 10):
        programme.reach_out(NOON.replace(day=25, hour=7) + timedelta(minutes=minutes))
    assert programme.told(moussa) == ["Maraba: nouveaux dossiers en retard: 2. Ouvrez le bureau, page Suivi."]
    assert programme.told(everywhere)[0].startswith("Maraba: nouveaux dossiers en retard: 3.")
    assert programme.told(tahoua) == programme.told(hadiza) == []


def test_nobody_is_told_on_a_day_without_office(programme):
    moussa = programme.staff("moussa")
    friday = NOON.replace(day=27)
    programme.file("KIT_PREPARATION", since=days_ago(60))
    programme.reach_out(friday)
    programme.reach_out(friday.replace(day=28, hour=9))
    assert programme.told(moussa) == []
    programme.reach_out(friday.replace(day=30, hour=9))
    assert len(programme.told(moussa)) == 1


def test_a_run_looks_at_a_bounded_part_of_100_000_files(programme):
    """By the index, not file by file: what was found before costs one look into a unique index each."""
    with programme.database.transaction() as session:
        session.execute(
            text("""
            insert into cases (number, name, sex, language, region, department, office, stage, opened_on, stage_since)
            select lpad(n::text, 9, '0'), 'A', 'F', 'ha', 'Zinder', 'Mirriah', 'Zinder',
                (array['REGISTERED','COUNSELLING','KIT_PREPARATION','MONITORING','FINALISED'])[1 + n % 5],
                date '2026-01-01', date '2026-11-20' - (n % 50)
            from generate_series(1, 100000) as n""")
        )
        session.execute(text("analyze cases"))
        plan = session.scalars(
            text("""
            explain select id from cases where stage = 'MONITORING' and stage_since between '2026-11-01' and '2026-11-03'
            order by stage_since, id limit 100""")
        ).all()
    assert any("ix_cases_stage_since" in line for line in plan)
    programme.reach_out()
    assert len(programme.rows(LateFile)) == 100
