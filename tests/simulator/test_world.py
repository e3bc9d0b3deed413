"""The simulated time, the people, the five pairs of eyes, and the terminal."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from bot.referrals.letters import letter
from bot.simulator import eyes, people, stories
from bot.simulator import time as clock
from bot.simulator.shelf import Shelf
from bot.store.models import Alert, Case, Contact, Duty, Ladder, Message, Referral, Staff

SALIFOU = "+22790001234"
DUE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def cast(database, ciphers):
    """Salifou with a private referral; three staff, Hadiza alerted."""
    with database.transaction() as session:
        key = ciphers.address(SALIFOU)
        contact = Contact(
            digest=key.digest, number_enc=ciphers.encrypt(SALIFOU.encode(), f"contacts|{key.digest}|number".encode())
        )
        session.add(contact)
        staff = [
            Staff(login=login, name=name, role=role, phone_digest=login, languages=[], offices=[], queues=[],
                  phone_enc=ciphers.encrypt(f"+2279000441{n}".encode(), f"staff|{login}|phone".encode()))
            for n, (login, name, role) in enumerate(
                [("moussa", "Moussa Garba", "assistant"), ("hadiza", "Hadiza Oumarou", "protection"),
                 ("zeinabou", "Zeinabou Ali", "coordinator")]
            )
        ]  # fmt: skip
        session.add_all(staff)
        session.flush()
        session.add(Duty(queue="protection", position=1, staff_id=staff[1].id))
        session.add(
            Case(number="482719368", name="Salifou Mai-Dawa", sex="M", contact_id=contact.id, language="fr", region="Tahoua",
                 department="Tahoua", office="Tahoua", stage="TRAINING_WAIT", opened_on=DUE, stage_since=DUE, year_of_birth=1991,
                 vulnerability="none")
        )  # fmt: skip
        session.add(
            Referral(id="r1", ticket="4821737", opened_at=DUE, source="private", level="critical", queue="protection",
                     private=True, channel="ussd", contact_id=contact.id)
        )  # fmt: skip
        session.flush()
        session.add(Ladder(referral_id="r1", rung=1, due_at=DUE))
        session.add(Alert(referral_id="r1", staff_id=staff[1].id, rung=1, code="5093", answer_by=DUE))
        session.add(Message(id="m1", kind="alert", channel="sms", gateway="africastalking", due_at=DUE))
        session.add(Message(id="m2", kind="alert", channel="sms", gateway="africastalking", due_at=DUE, state="sent"))


def test_an_hour_brings_everything_due_an_hour_nearer(database, cast):
    clock.advance(database, 3600)
    with database.transaction() as session:
        assert session.get(Ladder, "r1").due_at == DUE - timedelta(hours=1)
        assert session.query(Alert).one().answer_by == DUE - timedelta(hours=1)
        assert session.get(Referral, "r1").opened_at == DUE - timedelta(hours=1)
        assert session.get(Message, "m1").due_at == DUE - timedelta(hours=1)
        assert session.get(Message, "m2").due_at == DUE


def test_the_fast_clock_runs_sixty_times_and_stops(database, cast, queue_client, ciphers):
    shelf = Shelf(queue_client, ciphers)
    clock.switch(shelf, on=True)
    time.sleep(0.5)
    ahead = clock.tick(shelf, database)
    assert 25 < ahead["offset"] < 70
    with database.transaction() as session:
        assert DUE - session.get(Ladder, "r1").due_at == pytest.approx(
            timedelta(seconds=ahead["offset"]), abs=timedelta(seconds=0.2)
        )
    clock.switch(shelf, on=False)
    time.sleep(0.5)
    assert clock.tick(shelf, database) == {"fast": False, "offset": ahead["offset"]}


def test_several_processes_move_the_clock_once(database, cast, queue_client, ciphers):
    shelf = Shelf(queue_client, ciphers)
    clock.switch(shelf, on=True)
    time.sleep(0.5)
    first, second = clock.tick(shelf, database), clock.tick(Shelf(queue_client, ciphers), database)
    assert first == second


def test_people_are_told_with_what_is_needed_to_try_them(settings, database, ciphers, cast):
    found = people.load(database, ciphers, settings)
    told = {person.first: person.told() for person in found}
    assert [person.first for person in found][:2] == ["Aïchatou", "Salifou"]
    assert (told["Salifou"]["case"], told["Salifou"]["born"], told["Salifou"]["chosen"]) == ("482719368", 1991, False)
    assert told["Aïchatou"]["code"] == "7306"
    assert [person.first for person in found if person.staff] == ["Hadiza", "Moussa", "Zeinabou"]
    assert told["Hadiza"]["duty"] == [letter(settings, "protection")]


def test_the_two_of_the_stories_are_there_without_a_database(settings, ciphers):
    from bot.store.database import Database

    away = Database("postgresql://nobody@127.0.0.1:1/none", connect_timeout=1)
    assert [person.first for person in people.load(away, ciphers, settings)] == ["Salifou", "Aïchatou"]
    away.close()


def seen(database, ciphers, events=(), line=None):
    rows = eyes.look(SALIFOU, events, line or {}, database, ciphers)
    return {row["who"]["en"].split(",")[0]: str(row["sees"]) for row in rows}


def test_moussa_sees_nothing_of_a_private_referral_and_hadiza_does(database, ciphers, cast):
    found = seen(database, ciphers)
    assert "482-1737" in found["Hadiza"]
    assert "482-1737" not in found["Moussa"]
    assert "482-1737" not in found["Zeinabou"]
    assert "482-1737" not in found["A phone thief"]


def test_the_thief_sees_what_is_on_the_phone(database, ciphers, queue_client, cast):
    shelf = Shelf(queue_client, ciphers)
    assert "Nothing" in seen(database, ciphers)["A phone thief"]
    event = shelf.add("message", phone=SALIFOU, channel="sms", text="Il y a du nouveau pour vous.")
    assert "Il y a du nouveau" in seen(database, ciphers, [event])["A phone thief"]
    assert "Il y a du nouveau" in seen(database, ciphers, [event])["The operator"]
    open_line = {"open": True, "screen": "Bienvenue.\n1 Mon dossier"}
    assert "Bienvenue." in seen(database, ciphers, [], open_line)["A phone thief"]


def test_every_story_has_both_languages_and_rules_that_compile():
    found = stories.load()
    assert [story["id"] for story in found] == ["kit", "long", "private", "nobody"]
    for story in found:
        for pair in (story["title"], story["about"], *(step["say"] for step in story["steps"])):
            assert all(pair[language] for language in ("en", "fr"))
