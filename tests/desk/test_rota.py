"""The rota page: who sees which queue, who plans it, what is told of gaps and days away."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from bot.referrals import letters
from bot.store.models import Absence, Audit, Duty, Shift, Staff
from tests.desk.conftest import NOON

MONDAY = "2026-11-23"
SATURDAY = datetime(2026, 11, 28, 19, tzinfo=UTC)  # 20:00 in Niamey


@pytest.fixture
def ousmane(signed_in):
    return signed_in("ousmane")


@pytest.fixture
def letter(services):
    return lambda queue: letters.letter(services.settings, queue)


@pytest.fixture
def plans(cast):
    """Send the form of a shift as somebody; `who`, `deputy`: logins."""

    def send(reader, who, *, deputy="", queue="protection", hours="night", first=MONDAY, last="", weeks="1", office=""):
        fields = {
            "queue": queue, "office": office, "staff": str(cast.get(who, "")), "first": first, "last": last,
            "deputy": str(cast[deputy]) if deputy else "", "hours": hours, "weeks": weeks,
        }  # fmt: skip
        return reader.post("/desk/rota", **{f"shift-{name}": value for name, value in fields.items()})

    return send


@pytest.fixture
def away(cast):
    def send(reader, who, first=MONDAY, last=MONDAY):
        return reader.post("/desk/rota/away", **{"away-staff": str(cast[who]), "away-first": first, "away-last": last})

    return send


def shifts(database):
    with database.transaction() as session:
        return [
            (one.queue, one.starts_at, one.ends_at) for one in session.scalars(select(Shift).order_by(Shift.starts_at))
        ]


def count(database, table):
    with database.transaction() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_the_coordinator_plans_nights_of_a_week_and_repeats_them(ousmane, plans, database, letter):
    assert plans(ousmane, "hadiza", deputy="aicha", last="2026-11-27", weeks="3").status_code == 303
    found = shifts(database)
    assert len(found) == 15
    assert found[0] == ("protection", datetime(2026, 11, 23, 19, tzinfo=UTC), datetime(2026, 11, 24, 7, tzinfo=UTC))
    page = ousmane.reads("/desk/rota")
    assert f"File {letter('protection')}" in page
    assert "Hadiza, puis Aïcha" in page
    assert "20:00–8:00" in page
    with database.transaction() as session:
        assert session.scalars(select(Audit.action).where(Audit.action == "shift_put")).all()


@pytest.mark.parametrize(
    ("hours", "start", "end"),
    [
        ("day", "2026-11-23T07:00", "2026-11-23T19:00"), ("night", "2026-11-23T19:00", "2026-11-24T07:00"),
        ("whole", "2026-11-22T23:00", "2026-11-23T23:00"), ("week", "2026-11-23T07:00", "2026-11-30T07:00"),
    ],
)  # fmt: skip
def test_the_hours_to_choose_from(ousmane, plans, database, hours, start, end):
    plans(ousmane, "hadiza", hours=hours)
    [(_, begin, finish)] = shifts(database)
    assert (begin, finish) == tuple(datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (start, end))


def test_the_same_form_twice_plans_once(ousmane, plans, database):
    for _ in range(2):
        plans(ousmane, "hadiza")
    assert len(shifts(database)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"who": "moussa"}, {"deputy": "hadiza"}, {"last": "2026-11-22"}, {"last": "2026-12-23"}, {"first": ""}, {"who": ""},
        {"weeks": "99"}, {"hours": "noon"}, {"queue": "sealed"}, {"who": "zeinabou", "queue": "sealed"},
    ],
)  # fmt: skip
def test_what_can_not_be_planned_is_said_and_not_planned(ousmane, plans, database, wrong):
    answer = plans(ousmane, **({"who": "hadiza"} | wrong))
    assert answer.status_code == 422
    assert 'class="error"' in answer.text
    assert shifts(database) == []


def test_only_who_plans_a_queue_plans_it(hadiza, moussa, zeinabou, plans, database):
    assert "shift-staff" not in hadiza.reads("/desk/rota")
    for reader in (hadiza, moussa):
        plans(reader, "hadiza")
    plans(zeinabou, "hadiza")
    assert shifts(database) == []
    assert plans(zeinabou, "zeinabou", queue="sealed").status_code == 303
    assert [queue for queue, _, _ in shifts(database)] == ["sealed"]


def test_the_sealed_rota_is_seen_by_its_own_alone(ousmane, hadiza, zeinabou, plans, database):
    plans(zeinabou, "zeinabou", queue="sealed", hours="whole")
    [only] = _ids(database)
    assert "Zeinabou" in zeinabou.reads("/desk/rota")
    for reader in (ousmane, hadiza):
        assert "Zeinabou" not in reader.reads("/desk/rota")
        for path in (f"/desk/rota/{only}", "/desk/rota/999"):
            assert reader.get(path).status_code == 404
        reader.post(f"/desk/rota/{only}/drop")
    assert len(shifts(database)) == 1


def _ids(database):
    with database.transaction() as session:
        return list(session.scalars(select(Shift.id).order_by(Shift.starts_at)))


def test_who_serves_another_queue_does_not_see_this_one(moussa, ousmane, plans):
    plans(ousmane, "hadiza")
    assert "Hadiza" not in moussa.reads("/desk/rota")


def test_the_administrator_has_no_rota(signed_in):
    assert signed_in("adamou").get("/desk/rota").status_code == 404


def test_a_gap_stands_red_at_the_top_and_in_its_day(ousmane, plans, letter):
    plans(ousmane, "hadiza", hours="whole")
    plans(ousmane, "hadiza", hours="whole", first="2026-11-25")
    page = ousmane.reads("/desk/rota")
    assert "Personne de garde" in page
    assert f"File {letter('protection')} · mardi 24 novembre, 0:00–0:00" in page
    assert page.count('class="nobody"') == 1


def test_a_shift_is_taken_out_and_put_back(ousmane, plans, database):
    plans(ousmane, "hadiza", deputy="aicha", weeks="3")
    before = shifts(database)
    first, second, _ = _ids(database)
    assert "Hadiza" in ousmane.reads(f"/desk/rota/{second}")
    ousmane.post(f"/desk/rota/{second}/drop", following="1")
    assert shifts(database) == before[:1]
    assert "Annuler" in ousmane.reads("/desk/rota")
    ousmane.post("/desk/rota/undo")
    assert shifts(database) == before
    ousmane.post("/desk/rota/undo")
    assert shifts(database) == before
    ousmane.post(f"/desk/rota/{first}/drop", following="0")
    assert shifts(database) == before[1:]
    assert "déjà retiré" in ousmane.reads(ousmane.post(f"/desk/rota/{first}/drop").location)


def test_days_away_are_told_with_what_they_leave_open(hadiza, ousmane, plans, away, database):
    plans(ousmane, "hadiza")
    told = hadiza.reads(away(hadiza, "hadiza").location)
    assert "De garde alors, sans remplacement : lundi 23 novembre, 20:00–8:00" in told.replace("\xa0", " ")
    assert "Personne (absence" in ousmane.reads("/desk/rota")
    assert count(database, Absence) == 1


def test_with_a_deputy_nothing_is_open(hadiza, ousmane, plans, away):
    plans(ousmane, "hadiza", deputy="aicha")
    told = hadiza.reads(away(hadiza, "hadiza").location)
    assert "sans remplacement" not in told
    assert "Aïcha (absence" in told


def test_days_away_of_others_are_noted_by_who_plans_their_rota_alone(hadiza, ousmane, away, cast, database):
    assert away(hadiza, "aicha").status_code == 422
    assert away(ousmane, "zeinabou").status_code == 422
    assert count(database, Absence) == 0
    away(ousmane, "aicha")
    with database.transaction() as session:
        [only] = session.scalars(select(Absence)).all()
    assert hadiza.post(f"/desk/rota/away/{only.id}/drop").status_code == 404
    assert "Aïcha" not in hadiza.reads("/desk/rota").partition('id="away"')[2]
    ousmane.post(f"/desk/rota/away/{only.id}/drop")
    assert count(database, Absence) == 0
    ousmane.post("/desk/rota/undo")
    assert count(database, Absence) == 1


def test_days_that_end_before_they_begin_are_refused(hadiza, away, database):
    assert away(hadiza, "hadiza", "2026-11-25", "2026-11-24").status_code == 422
    assert count(database, Absence) == 0


def test_today_says_who_is_on_duty_from_the_rota(hadiza, ousmane, signed_in, plans, letter):
    assert f"De garde, file {letter('protection')}" in hadiza.reads("/desk/")  # from the duty list
    plans(ousmane, "hadiza", hours="day")
    page = hadiza.reads("/desk/").replace("\xa0", " ")
    assert f"De garde, file {letter('protection')}, jusqu’à 20:00" in page
    plans(ousmane, "aicha", hours="night")
    assert f"Prochaine garde : file {letter('protection')}, 20:00" in signed_in("aicha").reads("/desk/").replace(
        "\xa0", " "
    )


def test_the_holidays_are_named(ousmane, plans, services, tmp_path):
    file = tmp_path / "holidays.txt"
    file.write_text("2026-11-24  # invented\n")
    services.settings = services.settings.model_copy(update={"holidays_file": file})
    plans(ousmane, "hadiza", hours="week")
    assert ousmane.reads("/desk/rota").count("férié") == 1


def test_six_weeks_of_every_queue_stay_under_100_kb(ousmane, database, cast):
    with database.transaction() as session:
        for queue in ("protection", "gbv", "child", "complaints", "assistance", "community"):
            for day in range(42):
                for half in range(2):
                    begin = NOON.replace(hour=7, minute=0) + timedelta(days=day, hours=12 * half)
                    session.add(
                        Shift(
                            queue=queue, staff_id=cast["hadiza"] if half else cast["aicha"], deputy_id=cast["moussa"],
                            starts_at=begin, ends_at=begin + timedelta(hours=12), office="",
                        )
                    )  # fmt: skip
    assert len(ousmane.reads("/desk/rota").encode()) < 100_000


def test_people_who_left_are_not_offered(ousmane, database, cast):
    with database.transaction() as session:
        session.get_one(Staff, cast["aicha"]).active = False
        session.execute(Duty.__table__.delete())
    assert "Aïcha" not in ousmane.reads("/desk/rota")
