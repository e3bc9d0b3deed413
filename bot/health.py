"""Health and figures: alive, ready, and numbers for whoever watches. Never a number, a name or a text."""

import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import ip_address

import structlog
from flask import Blueprint, Flask, Response, current_app, jsonify, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot import condition
from bot.messages import Delivery
from bot.services import Services
from bot.store.models import Message

health = Blueprint("health", __name__)
log = structlog.get_logger(__name__)


@health.get("/health/live")
def live() -> Response:
    """The process answers."""
    return jsonify(status="live")


@health.get("/health/ready")
def ready() -> tuple[Response, int]:
    """Can people be served? The conversation store must answer; PostgreSQL may be away, and that is said."""
    services = _services()
    found = {
        "conversation_store": condition.conversations_answer(services),
        "database": condition.database_answers(services),
    }
    if found["database"]:
        with services.database.transaction() as session:
            found["no_critical_unanswered"] = condition.critical_unanswered(session) == 0
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
        backlog = condition.backlog(self._services)
        yield _gauge("maraba_journal_entries", "turns not yet in PostgreSQL", sum(backlog.journal) if backlog else -1)
        yield _gauge("maraba_answers_waiting", "answers on their way", sum(backlog.answers) if backlog else -1)
        yield from _gateways(self._services)
        try:
            with self._services.database.transaction() as session:
                for name, what, figure in _FIGURES:
                    yield _gauge(name, what, figure(session))
                waiting = condition.waiting(session)
                yield _gauges(
                    "maraba_outbox_due",
                    "messages whose hour has come, by kind",
                    ("kind",),
                    [((one.kind,), one.count) for one in waiting],
                )
                yield _gauges(
                    "maraba_outbox_oldest_seconds",
                    "age of the one that waits longest since its hour, by kind",
                    ("kind",),
                    [((one.kind,), one.oldest_seconds) for one in waiting],
                )
                for name, what, labels, grouped in _BY_LABEL:
                    rows = session.execute(grouped).all()
                    yield _gauges(name, what, labels, [(tuple(row[:-1]), row[-1]) for row in rows])
        except SQLAlchemyError:
            yield _gauge("maraba_database_away", "1 while PostgreSQL does not answer", 1)


_LAST_MONTH = func.now() - text("interval '30 days'")


def _count(*rules: ColumnElement[bool]) -> Callable[[Session], int]:
    return lambda session: session.scalar(select(func.count()).select_from(Message).where(*rules)) or 0


_FIGURES: tuple[tuple[str, str, Callable[[Session], int]], ...] = (
    ("maraba_ladders_late", "ladder steps overdue by a minute", condition.ladders_late),
    ("maraba_messages_due", "messages that should have left a minute ago",
     _count(Message.state == "queued", Message.due_at < func.now() - text("interval '1 minute'"))),
    ("maraba_quarantined", "journal entries that a human must look at", condition.quarantined),
    ("maraba_messages_unknown", "messages of which nobody knows, and of which staff have not decided",
     _count(Message.state == Delivery.UNKNOWN, Message.settled_at.is_(None), Message.created_at > _LAST_MONTH)),
)  # fmt: skip
_BY_LABEL = (
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
    known = condition.gateways(services)
    of = [((name,), float(standing.paused)) for name, standing in known.items()]
    yield _gauges("maraba_gateway_paused", "1 while a gateway is held back since it keeps failing", ("gateway",), of)
    of = [((name,), float(standing.failures)) for name, standing in known.items()]
    yield _gauges("maraba_gateway_failures", "failures of a gateway in a row", ("gateway",), of)


def _services() -> Services:
    services: Services = current_app.extensions["maraba_services"]
    return services


def _may_read_metrics() -> bool:
    token = _services().settings.metrics_token.get_secret_value()
    if token:
        return hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {token}")
    # Behind a proxy on the same machine everybody comes from loopback: in production only the token opens.
    if not _services().settings.development:
        return False
    return bool(request.remote_addr) and ip_address(str(request.remote_addr)).is_loopback
