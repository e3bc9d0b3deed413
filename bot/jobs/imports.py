"""Work on what the desk ordered: files of cases, one after the other, in a lane that holds up nothing else."""

from datetime import UTC, datetime

import structlog

from bot.data import carrying_out
from bot.jobs.services import Services

log = structlog.get_logger(__name__)


def work(services: Services) -> bool:
    """One import to its end; True where more may wait. Raises what SQLAlchemy raises when PostgreSQL is away."""
    run = carrying_out.next_due(
        services.database, settings=services.settings, ciphers=services.ciphers, now=lambda: datetime.now(UTC)
    )
    if run is not None:
        log.info("import_worked_on", run=run.id, order=run.state)
    return run is not None
