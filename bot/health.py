"""Health and figures: alive, ready, and numbers for whoever watches. Never a number, a name or a text."""

import hmac
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address

import redis
import structlog
from flask import Blueprint, Flask, Response, current_app, jsonify, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from bot.messages import Delivery
from bot.services import Services
from bot.store import keys, pacing
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
        yield from _gateways(self._services)
        try:
            with self._services.database.transaction() as session:
                for name, what, query in _QUERIES:
                    yield _gauge(name, what, session.scalar(query) or 0)
                for name, what, labels, grouped in _BY_LABEL:
                    rows = session.execute(grouped).all()
                    yield _gauges(name, what, labels, [(tuple(row[:-1]), row[-1]) for row in rows])
        except SQLAlchemyError:
            yield _gauge("maraba_database_away", "1 while PostgreSQL does not answer", 1)


_LAST_MONTH = func.now() - text("interval '30 days'")
_QUERIES = (
    ("maraba_ladders_late", "ladder steps overdue by a minute",
     select(func.count()).select_from(Ladder).where(Ladder.due_at < func.now() - text("interval '1 minute'"))),
    ("maraba_messages_due", "messages that should have left a minute ago",
     select(func.count()).select_from(Message).where(
         Message.state == "queued", Message.due_at < func.now() - text("interval '1 minute'"))),
    ("maraba_quarantined", "journal entries that a human must look at",
     select(func.count()).select_from(Quarantined)),
    ("maraba_messages_unknown", "messages of which nobody knows, and of which staff have not decided",
     select(func.count()).select_from(Message).where(
         Message.state == Delivery.UNKNOWN, Message.settled_at.is_(None), Message.created_at > _LAST_MONTH)),
)  # fmt: skip
_DUE = (Message.state == Delivery.QUEUED, Message.due_at <= func.now())
_BY_LABEL = (
    ("maraba_outbox_due", "messages whose hour has come, by kind", ("kind",),
     select(Message.kind, func.count()).where(*_DUE).group_by(Message.kind)),
    ("maraba_outbox_oldest_seconds", "age of the one that waits longest since its hour, by kind", ("kind",),
     select(Message.kind, func.extract("epoch", func.now() - func.min(Message.due_at)))
     .where(*_DUE).group_by(Message.kind)),
    ("maraba_messages_day", "messages of the last 24 hours, by gateway, kind and where they stand",
     ("gateway", "kind", "state"),
     select(Message.gateway, Message.kind, Message.state, func.count())
     .where(Message.created_at > func.now() - text("interval '1 day'"))
     .group_by(Message.gateway, Message.kind, Message.state)),
)  # fmt: skip


def register(app: Flask, services: Services) -> None:
    """Add health and metrics."""
    app.extensions["maraba_services"] = services
    app.register_blueprint(health)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)


def _gauges(name: str, what: str, labels: Sequence[str], values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    gauge = GaugeMetricFamily(name, what, labels=labels)
    for of, value in values:
        gauge.add_metric(of, float(value))
    return gauge


def _gateways(services: Services) -> Iterator[Metric]:
    """Nothing while the conversation store is away: that is said elsewhere."""
    try:
        known = pacing.standings(services.redis_client)
    except redis.RedisError:
        return
    of = [((name,), float(standing.paused)) for name, standing in known.items()]
    yield _gauges("maraba_gateway_paused", "1 while a gateway is held back since it keeps failing", ("gateway",), of)
    of = [((name,), float(standing.failures)) for name, standing in known.items()]
    yield _gauges("maraba_gateway_failures", "failures of a gateway in a row", ("gateway",), of)


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
