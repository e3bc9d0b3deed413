"""Production refuses what would lose messages."""

import pytest
import redis
from sqlalchemy import text

from bot import readiness
from bot.errors import ConfigError
from bot.store import migrate
from bot.stores import Valkey


@pytest.fixture
def production(settings):
    return settings.model_copy(update={"env": "production"})


@pytest.fixture
def durable(tmp_path):
    """Changes to the settings for a store of its own that loses nothing."""
    store = Valkey("conversation", folder=tmp_path / "v", socket=tmp_path / "v.sock", durable=True)
    store.start()
    yield {"redis_url": store.url}
    store.stop()


@pytest.fixture
def careless(durable):
    """It may lose a second."""
    with redis.Redis.from_url(durable["redis_url"]) as client:
        client.config_set("appendfsync", "everysec")
    return durable


def test_recorder_worker_and_clock_start_on_good_stores(production, database, durable):
    for process in ("recorder", "worker", "clock"):
        readiness.require(production.model_copy(update=durable), process=process)


def test_web_refuses_queues_with_fewer_than_two_people(production, database, redis_client):
    with pytest.raises(ConfigError):
        readiness.require(production, process="web")


def test_a_careless_store_is_refused(production, database, careless):
    with pytest.raises(ConfigError, match="appendfsync everysec"):
        readiness.require(production.model_copy(update=careless), process="recorder")


def test_unmigrated_tables_are_refused_with_the_command_to_run(production, database, redis_client):
    with database.transaction() as session:
        session.execute(text("DELETE FROM alembic_version"))
    try:
        with pytest.raises(ConfigError, match="run `maraba migrate`"):
            readiness.require(production, process="worker")
    finally:
        with database.transaction() as session:
            session.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": migrate.newest()})


def test_a_store_that_refuses_to_be_asked_is_only_a_warning(production, database, redis_client):
    redis_client.execute_command("ACL", "SETUSER", "closed", "on", "nopass", "~*", "+@all", "-config")
    try:
        url = production.redis_url.replace("unix://", "unix://closed:any@")
        assert redis.Redis.from_url(url).ping()
        readiness.require(production.model_copy(update={"redis_url": url}), process="recorder")
    finally:
        redis_client.execute_command("ACL", "DELUSER", "closed")


def test_stores_that_are_away_do_not_stop_a_process_from_waiting_for_them(production, tmp_path):
    away = {"redis_url": f"unix://{tmp_path}/none", "database_url": f"postgresql://x@/x?host={tmp_path}"}
    readiness.require(production.model_copy(update=away), process="recorder")
