"""The API as another system meets it: keys of some scopes, three cases, a clock."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask

from bot import api
from bot.data import tokens
from bot.store.models import Case, Contact, Place

SALIFOU, MARIAMA, HIDDEN = "482719368", "502719485", "591028466"
NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)  # a Monday


class Clock:
    def __init__(self):
        self.at = NOON

    def __call__(self):
        return self.at

    def forward(self, **by):
        self.at += timedelta(**by)


@dataclass
class Services:
    settings: object
    database: object
    ciphers: object
    redis_client: object
    woken: list = field(default_factory=list)

    def wake(self, name, *ids):
        self.woken.append((name, *ids))


@dataclass
class System:
    """Another system with its key."""

    client: object
    secret: str

    def __call__(self, method, path, body=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        more = {"json": body} if body is not None else {}
        asked = {"Authorization": f"Bearer {self.secret}"} | named
        return self.client.open(f"/api/v1{path}", method=method, headers=asked, **more)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def app(settings, database, ciphers, redis_client, clock):
    app = Flask("maraba")
    app.testing = True
    app.config["MAX_CONTENT_LENGTH"] = 256 * 1024
    api.register(app, Services(settings, database, ciphers, redis_client), clock=clock)
    return app


@pytest.fixture
def key(database, ciphers, clock, app):
    """Make a key; `scopes` empty: all."""

    def key(name="case-system", *, scopes=(), offices=(), days=90):
        with database.transaction() as session:
            secret = tokens.make(
                session, name, scopes=list(scopes or tokens.SCOPES), days=days, offices=list(offices), ciphers=ciphers,
                now=clock(), staff_id=None,
            )  # fmt: skip
        return System(app.test_client(), secret)

    return key


@pytest.fixture
def cases(database, ciphers):
    """Salifou and Mariama of Zinder, somebody of Tahoua."""
    number = "+22790006511"
    digest = ciphers.address(number).digest
    shared = {
        "sex": "M", "language": "ha", "region": "Zinder", "department": "Mirriah", "project_type": "individual",
        "opened_on": date(2026, 5, 4), "stage_since": date(2026, 9, 1), "year_of_birth": 1990,
        "vulnerability": "protection",
    }  # fmt: skip
    with database.transaction() as session:
        kept = ciphers.encrypt(number.encode(), f"contacts|{digest}|number".encode())
        contact = Contact(digest=digest, number_enc=kept, stopped=["sms"])
        session.add(contact)
        session.add(Place(office="Zinder", name="Office Zinder", kind="office", region="Zinder", capacity=1))
        session.flush()
        session.add_all(
            [
                Case(number=SALIFOU, name="Salifou", office="Zinder", partner="Taagazt", stage="TRAINING_WAIT",
                     contact_id=contact.id, **shared),
                Case(number=MARIAMA, name="Mariama", office="Zinder", stage="KIT_READY", **shared),
                Case(number=HIDDEN, name="Hidden", office="Tahoua", stage="MONITORING", **shared),
            ]
        )  # fmt: skip
