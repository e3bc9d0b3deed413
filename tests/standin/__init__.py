"""A stand-in for the gateways: their API for the real client libraries, and their hooks for the service.

`StandIn` listens as the gateways' API do; the callers send hooks as the gateways do,
with each one's own way of repeating. All keep journals that survive kill -9 of whoever runs them.
"""

from tests.standin.callers import AfricasTalkingCaller, Exchange, MetaCaller, TwilioCaller, UssdCall
from tests.standin.journal import read_journal
from tests.standin.received import Received
from tests.standin.server import StandIn

__all__ = [
    "AfricasTalkingCaller",
    "Exchange",
    "MetaCaller",
    "Received",
    "StandIn",
    "TwilioCaller",
    "UssdCall",
    "read_journal",
]
