"""Assamaka: its committee, its women's group, and phones that ask and order as a turn does."""

import secrets
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bot.acting import Acting
from bot.asking import Asking
from bot.community import communities
from bot.community.acting import ACTS
from bot.community.asking import ASKED
from bot.community.telling import Teller
from bot.engine.effects import OpenReferral, Terms
from bot.referrals.terms import write_terms
from bot.referrals.writing import open_referral
from bot.store.attempts import Attempts
from bot.store.models import CommunityGroup, Contact, GroupMember, Message, Referral, Staff

NOW = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)  # Tuesday noon in Niamey
CODE = "7306"
MINUTE = timedelta(minutes=1)


class Assamaka:
    """The world of these tests. Each call is a transaction; `now` is the clock of phones and committee."""

    def __init__(self, database, redis_client, ciphers, settings):
        self.database, self.ciphers, self.settings = database, ciphers, settings
        self.attempts = Attempts(redis_client, ciphers)
        self.now = NOW
        self.zone = ZoneInfo(settings.timezone)
        self.teller = Teller(lambda key, language: f"{key} {language}".strip(), settings, ciphers)
        self._turns = count(1)
        with database.transaction() as session:
            self.mariama = self._staff(session, "mariama", "coordinator")
            self.rakia = self._staff(session, "rakia", "community_focal")
            session.flush()
            community = communities.found(session, self.mariama, "Assamaka", "", NOW)
            communities.seat(session, self.mariama, community, "rakia", True, NOW)
            self.community_id = community.id
        self.id = str(self.community_id)

    @staticmethod
    def _staff(session, login, role):
        staff = Staff(
            login=login, name=login.title(), role=role, language="fr", queues=[], offices=[], partner="", active=True
        )
        session.add(staff)
        return staff

    def staff(self, login, role):
        with self.database.transaction() as session:
            return self._staff(session, login, role)

    def group(self, *officers, members=(), heads=0, name="Femmes du centre"):
        """A group with a code, its officers and members by phone; returns its id as conversations know it."""
        with self.database.transaction() as session:
            group = CommunityGroup(community_id=self.community_id, name=name, heads=heads, created_at=NOW)
            session.add(group)
            session.flush()
            group.code_hmac = self.ciphers.code(f"group|{group.id}", CODE)
            for place, phone in enumerate((*officers, *members)):
                role = "officer" if phone in officers else "member"
                row = GroupMember(
                    group_id=group.id, digest=phone.digest, number=str(1000 + place), role=role, asked_at=NOW
                )
                session.add(row)
            return str(group.id)

    def phone(self, number):
        return Phone(self, number)

    def turn(self):
        return next(self._turns).to_bytes(16, "big")

    def need(self, phone, *, at=None, terms=None, **fields):
        """A request of this phone; returns its id."""
        at = at or self.now
        fields = {"queue": "community", "code": "TEN", "level": "normal", "id": secrets.token_hex(16)} | fields
        effect = OpenReferral(ticket=f"{4820000 + next(self._turns)}", **fields)
        with self.database.transaction() as session:
            open_referral(
                session, effect, at=at, turn="00" * 16, channel="ussd", contact_id=phone.contact(), case_id=None,
                office="", ciphers=self.ciphers,
            )  # fmt: skip
            if terms is not None:
                write_terms(session.get_one(Referral, effect.id), terms, ciphers=self.ciphers)
        return effect.id

    def texts(self):
        """What waits to leave: contact and words, oldest first."""
        with self.database.transaction() as session:
            return [
                (row.contact_id, self.ciphers.decrypt(row.text_enc, f"messages|{row.id}|text".encode()).decode())
                for row in session.scalars(select(Message).order_by(Message.created_at, Message.id))
            ]


class Phone:
    """Asks and orders as the turn of a conversation does."""

    def __init__(self, world, number):
        self.world, self.number = world, number
        self.digest = world.ciphers.address(number).digest
        self.channel = "ussd"

    def ask(self, what, turn=None, at=None, **values):
        world = self.world
        with world.database.engine.begin() as connection:
            asking = Asking(
                connection, values, self.digest, self.channel, turn or world.turn(), at or world.now, world.ciphers,
                world.zone, world.attempts,
            )  # fmt: skip
            return ASKED[what](asking)

    def act(self, what, turn=None, text="", **values):
        world = self.world
        contact_id = self.contact()
        with world.database.transaction() as session:
            acting = Acting(
                session, values, contact_id=contact_id, channel=self.channel, at=world.now,
                turn=(turn or world.turn()).hex(), text=text, ciphers=world.ciphers, settings=world.settings,
            )  # fmt: skip
            ACTS[what](acting)

    def contact(self):
        """The contact that the recorder makes of it."""
        with self.world.database.transaction() as session:
            row = session.scalars(select(Contact).where(Contact.digest == self.digest)).first()
            if row is None:
                place = f"contacts|{self.digest}|number".encode()
                row = Contact(digest=self.digest, number_enc=self.world.ciphers.encrypt(self.number.encode(), place))
                session.add(row)
                session.flush()
            return row.id

    def open(self, group, code=CODE):
        return self.ask("open_group", group=group, code=code).outcome


@pytest.fixture
def world(database, redis_client, ciphers, settings):
    return Assamaka(database, redis_client, ciphers, settings)


@pytest.fixture
def hadjara(world):
    return world.phone("+22790001001")


@pytest.fixture
def mariam(world):
    return world.phone("+22790001002")


@pytest.fixture
def amina(world):
    return world.phone("+22790001003")


ANY_TIME = Terms(may_call=True)
