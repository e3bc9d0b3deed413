"""Gateways that a file describes (docs/described-gateways.md): a new aggregator needs no Python."""

from handlers.described.gateway import Described, is_allowed
from handlers.described.spec import Description, read

__all__ = ["Described", "Description", "is_allowed", "read"]
