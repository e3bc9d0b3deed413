"""Health and figures: alive, ready, and numbers for whoever watches. Never a number, a name or a text."""

import hmac
from collections.abc import Iterator
from ipaddress import ip_address

import redis
import structlog
from flask import Blueprint, Flask, Response, current_app, jsonify, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from bot.services import Services
from bot.store import keys
from bot.store.ciphers import SHARDS
from bot.store.models import Ladder, Message, Quarantined, Referral

health = Blueprint("health", __name__)
log = structlog.get_logger(__name__)
CRITICAL_UNANSWERED_MINUTES = 30


@health.get("/health/live")
def live() -> Response:
    """The process answers."""
    return jsonify(status="live")


@health.get("/health/ready")
def ready() -> tuple[Response, int]:
    """Can people be served? The conversation store must answer; PostgreSQL may be away, and that is said."""
    services = _services()
    found = {"conversation_store": _store_answers(services), "database": _database_answers(services)}
    if found["database"]:
        found["no_critical_unanswered"] = _unanswered(services) == 0
    status = 200 if found["conversation_store"] else 503
    return jsonify(status="ready" if status == 200 else "not ready", checks=found), status


@health.get("/metrics")
def metrics() -> Response:
    """Figures in the text format of Prometheus; with its own token, or from this machine alone."""
    if not _may_read_metrics():
        return Response(b"", status=403)
    registry = CollectorRegistry()
    registry.register(_Figures(_services()))
    return Response(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")


class _Figures:
    """Read anew at each request."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        journal, answers = _backlogs(self._services)
        yield _gauge("maraba_journal_entries", "turns not yet in PostgreSQL", journal)
        yield _gauge("maraba_answers_waiting", "answers on their way", answers)
        try:
            with self._services.database.transaction() as session:
                for name, what, query in _QUERIES:
                    yield _gauge(name, what, session.scalar(query) or 0)
        except SQLAlchemyError:
            yield _gauge("maraba_database_away", "1 while PostgreSQL does not answer", 1)


_QUERIES = (
    ("maraba_ladders_late", "ladder steps overdue by a minute",
     select(func.count()).select_from(Ladder).where(Ladder.due_at < func.now() - text("interval '1 minute'"))),
    ("maraba_messages_due", "messages that should have left a minute ago",
     select(func.count()).select_from(Message).where(
         Message.state == "queued", Message.due_at < func.now() - text("interval '1 minute'"))),
    ("maraba_quarantined", "journal entries that a human must look at",
     select(func.count()).select_from(Quarantined)),
)  # fmt: skip


def register(app: Flask, services: Services) -> None:
    """Add health and metrics."""
    app.extensions["maraba_services"] = services
    app.register_blueprint(health)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)


def _services() -> Services:
    services: Services = current_app.extensions["maraba_services"]
    return services


def _store_answers(services: Services) -> bool:
    try:
        return bool(services.redis_client.ping())
    except redis.RedisError:
        return False


def _database_answers(services: Services) -> bool:
    try:
        with services.database.transaction() as session:
            session.execute(text("select 1"))
    except SQLAlchemyError:
        return False
    return True


def _unanswered(services: Services) -> int:
    """Critical referrals that nobody took for half an hour: red (safety 17)."""
    with services.database.transaction() as session:
        query = select(func.count()).where(
            Referral.state == "new",
            Referral.level == "critical",
            Referral.opened_at < func.now() - text(f"interval '{CRITICAL_UNANSWERED_MINUTES} minutes'"),
        )
        return session.scalar(query) or 0


def _backlogs(services: Services) -> tuple[int, int]:
    pipeline = services.redis_client.pipeline(transaction=False)
    for shard in range(SHARDS):
        pipeline.xlen(keys.journal(shard))
        pipeline.xlen(keys.answers(shard))
    try:
        lengths = pipeline.execute()
    except redis.RedisError:
        return -1, -1
    return sum(lengths[::2]), sum(lengths[1::2])


def _may_read_metrics() -> bool:
    token = _services().settings.metrics_token.get_secret_value()
    if token:
        return hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {token}")
    # Behind a proxy on the same machine everybody comes from loopback: in production only the token opens.
    if not _services().settings.development:
        return False
    return bool(request.remote_addr) and ip_address(str(request.remote_addr)).is_loopback
