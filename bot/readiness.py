"""What forbids a process to start in production, looked up in the stores themselves; all faults at once."""

import redis
import structlog
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from bot.config import Settings
from bot.errors import ConfigError
from bot.referrals import staffing
from bot.store import migrate
from bot.stores import UNASKED, check_store
from bot.stores.clients import store_client

log = structlog.get_logger(__name__)


def require(settings: Settings, *, process: str) -> None:
    """Raise ConfigError with every fault. Development does not ask: `maraba up` has just made its own stores.

    A store that is away is no fault: the process starts and waits for it, as it would when the store went later.
    Short duty lists stop `web` only: recorder, worker and clock must go on for what was already promised.
    """
    found = _store_faults(settings)
    found += _schema_faults(settings)
    if process == "web":
        found += _duty_faults(settings)
        _tell_of_keys(settings)
    if found:
        raise ConfigError("\n".join(found))


def _store_faults(settings: Settings) -> list[str]:
    client = store_client(settings.redis_url, timeout=2.0)
    try:
        found = check_store(client)
    except redis.RedisError:
        log.warning("conversation_store_away", remedy="start it; this process goes on as soon as it answers")
        return []
    finally:
        client.close()
    if UNASKED in found:
        log.warning("store_not_checked", reason=UNASKED)
    return [line for line in found if line != UNASKED]


def _schema_faults(settings: Settings) -> list[str]:
    try:
        pending = migrate.pending(settings.database_url)
    except OperationalError:
        log.warning("database_away", remedy="start it; this process goes on as soon as it answers")
        return []
    return ["the database has not this release's tables; run `maraba migrate`"] if pending else []


def _duty_faults(settings: Settings) -> list[str]:
    try:
        return staffing.faults(settings)
    except SQLAlchemyError:  # away, or not migrated, which was told already
        return []


def _tell_of_keys(settings: Settings) -> None:
    """No fault: the readers make their keys at the desk, which must run for that."""
    try:
        readers, holders = staffing.sealed_keys(settings)
    except SQLAlchemyError:  # away, or not migrated, which was told already
        return
    if readers < 2:
        remedy = "the focal points make their keys at the desk, under My key; until one has, requests are not sealed"
        log.warning("too_few_readers_of_sealed_requests", with_keys=readers, needed=2, remedy=remedy)
    if not holders:
        log.warning("no_recovery_of_sealed_requests", remedy="name two holders with `maraba sealed holders`")
