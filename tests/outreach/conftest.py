"""A programme with files and phones, and one run of the outreach at a moment that the test chooses."""

from datetime import UTC, date, datetime
from itertools import count
from types import SimpleNamespace

import pytest
from sqlalchemy import inspect, select

from bot.cases import stages
from bot.jobs import outreach
from bot.store.models import Case, Contact, Message, Staff
from bot.text.damm import check_digit

NOON = datetime(2026, 11, 24, 11, tzinfo=UTC)  # Tuesday 12:00 in Niamey


class Programme:
    """Adds files and moves them, reaches out, and looks at what was written; each call is a transaction."""

    def __init__(self, database, ciphers, settings):
        self.database, self.ciphers, self.settings = database, ciphers, settings
        self._next = count(1)

    def phone(self, number="", **fields):
        number = number or f"+22790{next(self._next):06d}"
        digest = self.ciphers.address(number).digest
        encrypted = self.ciphers.encrypt(number.encode(), f"contacts|{digest}|number".encode())
        fields = {"first_seen_at": NOON, "last_seen_at": NOON, "language": "fr"} | fields
        return self.add(Contact(digest=digest, number_enc=encrypted, **fields))

    def file(self, stage="MONITORING", *, phone=None, since=date(2026, 11, 20), **fields):
        digits = f"48271{next(self._next):03d}"
        known = {
            "name": "Salifou Garba", "sex": "M", "language": "ha", "region": "Zinder", "department": "Mirriah",
            "office": "Zinder", "partner": "Taagazt", "opened_on": date(2026, 3, 1), "year_of_birth": 1991,
        }  # fmt: skip
        contact = self.phone() if phone is None else phone
        row = Case(
            number=digits + check_digit(digits), stage=stage, stage_since=since, contact_id=contact or None,
            **known | fields,
        )  # fmt: skip
        return self.add(row)

    def staff(self, login, role="assistant", **fields):
        number = f"+2279111{next(self._next):04d}"
        fields = {"offices": ["Zinder"], "queues": [], "partner": "", "active": True, "language": "fr"} | fields
        row = Staff(
            login=login, name=login.title(), role=role, phone_digest=self.ciphers.address(number).digest,
            phone_enc=self.ciphers.encrypt(number.encode(), f"staff|{login}|phone".encode()), **fields,
        )  # fmt: skip
        return self.add(row)

    def add(self, row):
        with self.database.transaction() as session:
            session.add(row)
            session.flush()
            return row.id

    def move(self, case_id, to, at, *, reason=""):
        with self.database.transaction() as session:
            case = session.get_one(Case, case_id)
            stages.move(session, case, to, by="staff:1", at=at, since=at.date(), reason=reason)

    def change(self, model, row_id, **fields):
        with self.database.transaction() as session:
            row = session.get_one(model, row_id)
            for name, value in fields.items():
                setattr(row, name, value)

    def reach_out(self, at=NOON):
        services = SimpleNamespace(database=self.database, settings=self.settings, ciphers=self.ciphers)
        return outreach.reach_out(services, now=at)

    def rows(self, model, *conditions):
        with self.database.transaction() as session:
            return list(session.scalars(select(model).where(*conditions).order_by(*inspect(model).primary_key)))

    def sent(self, *conditions):
        """Kind, text, moment of what was written to people, in the order of writing."""
        with self.database.transaction() as session:
            found = session.scalars(select(Message).where(Message.contact_id.is_not(None), *conditions))
            return [(one.kind, self._text(one), one.due_at) for one in sorted(found, key=lambda one: one.created_at)]

    def told(self, staff_id):
        with self.database.transaction() as session:
            return [self._text(one) for one in session.scalars(select(Message).where(Message.staff_id == staff_id))]

    def _text(self, message):
        return self.ciphers.decrypt(message.text_enc, f"messages|{message.id}|text".encode()).decode()


@pytest.fixture
def programme(database, ciphers, settings):
    return Programme(database, ciphers, settings)
