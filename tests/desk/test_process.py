"""Moving files, projects and trainings at the desk: one button where nothing is asked, and who sees what."""

import re
from datetime import date

import pytest
from sqlalchemy import func, select, update

from bot.store.models import Case, Enrolment, Kit, Project, ProjectMember, Staff, StageChange, StageProposal, Visit
from tests.desk.conftest import MARIAMA, SALIFOU, untokened


@pytest.fixture
def partner(database, cast, signed_in, password_hash):
    """Idi, of Taagazt."""
    with database.transaction() as session:
        session.add(
            Staff(
                login="idi", name="Idi", role="partner", partner="Taagazt", password_hash=password_hash, language="fr"
            )
        )
    return signed_in("idi")


def stands(database, case_id):
    with database.transaction() as session:
        return session.get_one(Case, case_id).stage


def moved(database, case_id, **values):
    with database.transaction() as session:
        session.execute(update(Case).where(Case.id == case_id).values(**values))


def test_an_ordinary_move_is_one_button_and_can_be_taken_back(moussa, files, database):
    path = f"/desk/cases/{files['salifou']}"
    page = moussa.reads(path)
    assert re.search(r'name="move-to" value="TRAINING"', page)
    answer = moussa.post(f"{path}/move", **{"move-to": "TRAINING", "move-seen": "TRAINING_WAIT"})
    assert answer.status_code == 303
    page = moussa.reads(path)
    assert "Le dossier en est maintenant à" in page
    assert "attend la formation → en formation" in page
    undo = re.search(rf'action="({path}/moves/\d+/undo)"', page)[1]
    moussa.post(undo)
    assert stands(database, files["salifou"]) == "TRAINING_WAIT"
    assert "retour en arrière" in moussa.reads(path)


def test_who_was_second_reads_so_and_nothing_moves_twice(moussa, files, database):
    path = f"/desk/cases/{files['salifou']}"
    for _ in range(2):
        moussa.post(f"{path}/move", **{"move-to": "TRAINING", "move-seen": "TRAINING_WAIT"})
    assert "Un collègue a été plus rapide" in moussa.reads(path)
    with database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(StageChange)) == 1


@pytest.mark.parametrize(("fields", "says"), [
    ({"move-to": "ON_HOLD"}, "Choisir un motif."),
    ({"move-to": "ON_HOLD", "move-reason": "WAITING_DOCUMENT:identity"}, "Choisir un motif."),
    ({"move-to": "ON_HOLD", "move-reason": "ON_HOLD:travel"}, "Choisir un jour à partir de demain"),
    ({"move-to": "DECEASED"}, "Cocher si vous en êtes sûr"),
    ({"move-to": "TRANSFERRED", "move-note": "Vers une autre ville", "move-sure": "y"}, "Seulement quand la personne a dit oui."),
    ({"move-to": "MONITORING"}, "Pas possible ici"),
])  # fmt: skip
def test_what_a_move_needs_is_said_at_its_field(moussa, files, database, fields, says):
    answer = moussa.post(f"/desk/cases/{files['salifou']}/move", **{"move-seen": "TRAINING_WAIT"}, **fields)
    assert answer.status_code == 422
    assert says in answer.text
    assert stands(database, files["salifou"]) == "TRAINING_WAIT"


def test_a_hold_is_looked_at_again_and_left(moussa, files, database):
    path = f"/desk/cases/{files['salifou']}"
    hold = {"move-to": "ON_HOLD", "move-seen": "TRAINING_WAIT", "move-reason": "ON_HOLD:illness"}
    moussa.post(f"{path}/move", **hold, **{"move-review_on": "2026-12-20", "move-note": "Hospital until spring"})
    page = moussa.reads(path)
    assert "maladie" in page
    assert "Hospital until spring" in page
    assert "20/12/2026" in page
    assert moussa.post(f"{path}/review", **{"review-day": "2027-03-01"}).status_code == 422
    moussa.post(f"{path}/review", **{"review-day": "2026-12-22"})
    moussa.post(f"{path}/move", **{"move-to": "TRAINING_WAIT", "move-seen": "ON_HOLD"})
    assert stands(database, files["salifou"]) == "TRAINING_WAIT"


