"""Records of reading and acting: only those search them who may know what they are about."""

import pytest

from bot.store.models import Audit, Staff


@pytest.fixture
def nafissa(database, password_hash, signed_in):
    """The focal point for data protection."""
    with database.transaction() as session:
        session.add(
            Staff(login="nafissa", name="Nafissa", role="data_protection", password_hash=password_hash, active=True)
        )
    return signed_in("nafissa")


def test_a_reading_is_found_by_who_what_and_number(hadiza, nafissa, opened, cast):
    hadiza.reads(f"/desk/referrals/{opened('7352082')}")
    page = nafissa.reads("/desk/records?what=reading")
    assert "a ouvert une demande" in page
    assert "7352082" not in page
    assert "a ouvert une demande" in nafissa.reads("/desk/records?ticket=735-2082")
    assert "Aucune ligne" in nafissa.reads("/desk/records?ticket=1234567")
    assert "a ouvert une demande" in nafissa.reads(f"/desk/records?who={cast['hadiza']}&what=reading")
    assert "Aucune ligne" in nafissa.reads(f"/desk/records?who={cast['moussa']}&what=reading")
    assert "Aucune ligne" in nafissa.reads("/desk/records?since=2031-01-01")
    assert "Aucune ligne" in nafissa.reads("/desk/records?until=2020-01-01")


def test_what_is_sealed_is_told_to_its_focal_points_alone(zeinabou, nafissa, opened):
    referral = opened("7352082", queue="sealed")
    zeinabou.reads(f"/desk/referrals/{referral}")
    assert "Aucune ligne" in nafissa.reads("/desk/records?what=reading")
    assert "Aucune ligne" in nafissa.reads("/desk/records?ticket=7352082")
    assert "a ouvert une demande" in zeinabou.reads("/desk/records")


def test_focal_points_see_nothing_that_is_not_sealed(hadiza, zeinabou, opened):
    hadiza.reads(f"/desk/referrals/{opened('7352082')}")
    assert "a ouvert une demande" not in zeinabou.reads("/desk/records")


def test_a_phone_that_a_focal_point_looked_at_is_told_to_focal_points_alone(hadiza, zeinabou, nafissa, opened, amina):
    opened("7352082", queue="sealed")
    opened("9412607")
    zeinabou.reads(f"/desk/phones/{amina}")
    assert "a ouvert la page d’un téléphone" not in nafissa.reads("/desk/records")
    assert "a ouvert la page d’un téléphone" in zeinabou.reads("/desk/records")
    hadiza.reads(f"/desk/phones/{amina}")
    assert "a ouvert la page d’un téléphone" in nafissa.reads("/desk/records")


@pytest.mark.parametrize("login", ["hadiza", "moussa", "ousmane", "adamou"])
def test_nobody_else_searches_records(signed_in, login):
    reader = signed_in(login)
    assert reader.get("/desk/records").status_code == 404
    assert "/desk/records" not in reader.reads("/desk/account")


def test_pages_go_back_in_time(nafissa, database):
    with database.transaction() as session:
        session.add_all(Audit(action="signed_in", subject="staff:1") for _ in range(60))
    assert "Plus anciens" in nafissa.reads("/desk/records?what=access")
    second = nafissa.reads("/desk/records?what=access&from=50")
    assert "Plus anciens" not in second
    assert "Page précédente" in second
    assert nafissa.get("/desk/records?from=x&who=%00&since=never").status_code == 200
