"""The cast at the desk: Hadiza and Aïcha (protection), Moussa (assistant), Zeinabou (focal point of sealed requests)."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from bot import desk
from bot.config import ROOT, Settings
from bot.content.screens import Constants, Content
from bot.desk import passwords
from bot.engine.effects import Terms
from bot.gateway import Gateway
from bot.referrals.terms import write_terms
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.store.models import Alert, Case, Contact, Duty, Ladder, Referral, ReferralEvent, Staff, Ticket
from handlers import registry

CONTENT = Content.read(ROOT, Constants("*321#"))
PASSWORD = "five mangoes in a basket"
QUICK = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
NOON = datetime(2026, 11, 23, 8, 12, tzinfo=UTC)  # Monday, 09:12 in Niamey
MORNING = Terms(may_call=True, window="morning")
EVENING = Terms(may_call=True, window="evening")
REFUSED = Terms(may_call=False)
SALIFOU, MARIAMA = "482719368", "591028466"  # numbers of their files


@dataclass
class Services:
    """What the application gives the desk; remembers what was woken."""

    settings: Settings
    database: Database
    ciphers: Ciphers
    redis_client: Redis
    queue_client: Redis
    gateways: dict[str, Gateway]
    woken: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def content(self) -> Content:
        return CONTENT

    def wake(self, name: str, *ids: str) -> None:
        self.woken.append((name, *ids))


class Hands:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class Reader:
    """Somebody of the staff with a browser."""

    client: FlaskClient

    def get(self, path: str, **more: object) -> TestResponse:
        return self.client.get(path, **more)

    def reads(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def post(self, path: str, *, on: str = "/desk/find", **fields: object) -> TestResponse:
        """Send a form as the page `on` would, with its token."""
        return self.client.post(path, data={"csrf_token": self.token(on), **fields})

    def token(self, page: str = "/desk/find") -> str:
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.client.get(page).text)
        assert found
        return found[1]

    def signs_in(self, login: str, password: str = PASSWORD) -> TestResponse:
        fields = {"csrf_token": self.token("/desk/sign-in"), "login": login, "password": password}
        return self.client.post("/desk/sign-in", data=fields)


def untokened(page: str) -> str:
    """A page without its CSRF tokens, which change with each second."""
    return re.sub(r'(name="csrf_token"[^>]*value=")[^"]+', r"\1", page)


@pytest.fixture(autouse=True, scope="session")
def _quick_argon():
    """The same algorithm with less work: these tests sign in two hundred times."""
    costly, passwords._hasher = passwords._hasher, QUICK
    yield
    passwords._hasher = costly


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def services(
    settings: Settings, database: Database, ciphers: Ciphers, redis_client: Redis, queue_client: Redis
) -> Services:
    production = settings.model_copy(update={"env": "production", "second_factor": "offered"})
    gateways = registry.build(production, production.gateways)
    return Services(production, database, ciphers, redis_client, queue_client, gateways)


class Standing:
    """The one application of a process, for two hundred pages and their templates cost a while to build.

    It asks this for its services: whatever stands behind the test that runs.
    """

    def __init__(self) -> None:
        self.of_test: Services | None = None
        self.hands = Hands()
        self.app = Flask("maraba")
        self.app.testing = True
        self.config: dict[str, object] = {}

    def __getattr__(self, name: str) -> object:
        return getattr(self.of_test, name)

    def now(self) -> datetime:
        return self.hands()

    def behind(self, services: Services, hands: Hands) -> Flask:
        """The application, as new."""
        self.of_test, self.hands = services, hands
        if not self.config:
            desk.register(self.app, self, clock=self.now)
            self.app.config["SESSION_COOKIE_SECURE"] = False  # the test client speaks http
            self.config.update(self.app.config)
        self.app.config.clear()
        self.app.config.update(self.config)
        return self.app


@pytest.fixture(scope="session")
def standing() -> Standing:
    return Standing()


@pytest.fixture
def app(services: Services, hands: Hands, standing: Standing) -> Flask:
    return standing.behind(services, hands)


@pytest.fixture
def visitor(app: Flask) -> Reader:
    return Reader(app.test_client())


@pytest.fixture(scope="session")
def password_hash() -> str:
    return QUICK.hash(PASSWORD)


@pytest.fixture
def cast(database: Database, ciphers: Ciphers, password_hash: str) -> dict[str, int]:
    """Login to staff id; Aïcha comes after Hadiza in the duty list."""
    people = [
        ("hadiza", "Hadiza", "protection"),
        ("aicha", "Aïcha", "protection"),
        ("moussa", "Moussa", "assistant"),
        ("zeinabou", "Zeinabou", "psea_focal"),
        ("ousmane", "Ousmane", "coordinator"),
        ("adamou", "Adamou", "admin"),
    ]
    with database.transaction() as session:
        staff = [
            Staff(
                login=login, name=name, role=role, password_hash=password_hash, active=True, language="fr",
                phone_enc=ciphers.encrypt(b"+22790009999", f"staff|{login}|phone".encode()),
            )
            for login, name, role in people
        ]  # fmt: skip
        session.add_all(staff)
        session.flush()
        found = {one.login: one.id for one in staff}
        for place, login in enumerate(("hadiza", "aicha"), start=1):
            session.add(Duty(queue="protection", position=place, staff_id=found[login]))
        return found


@pytest.fixture
def signed_in(app: Flask, cast: dict[str, int]) -> Callable[[str], Reader]:
    def sign_in(login: str) -> Reader:
        reader = Reader(app.test_client())
        assert reader.signs_in(login).status_code == 302
        return reader

    return sign_in


@pytest.fixture
def hadiza(signed_in: Callable[[str], Reader]) -> Reader:
    return signed_in("hadiza")


@pytest.fixture
def moussa(signed_in: Callable[[str], Reader]) -> Reader:
    return signed_in("moussa")


@pytest.fixture
def zeinabou(signed_in: Callable[[str], Reader]) -> Reader:
    return signed_in("zeinabou")


@pytest.fixture
def amina(database: Database, ciphers: Ciphers) -> int:
    """Amina's phone, as a contact id."""
    number = "+22790006511"
    digest = ciphers.address(number).digest
    with database.transaction() as session:
        contact = Contact(
            digest=digest,
            number_enc=ciphers.encrypt(number.encode(), f"contacts|{digest}|number".encode()),
            language="ha",
        )
        session.add(contact)
        session.flush()
        return contact.id