def test_a_partner_reads_that_a_file_waits_but_not_why_and_moves_nothing(moussa, partner, files, database):
    path = f"/desk/cases/{files['salifou']}"
    hold = {"move-to": "ON_HOLD", "move-seen": "TRAINING_WAIT", "move-reason": "ON_HOLD:illness"}
    moussa.post(f"{path}/move", **hold, **{"move-review_on": "2026-12-20", "move-note": "Hospital until spring"})
    page = partner.reads(path)
    assert "attend la formation → en attente" in page
    assert "maladie" not in page
    assert "Hospital" not in page
    assert "Faire avancer" not in page
    assert partner.post(f"{path}/move", **{"move-to": "TRAINING_WAIT", "move-seen": "ON_HOLD"}).status_code == 404


def test_not_eligible_waits_for_somebody_who_tells_it(moussa, files, database):
    path = f"/desk/cases/{files['mariama']}"
    assert "quelqu’un le dit d’abord de vive voix" in moussa.reads(path)
    moussa.post(f"{path}/told")
    assert "Moussa l’a dit à la personne le" in moussa.reads(path)
    with database.transaction() as session:
        assert session.get_one(Case, files["mariama"]).told_by_person


def test_a_cancellation_is_decided_by_a_second_person(moussa, signed_in, files, database):
    path = f"/desk/cases/{files['salifou']}"
    moussa.post(
        f"{path}/move", **{"move-to": "CANCELLED", "move-seen": "TRAINING_WAIT", "move-reason": "CANCELLED:wish"}
    )
    with database.transaction() as session:
        proposal = session.scalars(select(StageProposal.id)).one()
    assert "D’accord, déplacer" not in moussa.reads(path)
    moussa.post(f"{path}/proposals/{proposal}", agreed="1")
    assert stands(database, files["salifou"]) == "TRAINING_WAIT"
    ousmane = signed_in("ousmane")
    assert SALIFOU[:3] in ousmane.reads("/desk/cases?proposed=1")
    ousmane.post(f"{path}/proposals/{proposal}", agreed="1")
    assert stands(database, files["salifou"]) == "CANCELLED"


def test_the_list_filters_says_how_late_and_what_is_old(moussa, partner, files, database):
    moved(database, files["salifou"], known_on=date(2026, 6, 3))
    page = moussa.reads("/desk/cases")
    assert "2 dossiers" in page
    assert "état du 3 juin 2026" in page
    late = moussa.reads("/desk/cases?late=1")
    assert "41 jours de retard" in late
    assert "Mariama" not in late.split("<main")[1]
    assert "Salifou" not in moussa.reads("/desk/cases?stage=NOT_ELIGIBLE&office=Tahoua")
    assert "Mariama" not in partner.reads("/desk/cases").split("<main")[1]
    assert "Aucun dossier ne correspond" in moussa.reads("/desk/cases?mine=1")
    moussa.post(f"/desk/cases/{files['salifou']}/follow", mine="1")
    assert "Salifou" in moussa.reads("/desk/cases?mine=1")
    assert "Taagazt" in partner.reads("/desk/partners")
    assert "Ondes Apil" not in partner.reads("/desk/partners")


def test_kits_and_visits_are_noted_in_a_few_steps(moussa, partner, files, database, hands):
    path = f"/desk/cases/{files['salifou']}"
    moussa.post(f"{path}/kits", **{"kit-kind": "couture", "kit-items": "machine\r\n\r\nfil"})
    with database.transaction() as session:
        kit = session.scalars(select(Kit)).one()
        assert kit.items == ["machine", "fil"]
    moussa.post(f"{path}/kits/{kit.id}", what="arrived")
    moussa.post(f"{path}/kits/{kit.id}", what="broken")
    assert "cassé" in partner.reads(path)
    assert partner.post(f"{path}/kits/{kit.id}", what="whole").status_code == 404
    partner.post(f"{path}/visits", **{"plan-day": "2026-11-23", "plan-way": "call"})
    with database.transaction() as session:
        visit = session.scalars(select(Visit.id)).one()
    done = {"found-day": "2026-11-23", "found-way": "call", "found-findings": ["running", "again"]}
    partner.post(f"{path}/visits/{visit}", **done)
    assert "l’activité marche, encore une visite nécessaire, Idi" in moussa.reads(path)


