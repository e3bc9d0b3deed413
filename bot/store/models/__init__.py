"""The tables of PostgreSQL. Migrations in store/migrations; SQL that many places need in store/*.py.

Encrypted columns end in `_enc` (bytes from `Ciphers.encrypt`, place = `table|id|column`).
All times are UTC. Ids of referrals and turns come from the turn id, so recording twice changes nothing.
"""

from bot.store.models.base import Base
from bot.store.models.contacts import Case, Contact, OptOut, StageChange
from bot.store.models.data import (
    ApiAnswer,
    ApiToken,
    ColumnMapping,
    ImportChange,
    ImportFault,
    ImportPart,
    ImportRun,
)
from bot.store.models.messages import DeliveryReport, GatewayCheck, Message, MessageAlert, Recording
from bot.store.models.referrals import Alert, Consent, Flag, Ladder, Referral, ReferralEvent, SealedBox, Ticket
from bot.store.models.staff import Absence, Audit, Duty, ReaderKey, Shift, Staff, StaffSession
from bot.store.models.turns import Quarantined, ShardPosition, Turn, TurnSeen

__all__ = [
    "Absence",
    "Alert",
    "ApiAnswer",
    "ApiToken",
    "Audit",
    "Base",
    "Case",
    "ColumnMapping",
    "Consent",
    "Contact",
    "DeliveryReport",
    "Duty",
    "Flag",
    "GatewayCheck",
    "ImportChange",
    "ImportFault",
    "ImportPart",
    "ImportRun",
    "Ladder",
    "Message",
    "MessageAlert",
    "OptOut",
    "Quarantined",
    "ReaderKey",
    "Recording",
    "Referral",
    "ReferralEvent",
    "SealedBox",
    "ShardPosition",
    "Shift",
    "Staff",
    "StaffSession",
    "StageChange",
    "Ticket",
    "Turn",
    "TurnSeen",
]
