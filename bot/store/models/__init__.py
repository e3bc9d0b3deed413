"""The tables of PostgreSQL. Migrations in store/migrations; SQL that many places need in store/*.py.

Encrypted columns end in `_enc` (bytes from `Ciphers.encrypt`, place = `table|id|column`).
All times are UTC. Ids of referrals and turns come from the turn id, so recording twice changes nothing.
"""

from bot.store.models.appointments import Appointment, AppointmentEvent, Place
from bot.store.models.base import Base
from bot.store.models.broadcasts import Broadcast, BroadcastRecipient, StageTime
from bot.store.models.community import (
    Activity,
    ActivitySession,
    Attendance,
    CommitteeMember,
    Community,
    CommunityChoice,
    Participant,
    Proposal,
    ProposalEvent,
    ProposalFollower,
    Tension,
    TensionAnswer,
)
from bot.store.models.contacts import Case, Contact, OptOut, StageChange
from bot.store.models.data import (
    ApiAnswer,
    ApiToken,
    ColumnMapping,
    ImportChange,
    ImportFault,
    ImportPart,
    ImportRow,
    ImportRun,
)
from bot.store.models.groups import BookLine, BookMark, CommunityGroup, Goal, GoalPayment, GroupMember
from bot.store.models.messages import DeliveryReport, GatewayCheck, Message, MessageAlert, Recording
from bot.store.models.outreach import CheckIn, ContactAttempt, LateFile, LostContact, NumberChange, StageNews
from bot.store.models.process import (
    Enrolment,
    Kit,
    Project,
    ProjectMember,
    StageProposal,
    Training,
    TrainingDay,
    Visit,
)
from bot.store.models.referrals import Alert, Consent, Flag, Ladder, Referral, ReferralEvent, SealedBox, Ticket
from bot.store.models.staff import Absence, Audit, Duty, KnownDevice, ReaderKey, Shift, Staff, StaffSession
from bot.store.models.turns import Quarantined, ShardPosition, Turn, TurnSeen

__all__ = [
    "Absence",
    "Activity",
    "ActivitySession",
    "Alert",
    "ApiAnswer",
    "ApiToken",
    "Appointment",
    "AppointmentEvent",
    "Attendance",
    "Audit",
    "Base",
    "BookLine",
    "BookMark",
    "Broadcast",
    "BroadcastRecipient",
    "Case",
    "CheckIn",
    "ColumnMapping",
    "CommitteeMember",
    "Community",
    "CommunityChoice",
    "CommunityGroup",
    "Consent",
    "Contact",
    "ContactAttempt",
    "DeliveryReport",
    "Duty",
    "Enrolment",
    "Flag",
    "GatewayCheck",
    "Goal",
    "GoalPayment",
    "GroupMember",
    "ImportChange",
    "ImportFault",
    "ImportPart",
    "ImportRow",
    "ImportRun",
    "Kit",
    "KnownDevice",
    "Ladder",
    "LateFile",
    "LostContact",
    "Message",
    "MessageAlert",
    "NumberChange",
    "OptOut",
    "Participant",
    "Place",
    "Project",
    "ProjectMember",
    "Proposal",
    "ProposalEvent",
    "ProposalFollower",
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
    "StageNews",
    "StageProposal",
    "StageTime",
    "Tension",
    "TensionAnswer",
    "Ticket",
    "Training",
    "TrainingDay",
    "Turn",
    "TurnSeen",
    "Visit",
]
