"""The sender as a whole, by the real library over HTTP: a gateway in a bad mood, a day without one, a killed worker."""

import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, update

from bot import jobs
from bot.gate import Gate
from bot.jobs import answers, rows
from bot.jobs.handing import MOST, SENDERS
from bot.jobs.pace import Paces
from bot.jobs.services import Services
from bot.kinds import Kind
from bot.store import keys
from bot.store.ciphers import SHARDS
from bot.store.journal import Answer, pack_answer, unpack_entry
from bot.store.models import Contact, Message
from bot.waking import queue_on
from handlers import africastalking
from handlers.africastalking import AfricasTalking
from tests.machine import COUNTRY
from tests.referrals.conftest import Office
from tests.standin.moody import WAYS, Moody

pytestmark = pytest.mark.slow

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
HOTLINE = "+22720000000"


@pytest.fixture
def office(database, ciphers, settings):
    return Office(database, ciphers, settings)


@contextmanager
def sender(settings, database, redis_client, queue_client, ciphers):
    """A worker's services, towards the gateway that the settings name."""
    gateways = {"africastalking": AfricasTalking(settings)}
    pace = Paces(settings, redis_client)
    gate = Gate(settings, gateways, outgoing_allowed=lambda _name: True, pace=pace)
    with ThreadPoolExecutor(SENDERS) as senders:
        yield Services(settings, database, redis_client, queue_on(queue_client), ciphers, gate, senders, gateways)


@pytest.fixture
def moody():
    with Moody() as gateway:
        yield gateway


@pytest.fixture
def services(settings, database, redis_client, queue_client, ciphers, moody):
    there = settings.model_copy(update={"africastalking_api_url": moody.url, "outside_hotline": HOTLINE})
    with sender(there, database, redis_client, queue_client, ciphers) as made:
        yield made


def number(n):
    return f"+2279{n:07d}"


def queue_rows(services, kinds, *, referral_id=None):
    """Rows of these kinds, each to somebody of their own; alerts and notes to the hotline. Broadcasts share a text."""
    ciphers, people, texts = services.ciphers, [], []
    for n, kind in enumerate(kinds):
        message_id, words = f"{n:032x}", "Bonjour a tous" if kind is Kind.BROADCAST else f"Bonjour {n}"
        to_staff = kind in {Kind.ALERT, Kind.STAFF}
        if not to_staff:
            digest = ciphers.address(number(n)).digest
            enc = ciphers.encrypt(number(n).encode(), f"contacts|{digest}|number".encode())
            people.append({"id": n + 1, "digest": digest, "number_enc": enc})
        texts.append(
            {
                "id": message_id,
                "kind": kind,
                "channel": "sms",
                "gateway": "africastalking",
                "contact_id": None if to_staff else n + 1,
                "referral_id": referral_id if kind is Kind.ALERT else None,
                "text_enc": ciphers.encrypt(words.encode(), f"messages|{message_id}|text".encode()),
                "created_at": NOON,
                "due_at": NOON,
            }
        )
    with services.database.transaction() as session:
        if people:
            session.execute(insert(Contact), people)
        session.execute(insert(Message), texts)


def queue_answers(services, numbers):
    with services.conversations.pipeline(transaction=False) as asked:
        for n in numbers:
            address, made = services.ciphers.address(number(n)), services.ciphers.turn_id("answers", str(n))
            at = round(NOON.timestamp() * 1000)
            answer = Answer(made, made, "africastalking", "sms", address.digest, number(n), f"Reponse {n}", at=at)
            asked.xadd(keys.answers(address.shard), {"e": pack_answer(answer, services.ciphers)})
        asked.execute()


def ends_of_answers(services):
    """State by address digest, from the journal."""
    found = {}
    for shard in range(SHARDS):
        for _, fields in services.conversations.xrange(keys.journal(shard)):
            entry = unpack_entry(fields[b"e"], services.ciphers)
            assert entry.digest not in found, "an answer ended twice"
            found[entry.digest] = entry.effects[0].state
    return found


