"""Is every part well, and what is set: told to who runs the line, in words, without a secret."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from bot import condition
from bot.config import Settings
from bot.desk import presenting_service
from bot.store import keys
from bot.store.database import Database
from bot.store.models import Message
from bot.stores.clients import store_client

SOON = 3  # seconds, on a busy machine too


@pytest.fixture
def adamou(signed_in):
    return signed_in("adamou")


@pytest.fixture
def well(queue_client):
    """A clock was seen a moment ago."""
    queue_client.set(condition.CLOCK_SEEN, int(datetime(2026, 11, 23, 8, 12, tzinfo=UTC).timestamp()))


def tones(page):
    return page.split("<tr>")[2:]


def part(page, name):
    [row] = [row for row in tones(page) if name in row.split("</td>")[0]]
    return row


def due(database, kind, count, seconds):
    with database.transaction() as session:
        at = datetime.now(UTC) - timedelta(seconds=seconds)
        for place in range(count):
            session.add(
                Message(id=f"{kind}{place}".rjust(32, "0"), kind=kind, channel="sms", gateway="kannel", due_at=at)
            )


def test_what_is_well_says_so_and_renews_itself(adamou, well):
    page = adamou.reads("/desk/service")
    assert 'data-refresh="30"' in page
    assert "répond" in part(page, "Base des conversations")
    assert "à jour" in part(page, "Enregistreur")
    assert "vue 09:12" in part(page, "Horloge")
    assert "aucun ne s’est annoncé" in part(page, "Workers")
    assert "Quelque chose demande votre aide maintenant." in page


def test_the_longest_part_of_the_journal_is_told(adamou, well, redis_client):
    for _ in range(presenting_service.JOURNAL_LONG):
        redis_client.xadd(keys.journal(7), {"e": b"x"})
    redis_client.xadd(keys.journal(8), {"e": b"x"})
    row = part(adamou.reads("/desk/service"), "Enregistreur")
    assert "201 échanges pas encore écrits, 200 dans la plus longue file" in row
    assert "bientôt" in row


def test_small_counts_of_waiting_messages_are_hidden(adamou, well, database):
    due(database, "alert", 1, 400)
    due(database, "reminder", 7, 90)
    page = adamou.reads("/desk/service")
    assert "alerte\xa0: moins de 5, le plus ancien depuis 6 min" in page
    assert "rappel\xa0: 7, le plus ancien depuis 1 min" in page


def test_a_paused_gateway_is_told_with_its_remedy(adamou, well, redis_client):
    redis_client.sadd("pace", "kannel")
    redis_client.hset("pace:{kannel}", mapping={"failures": 5, "pauses": 1, "paused": 1_763_888_400_000, "why": "x"})
    assert "kannel est en pause" in part(adamou.reads("/desk/service"), "kannel")


@pytest.mark.alone
def test_stores_that_are_away_are_said_in_words(adamou, well, services):
    away = store_client("unix:///nowhere/none.sock")
    services.redis_client, services.queue_client = away, away
    began = time.monotonic()
    page = adamou.reads("/desk/service")
    assert time.monotonic() - began < SOON, "who runs the line learns it now, not after time-outs"
    assert "personne n’est servi" in part(page, "Base des conversations")
    assert "quelques secondes plus tard" in part(page, "Base des tâches")


def test_without_postgresql_the_parts_say_so(services):
    services.database = Database("postgresql+psycopg://nobody@127.0.0.1:1/none", connect_timeout=1)
    assert not condition.database_answers(services)
    services.database.close()


@pytest.mark.parametrize("login", ["hadiza", "moussa", "zeinabou"])
def test_who_answers_requests_does_not_run_the_line(signed_in, login):
    reader = signed_in(login)
    assert reader.get("/desk/service").status_code == 404
    assert reader.get("/desk/settings").status_code == 404


def test_the_coordinator_sees_the_service_and_not_the_settings(signed_in):
    ousmane = signed_in("ousmane")
    assert ousmane.get("/desk/service").status_code == 200
    assert ousmane.get("/desk/settings").status_code == 404


def test_settings_are_told_and_secrets_are_not(adamou, services):
    page = adamou.reads("/desk/settings")
    assert "MARABA_SHORT_CODE" in page
    assert "*321#" in page
    assert "the USSD code that people dial" in page
    known = services.settings
    for name in Settings.model_fields:
        value = getattr(known, name)
        if hasattr(value, "get_secret_value") and len(value.get_secret_value()) > 3:
            assert value.get_secret_value() not in page, name
    for address in (known.database_url, known.redis_url, known.queue_url):
        assert address.replace("&", "&amp;") not in page


def test_a_login_inside_an_address_is_left_out(settings):
    told = presenting_service._without_login("http://kannel:geheim@127.0.0.1:13013/x?y=1")
    assert told == "http://127.0.0.1:13013/x?y=1"