def test_a_project_begins_gathers_people_and_moves_them_together(moussa, signed_in, files, database):
    new = {"project-kind": "collective", "project-name": "Maraîchage", "project-department": "Filingué"}
    moussa.post("/desk/projects", **new, **{"project-office": "Zinder", "project-stage": "TRAINING_WAIT"})
    with database.transaction() as session:
        path = f"/desk/projects/{session.scalars(select(Project.id)).one()}"
    for fields in (
        {"member-number": "482-719-368", "member-role": "head"},
        {"member-number": MARIAMA, "member-role": "member"},
        {"member-name": "Abdou Kadri", "member-phone": "90 00 12 34", "member-role": "member"},
    ):
        assert moussa.post(f"{path}/members", **fields).status_code == 303
    assert (
        "Aucun dossier avec ce numéro"
        in moussa.post(f"{path}/members", **{"member-number": "111222333", "member-role": "member"}).text
    )
    moussa.post(f"{path}/move", **{"all-to": "TRAINING", "all-seen": "TRAINING_WAIT"})
    page = moussa.reads(path)
    assert "1 dossier déplacé." in page
    assert "Mariama Garba reste" in page
    assert "voisin, sans dossier, avec un téléphone" in page
    assert "90001234" not in page
    assert stands(database, files["salifou"]) == "TRAINING"
    with database.transaction() as session:
        member = session.scalars(select(ProjectMember.id).where(ProjectMember.name != "")).one()
    moussa.post(f"{path}/members/{member}/leave")
    assert "Abdou" not in moussa.reads(path)


def test_a_member_of_another_office_is_not_named(moussa, signed_in, files, database, cast):
    test_a_project_begins_gathers_people_and_moves_them_together(moussa, signed_in, files, database)
    with database.transaction() as session:
        project = session.scalars(select(Project.id)).one()
        session.execute(update(Staff).where(Staff.login == "hadiza").values(offices=["Zinder"]))
    page = signed_in("hadiza").reads(f"/desk/projects/{project}")
    assert "Salifou" in page
    assert "un dossier d’un autre bureau" in page
    assert "Mariama" not in page.split("<main")[1]


def test_a_training_is_planned_filled_marked_and_ended(moussa, partner, files, database):
    new = {"training-kind": "Couture", "training-place": "Zinder", "training-office": "Zinder", "training-places": "1"}
    days = {"training-starts_on": "2026-11-20", "training-ends_on": "2026-11-23", "training-partner": "Taagazt"}
    answer = moussa.post("/desk/trainings", **new, **days)
    path = answer.location
    moussa.post(f"{path}/people", **{"enrol-number": SALIFOU})
    assert "Il ne reste aucune place" in moussa.post(f"{path}/people", **{"enrol-number": MARIAMA}).text
    with database.transaction() as session:
        enrolment = session.scalars(select(Enrolment.id)).one()
    partner.post(f"{path}/day", **{"day-day": "2026-11-23", "day-there": str(enrolment)})
    assert "présence 1 jours sur 1" in partner.reads(path)
    partner.post(f"{path}/day", **{"day-there": str(enrolment), "ended": "1"})
    assert "l’a finie" in moussa.reads(path)
    assert "après la formation" in moussa.reads(f"/desk/cases/{files['salifou']}")
    assert partner.post(f"{path}/people", **{"enrol-number": SALIFOU}).status_code == 404


@pytest.mark.parametrize("step", ["move", "told", "follow", "kits", "visits"])
def test_a_step_on_a_file_of_another_partner_answers_as_if_it_never_was(partner, moussa, files, step):
    hidden = partner.post(f"/desk/cases/{files['mariama']}/{step}")
    never = partner.post(f"/desk/cases/2000000000/{step}")
    assert (hidden.status_code, never.status_code) == (404, 404)
    assert untokened(hidden.text) == untokened(never.text)


def test_moving_a_project_names_nobody_whose_file_is_not_the_readers(moussa, files, database):
    new = {"project-kind": "collective", "project-name": "Maraîchage", "project-department": "Filingué"}
    moussa.post("/desk/projects", **new, **{"project-office": "Zinder", "project-stage": "TRAINING_WAIT"})
    with database.transaction() as session:
        path = f"/desk/projects/{session.scalars(select(Project.id)).one()}"
    assert moussa.post(f"{path}/members", **{"member-number": MARIAMA, "member-role": "head"}).status_code == 303
    with database.transaction() as session:
        session.execute(update(Case).where(Case.number == MARIAMA).values(office="Agadez"))
        session.execute(update(Staff).where(Staff.login == "moussa").values(offices=["Zinder"]))
    moussa.post(f"{path}/move", **{"all-to": "TRAINING", "all-seen": "TRAINING_WAIT"})
    page = moussa.reads(path)
    assert "reste" in page
    assert "Mariama Garba" not in page
