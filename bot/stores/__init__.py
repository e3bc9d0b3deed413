"""The embedded stores: private servers that start from Python packages, and the check of stores we are given."""

from bot.stores.embedded import EmbeddedStores, running_urls
from bot.stores.postgres import Postgres
from bot.stores.programs import Program, StartFault
from bot.stores.valkey import UNASKED, Valkey, check_store

__all__ = ["UNASKED", "EmbeddedStores", "Postgres", "Program", "StartFault", "Valkey", "check_store", "running_urls"]
