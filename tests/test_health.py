import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from pydantic import SecretStr

from bot import health
from bot.services import Services
from bot.store import keys, pacing
from bot.store.models import Message, Referral


@pytest.fixture
def client_of():
    made = []

    def client(settings):
        services = Services(settings)
        made.append(services)
        app = Flask("health")
        health.register(app, services)
        return app.test_client()

    yield client
    for services in made:
        services.database.close()
        services.redis_client.close()


def test_a_process_that_answers_is_live(settings, client_of):
    assert client_of(settings).get("/health/live").json == {"status": "live"}


def test_ready_while_the_conversation_store_answers(settings, database, redis_client, client_of):
    answer = client_of(settings).get("/health/ready")
    assert answer.status_code == 200
    assert answer.json["checks"] == {"conversation_store": True, "database": True, "no_critical_unanswered": True}


def test_not_ready_without_the_conversation_store_but_ready_without_the_database(settings, tmp_path, client_of):
    nowhere = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/none"})
    assert client_of(nowhere).get("/health/ready").status_code == 503
    away = settings.model_copy(update={"database_url": f"postgresql://x@/x?host={tmp_path}"})
    answer = client_of(away).get("/health/ready")
    assert answer.status_code == 200
    assert answer.json["checks"]["database"] is False


def test_a_critical_need_without_an_answer_for_half_an_hour_is_red(settings, database, client_of):
    with database.transaction() as session:
        session.add(
            Referral(
                id="a" * 32,
                ticket="4821737",
                opened_at=datetime.now(UTC) - timedelta(minutes=31),
                source="private",
                level="critical",
                queue="protection",
                channel="ussd",
            )
        )
    assert client_of(settings).get("/health/ready").json["checks"]["no_critical_unanswered"] is False


def test_figures_tell_counts_and_nothing_else(settings, database, redis_client, client_of):
    redis_client.xadd(keys.journal(3), {"e": b"x"})
    figures = client_of(settings).get("/metrics").text
    assert "maraba_journal_entries 1.0" in figures
    assert "maraba_quarantined 0.0" in figures


@pytest.fixture
def outbox(database):
    now = datetime.now(UTC)
    rows = [
        {"kind": "alert", "state": "queued", "due_at": now - timedelta(minutes=5)},
        {"kind": "reminder", "state": "queued", "due_at": now + timedelta(hours=5)},
        {"kind": "reply", "state": "unknown"},
        {"kind": "reply", "state": "unknown", "settled_at": now},
        {"kind": "answer", "state": "delivered", "created_at": now - timedelta(days=2)},
    ]
    with database.transaction() as session:
        for n, row in enumerate(rows):
            session.add(Message(**({"id": f"{n:032x}", "channel": "sms", "gateway": "twilio"} | row)))


def test_figures_of_what_waits_and_of_what_nobody_knows(settings, outbox, redis_client, client_of):
    figures = client_of(settings).get("/metrics").text
    assert 'maraba_outbox_due{kind="alert"} 1.0' in figures
    assert 'maraba_outbox_due{kind="reminder"}' not in figures
    assert 300 <= float(re.search(r'oldest_seconds\{kind="alert"\} ([\d.]+)', figures)[1]) < 360
    assert "maraba_messages_unknown 1.0" in figures
    assert 'maraba_messages_day{gateway="twilio",kind="reply",state="unknown"} 2.0' in figures
    assert 'state="delivered"' not in figures


def test_figures_of_a_gateway_that_keeps_failing(settings, redis_client, client_of):
    redis_client.sadd(pacing.NAMES, "twilio", "kannel")
    redis_client.hset(pacing.key("twilio"), mapping={"paused": 4_000_000_000_000, "failures": 5, "why": "http_503"})
    figures = client_of(settings).get("/metrics").text
    assert 'maraba_gateway_paused{gateway="twilio"} 1.0' in figures
    assert 'maraba_gateway_failures{gateway="twilio"} 5.0' in figures
    assert 'maraba_gateway_paused{gateway="kannel"} 0.0' in figures
    assert client_of(settings).get("/health/ready").status_code == 200  # people are served all the same


def test_figures_need_their_token_in_production(settings, client_of):
    production = settings.model_copy(update={"env": "production"})
    assert client_of(production).get("/metrics").status_code == 403
    guarded = client_of(production.model_copy(update={"metrics_token": SecretStr("a-long-token")}))
    assert guarded.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 403
    assert guarded.get("/metrics", headers={"Authorization": "Bearer a-long-token"}).status_code == 200
