from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from pydantic import SecretStr

from bot import health
from bot.services import Services
from bot.store import keys
from bot.store.models import Referral


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


def test_figures_need_their_token_in_production(settings, client_of):
    production = settings.model_copy(update={"env": "production"})
    assert client_of(production).get("/metrics").status_code == 403
    guarded = client_of(production.model_copy(update={"metrics_token": SecretStr("a-long-token")}))
    assert guarded.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 403
    assert guarded.get("/metrics", headers={"Authorization": "Bearer a-long-token"}).status_code == 200
