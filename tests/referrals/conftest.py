"""The cast of the referrals: who is on duty, and needs to tell them about."""

from datetime import UTC, datetime
from itertools import count

import pytest
from sqlalchemy import select, text

from bot.engine.effects import OpenReferral
from bot.referrals.writing import open_referral
from bot.store.models import Alert, Contact, Duty, Ladder, Message, Referral, ReferralEvent, Staff

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)  # Tuesday 12:00 in Niamey
TURN = "00" * 16


class Office:
    """Adds people and needs, and looks at what became of them; each call is a transaction."""

    def __init__(self, database, ciphers, settings):
        self.database, self.ciphers, self.settings = database, ciphers, settings
        self._next = count(1)

    def on_duty(self, login, role="protection", queue="protection", *, office="", position=None, **fields):
        """A person with a phone and a place in the duty list; returns the id."""
        number = f"+2279000{next(self._next):04d}"
        with self.database.transaction() as session:
            staff = Staff(
                login=login,
                name=login.title(),
                role=role,
                phone_digest=self.ciphers.address(number).digest,
                phone_enc=self.ciphers.encrypt(number.encode(), f"staff|{login}|phone".encode()),
                **{"language": "fr", "queues": [], "offices": [], "partner": "", "active": True} | fields,
            )
            session.add(staff)
            session.flush()
            if queue:
                place = position if position is not None else staff.id
                session.add(Duty(queue=queue, office=office, position=place, staff_id=staff.id))
            return staff.id

    def contact(self, number="+22790001234"):
        digest = self.ciphers.address(number).digest
        with self.database.transaction() as session:
            row = Contact(
                digest=digest, number_enc=self.ciphers.encrypt(number.encode(), f"contacts|{digest}|number".encode())
            )
            session.add(row)
            session.flush()
            return row.id

    def need(self, *, at=NOON, office="", contact_id=None, case_id=None, turn=TURN, **fields):
        """Open a referral; returns its id."""
        n = next(self._next)
        fields = {"queue": "protection", "level": "critical"} | fields
        effect = OpenReferral(id=f"{n:032x}", ticket=f"{4820000 + n}", **fields)
        with self.database.transaction() as session:
            open_referral(
                session,
                effect,
                at=at,
                turn=turn,
                channel="ussd",
                contact_id=contact_id,
                case_id=case_id,
                office=office,
                ciphers=self.ciphers,
            )
        return effect.id

    def referral(self, referral_id):
        with self.database.transaction() as session:
            return session.get_one(Referral, referral_id)

    def ladder(self, referral_id):
        with self.database.transaction() as session:
            return session.get_one(Ladder, referral_id)

    def alerts(self, referral_id=None):
        with self.database.transaction() as session:
            wanted = select(Alert).order_by(Alert.id)
            return list(session.scalars(wanted.where(Alert.referral_id == referral_id) if referral_id else wanted))

    def events(self, referral_id):
        with self.database.transaction() as session:
            wanted = select(ReferralEvent.kind).where(ReferralEvent.referral_id == referral_id)
            return list(session.scalars(wanted.order_by(ReferralEvent.id)))

    def texts(self, staff_id=None, kind=None):
        """What was queued for somebody, oldest first."""
        with self.database.transaction() as session:
            written = text("xmin::text::bigint, cmin::text::bigint")  # by transaction and step: places are used again
            wanted = select(Message).order_by(Message.created_at, written)
            return [
                self.ciphers.decrypt(m.text_enc, f"messages|{m.id}|text".encode()).decode()
                for m in session.scalars(wanted)
                if (staff_id is None or m.staff_id == staff_id) and (kind is None or m.kind == kind)
            ]

    def digest_of(self, staff_id):
        with self.database.transaction() as session:
            return session.get_one(Staff, staff_id).phone_digest


@pytest.fixture
def office(database, ciphers, settings):
    return Office(database, ciphers, settings)