@pytest.fixture
def files(database, amina):
    """Salifou, of Zinder, on Amina's phone; Mariama, of Tahoua, without a phone. Name to id."""
    shared = {"sex": "M", "language": "ha", "region": "Zinder", "department": "Mirriah", "project_type": "individual"}
    with database.transaction() as session:
        rows = [
            Case(
                number=number, name=name, office=office, partner=partner, contact_id=contact, stage=stage,
                opened_on=date(2026, 5, 4), stage_since=date(2026, 9, 1), year_of_birth=1990,
                vulnerability=flag, **shared,
            )
            for number, name, office, partner, contact, stage, flag in (
                (SALIFOU, "Salifou Gàrba", "Zinder", "Taagazt", amina, "TRAINING_WAIT", "protection"),
                (MARIAMA, "Mariama Garba", "Tahoua", "Ondes Apil", None, "NOT_ELIGIBLE", "none"),
            )
        ]  # fmt: skip
        session.add_all(rows)
        session.flush()
        return {"salifou": rows[0].id, "mariama": rows[1].id}


@pytest.fixture
def opened(database: Database, ciphers: Ciphers, cast: dict[str, int], amina: int, hands: Hands):
    """Open a referral as a turn would; returns its id. `by`: login of who accepted it, `told`: of who was alerted."""

    def open_one(
        ticket: str,
        *,
        queue: str = "protection",
        level: str = "critical",
        terms: Terms | None = None,
        by: str | None = None,
        told: str | None = None,
        text: str = "",
        due_in: float | None = 8,
        ago: float = 7,
        **more: object,
    ) -> str:
        referral_id = ticket.rjust(32, "a")
        at = hands() - timedelta(minutes=ago)
        row = Referral(
            **{
                "id": referral_id, "ticket": ticket, "opened_at": at, "source": "menu", "code": None, "level": level,
                "queue": queue, "channel": "ussd", "language": "ha", "contact_id": amina, "office": "",
                "state": "accepted" if by else "new", "accepted_by": cast.get(by or ""), "accepted_at": at if by else None,
                "private": False, "sealed": queue == "sealed", "minor": False, "call_now": False,
            }
            | more
        )  # fmt: skip
        if terms is not None:
            write_terms(row, terms, ciphers=ciphers)
        due = None if due_in is None else hands() + timedelta(minutes=due_in)
        with database.transaction() as session:
            session.add(row)
            session.flush()
            session.add(Ticket(number=ticket, referral_id=referral_id, issued_at=at))
            session.add(Ladder(referral_id=referral_id, rung=1 if told or by else 0, round=0, due_at=due, why="opened"))
            session.add(ReferralEvent(referral_id=referral_id, at=at, kind="opened", detail={"level": level}))
            if text:
                kept = ciphers.encrypt(text.encode(), f"referrals|{referral_id}|text".encode())
                session.add(ReferralEvent(referral_id=referral_id, at=at, kind="wrote", text_enc=kept, detail={}))
            if told:
                session.add(
                    Alert(
                        referral_id=referral_id,
                        staff_id=cast[told],
                        rung=1,
                        round=0,
                        code="5093",
                        told_at=at,
                        open=not by,
                    )
                )
        return referral_id

    return open_one