def waiting_answers(services):
    return sum(services.conversations.xlen(keys.answers(shard)) for shard in range(SHARDS))


def queued_rows(services):
    with services.database.transaction() as session:
        return session.scalar(select(func.count()).where(Message.state.in_(("queued", "sending"))))


def rows_by_state(services):
    with services.database.transaction() as session:
        return Counter(session.scalars(select(Message.state)))


MANY = COUNTRY // 10  # messages: 10,000 in `make country`, else a tenth of them, still several handfuls of MOST
SHARES = {Kind.ALERT: 0.03, Kind.STAFF: 0.07, Kind.REPLY: 0.15, Kind.REMINDER: 0.15, Kind.BROADCAST: 0.1}
ANSWERS = range(100_000, 100_000 + MANY // 2)


@pytest.mark.alone
def test_a_great_many_messages_to_a_gateway_that_fails_a_fifth_of_all_calls(services, office, moody, monkeypatch):
    monkeypatch.setattr(africastalking, "TIMEOUT", (1.0, 0.4))
    moody.failing, moody.patience = 0.2, 0.8
    kinds = [kind for kind, share in SHARES.items() for _ in range(round(share * MANY))]
    queue_rows(services, kinds, referral_id=office.need())
    queue_answers(services, ANSWERS)
    at, began = NOON, time.monotonic()
    while queued_rows(services) or waiting_answers(services):
        rows.send_due(services, now=at)
        answers.send_waiting(services, range(SHARDS), now=at.timestamp())
        at += timedelta(seconds=10)
        assert at < NOON + timedelta(hours=3), "what is due must leave or end"
    took = time.monotonic() - began
    with services.database.transaction() as session:
        found = session.execute(select(Message.id, Message.kind, Message.state, Message.contact_id)).all()
    ends = [
        (kind, state, moody.taken[number(contact - 1), _words(kind, int(row, 16))] if contact else
         moody.taken[HOTLINE, f"Bonjour {int(row, 16)}"])
        for row, kind, state, contact in found
    ]  # fmt: skip
    states = ends_of_answers(services)
    ends += [
        ("answer", states[services.ciphers.address(number(n)).digest], moody.taken[number(n), f"Reponse {n}"])
        for n in ANSWERS
    ]
    _print(ends, moody, took)
    assert len(ends) == MANY
    assert all(moody.ways[way] for way in WAYS)
    for kind, state, taken in ends:
        if kind == Kind.ALERT:
            assert taken >= (state == "sent")
            assert state in {"sent", "unknown"}
        else:
            assert (state, taken) in {("sent", 1), ("unknown", 0), ("unknown", 1)}
    assert sum(state == "unknown" for _, state, _ in ends) < MANY / 4, "doubt is for the calls that were cut"


def _words(kind, n):
    return "Bonjour a tous" if kind == Kind.BROADCAST else f"Bonjour {n}"


def _print(ends, moody, took):
    print(f"{MANY} messages in {took:.0f} s; calls: {dict(moody.ways)}")
    for kind in sorted({kind for kind, _, _ in ends}):
        of_kind = Counter((state, min(taken, 2)) for one, state, taken in ends if one == kind)
        print(f"  {kind:10}", ", ".join(f"{state} (taken {n}): {many}" for (state, n), many in sorted(of_kind.items())))


# --- a day without a gateway


def test_after_a_day_without_a_gateway_nothing_is_lost_and_nothing_wrong_is_said(
    settings, database, redis_client, queue_client, ciphers, office
):
    """Noon to noon; alerts go on through their ladder, a reminder of this afternoon does not."""
    with Moody() as gone:
        there = settings.model_copy(update={"africastalking_api_url": gone.url, "outside_hotline": HOTLINE})
    office.on_duty("a")
    office.need(at=NOON)
    with sender(there, database, redis_client, queue_client, ciphers) as services:
        queue_rows(services, [Kind.REMINDER, Kind.REMINDER, Kind.BROADCAST, Kind.STAFF, Kind.REPLY])
        _appointment(services, 0, NOON + timedelta(hours=4))
        queue_answers(services, ANSWERS[:300])
        for minutes in range(0, 24 * 60, 30):
            _everything(services, NOON + timedelta(minutes=minutes))
        with Moody() as moody:
            back = there.model_copy(update={"africastalking_api_url": moody.url})
            with sender(back, database, redis_client, queue_client, ciphers) as again:
                for minutes in range(0, 36, 6):
                    _everything(again, NOON + timedelta(hours=24, minutes=minutes))
            states = _states(services)
            said = Counter(words.split()[0] for (_, words), _ in moody.taken.items())
    assert states == {0: "expired", 1: "sent", 2: "sent", 3: "expired", 4: "sent"}
    assert Counter(ends_of_answers(services).values()) == {"expired": 300}
    assert said["Bonjour"] == 3, moody.taken
    assert any("CRITIQUE" in words for _, words in moody.taken), "the ladder still tells somebody"


def _appointment(services, n, at):
    with services.database.transaction() as session:
        session.execute(update(Message).where(Message.id == f"{n:032x}").values(expires_at=at))


def _everything(services, at):
    jobs.ladder.climb(services.database, now=at, settings=services.settings, ciphers=services.ciphers)
    rows.send_due(services, now=at)
    answers.send_waiting(services, range(SHARDS), now=at.timestamp())


def _states(services):
    with services.database.transaction() as session:
        found = session.execute(select(Message.id, Message.state).where(Message.kind != Kind.ALERT)).all()
    return {int(row, 16): state for row, state in found}


# --- a worker that is killed

KILLED = """
from bot.config import Settings
from bot.jobs import answers, rows
from bot.jobs.services import Services
from bot.store.ciphers import SHARDS
from datetime import datetime
services, at = Services.of(Settings()), datetime.fromisoformat("{at}")
{work}
"""


@pytest.mark.parametrize("what", ["rows", "answers"])
def test_a_worker_killed_amid_a_bulk_sends_nothing_twice_and_leaves_little_in_doubt(services, moody, what):
    if what == "rows":
        queue_rows(services, [Kind.REPLY] * 1500)
        work = "while True: rows.send_due(services, now=at)"
    else:
        queue_answers(services, range(1500))
        work = "while True: answers.send_waiting(services, range(SHARDS), now=at.timestamp())"
    _kill_after(services, moody, KILLED.format(at=NOON.isoformat(), work=work), taken=400)
    before = moody.taken.total()
    assert 400 <= before < 1500
    for seconds in (0, 61, 125):
        rows.send_due(services, now=NOON + timedelta(seconds=seconds))
        answers.send_waiting(services, range(SHARDS), now=NOON.timestamp() + seconds)
    states = rows_by_state(services) if what == "rows" else Counter(ends_of_answers(services).values())
    print(f"{what}: {before} taken when the worker was killed, then {dict(states)}")
    assert max(moody.taken.values()) == 1
    assert set(states) <= {"sent", "unknown"}
    assert states.total() == 1500
    assert states["unknown"] <= MOST
    assert moody.taken.total() >= states["sent"]


def _kill_after(services, moody, program, *, taken):
    """Run it in a process of its own, and end that without a word."""
    names = ("database_url", "redis_url", "queue_url", "africastalking_api_url")
    settings = {f"MARABA_{name.upper()}": getattr(services.settings, name) for name in names}
    process = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, **settings})
    until = time.monotonic() + 60
    while moody.taken.total() < taken and time.monotonic() < until:
        time.sleep(0.002)
    process.kill()
    process.wait(10)
    time.sleep(0.2)  # what was in the socket arrives
