"""Appointments at the desk: the day list, who came, steps on a file, places; and who sees none of it."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from bot.cases import appointments, attending
from bot.outreach.calendar import Calendar
from bot.store.models import Appointment, Audit, Case, Place, Staff
from tests.desk.conftest import NOON, SALIFOU

TODAY = NOON.date()
DAY = timedelta(days=1)
SHOWN = "482-719-368"


@pytest.fixture
def zinder(database, files):
    """A place of the office, as its id."""
    with database.transaction() as session:
        place = Place(office="Zinder", name="Office Zinder", kind="office", region="Zinder", capacity=2)
        session.add(place)
        session.flush()
        return place.id


def made(database, settings, files, place, day=TODAY, at=NOON):
    with database.transaction() as session:
        return appointments.propose(
            session, files["salifou"], place, day, "kit", by="staff:1", at=at, calendar=Calendar.of(settings), agreed=True
        ).id  # fmt: skip


def get(database, appointment_id):
    with database.transaction() as session:
        return session.get_one(Appointment, appointment_id)


def test_one_tap_says_who_came_and_another_takes_it_back(moussa, database, settings, files, zinder):
    one = made(database, settings, files, zinder)
    page = moussa.reads("/desk/appointments?office=Zinder")
    assert "Salifou Gàrba" in page
    assert SHOWN in page
    for tap, state in (("came", "ATTENDED"), ("came", "ATTENDED"), ("missed", "NO_SHOW"), ("none", "CONFIRMED")):
        assert moussa.post(f"/desk/appointments/{one}/mark", mark=tap).status_code == 303
        assert get(database, one).state == state
    with database.transaction() as session:
        noted = select(Audit.action).where(Audit.action.in_(("day_list_read", "appointment_marked")))
        assert session.scalars(noted.order_by(Audit.id)).all() == ["day_list_read", *["appointment_marked"] * 4]


def test_each_line_has_the_code_that_is_texted_while_it_counts(
    moussa, hands, database, settings, ciphers, files, zinder
):
    one = made(database, settings, files, zinder)
    with database.transaction() as session:
        code = attending.codes(session, ["Zinder"], TODAY, TODAY, ciphers=ciphers)[one]
    path = f"/desk/appointments?office=Zinder&day={TODAY.isoformat()}"
    assert f'<td class="figure" data-label="Code SMS">{code}</td>' in moussa.reads(path)
    assert "VENU ou ABSENT" in moussa.reads(path)
    for days, shown in ((1, True), (7, False)):
        hands.forward(days=days)
        moussa.signs_in("moussa")
        assert (code in moussa.reads(path), "VENU ou ABSENT" in moussa.reads(path)) == (shown, shown)


def test_a_day_to_come_has_no_buttons_and_a_day_gone_by_is_asked_for(moussa, hands, database, settings, files, zinder):
    one = made(database, settings, files, zinder, TODAY + DAY)
    day = (TODAY + DAY).isoformat()
    assert f"appointments/{one}/mark" not in moussa.reads(f"/desk/appointments?office=Zinder&day={day}")
    moussa.post(f"/desk/appointments/{one}/mark", mark="came")
    assert get(database, one).state == "CONFIRMED"
    hands.forward(days=2)
    moussa.signs_in("moussa")
    page = moussa.reads("/desk/appointments?office=Zinder")
    assert f"day={day}" in page
    assert "Personne n&#39;a encore dit qui est venu" in page or "Personne n'a encore dit qui est venu" in page


def test_proposing_moving_and_taking_off_on_the_file(moussa, database, files, zinder):
    path = f"/desk/cases/{files['salifou']}"
    fields = {"propose-place": str(zinder), "propose-purpose": "kit"}
    moussa.post(f"{path}/appointments", **fields, **{"propose-day": (TODAY + 3 * DAY).isoformat()})
    assert "moins d&#39;une semaine" in moussa.reads(path)
    moussa.post(f"{path}/appointments", **fields, **{"propose-day": (TODAY + 8 * DAY).isoformat()})
    with database.transaction() as session:
        [one] = session.scalars(select(Appointment))
        assert (one.state, one.by.startswith("staff:")) == ("PROPOSED", True)
    moussa.post(f"{path}/appointments/{one.id}/move", **{"other-day-day": (TODAY + 9 * DAY).isoformat()})
    with database.transaction() as session:
        new = session.scalars(select(Appointment).where(Appointment.state == "PROPOSED")).one()
        assert session.get_one(Case, files["salifou"]).next_appointment == TODAY + 9 * DAY
    moussa.post(f"{path}/appointments/{new.id}/cancel")
    moussa.post(f"{path}/appointments/{new.id}/cancel")
    assert "déplacé ou retiré entre-temps" in moussa.reads(path)
    assert get(database, new.id).state == "CANCELLED"


def test_who_missed_two_days_is_to_be_called_until_there_is_a_new_day(moussa, database, settings, files, zinder):
    for days in (28, 14):
        one = made(database, settings, files, zinder, TODAY - days * DAY, at=NOON - timedelta(days=days))
        with database.transaction() as session:
            appointments.mark(session, one, False, by="staff:1", at=NOON, today=TODAY)
    assert "À appeler" in moussa.reads("/desk/appointments?office=Zinder")
    made(database, settings, files, zinder, TODAY + DAY)
    assert "À appeler" not in moussa.reads("/desk/appointments?office=Zinder")


def test_the_print_has_no_word_of_what_people_come_for(moussa, database, settings, files, zinder):
    made(database, settings, files, zinder)
    page = moussa.reads("/desk/appointments?office=Zinder")
    assert page.count("retirer le kit") == 1
    assert '<td class="no-print" data-label="Motif">retirer le kit</td>' in page


def test_files_of_other_offices_and_partners_are_not_there(signed_in, moussa, database, settings, files, zinder, cast):
    one = made(database, settings, files, zinder)
    with database.transaction() as session:
        session.get_one(Staff, cast["moussa"]).offices = ["Tahoua"]
    assert SALIFOU not in moussa.reads("/desk/appointments?office=Zinder").replace("-", "")
    assert moussa.post(f"/desk/appointments/{one}/mark", mark="came").status_code == 404
    assert moussa.post("/desk/appointments/999999/mark", mark="came").status_code == 404
    assert moussa.post(f"/desk/cases/{files['salifou']}/appointments/{one}/cancel").status_code == 404
    assert moussa.post(f"/desk/cases/{files['mariama']}/appointments/{one}/cancel").status_code == 404
    zeinabou = signed_in("zeinabou")
    assert zeinabou.get("/desk/appointments").status_code == 404


def test_the_coordinator_keeps_places_and_nobody_else(signed_in, moussa, database, zinder):
    assert moussa.get("/desk/places").status_code == 404
    ousmane = signed_in("ousmane")
    fields = {
        "name": "Office Zinder", "office": "Zinder", "kind": "office", "region": "Zinder", "weekdays": ["1", "2"],
        "opens": "08:00", "closes": "12:00", "capacity": "7", "active": "y",
    }  # fmt: skip
    sent = {f"place-{zinder}-{name}": value for name, value in fields.items()}
    assert ousmane.post("/desk/places", place_id=str(zinder), **sent).status_code == 303
    with database.transaction() as session:
        place = session.get_one(Place, zinder)
        assert (place.weekdays, place.capacity, place.closes.hour) == ([1, 2], 7, 12)
    new = {f"place-{name}": value for name, value in fields.items()}
    assert ousmane.post("/desk/places", **new).status_code == 422, "the name is taken"
    new |= {"place-name": "Mairie", "place-closes": "07:00"}
    assert ousmane.post("/desk/places", **new).status_code == 422
    assert ousmane.post("/desk/places", **new | {"place-closes": "16:00"}).status_code == 303
    assert "Mairie" in ousmane.reads("/desk/places")


def test_a_day_that_is_none_shows_today(moussa, zinder):
    assert "lundi 23 novembre" in moussa.reads("/desk/appointments?office=Zinder&day=soon")
    assert date(2026, 11, 23) == TODAY
