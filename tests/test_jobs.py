"""The worker's jobs on real stores; only the gateway is a stand-in."""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from rq import SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import select, update

from bot import jobs
from bot.engine import session as engine
from bot.engine.effects import Terms
from bot.errors import SendError
from bot.gate import Gate
from bot.gateway import Gateway
from bot.jobs import answers, rows
from bot.jobs.handing import SENDERS
from bot.jobs.lane import Lane
from bot.jobs.services import Services
from bot.messages import Sent
from bot.store import keys
from bot.store.journal import Answer, pack_answer, unpack_entry
from bot.store.models import Alert, Contact, Ladder, Message
from bot.stores.clients import store_client
from bot.waking import queue_on, wake
from tests.referrals.conftest import Office

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Phone(Gateway):
    """A gateway: keeps what it was given, does to it what the test says."""

    name = "africastalking"

    def __init__(self):
        self.sent, self.takes, self.fails = [], 0.0, []
        self.now_sending = self.most_at_once = 0
        self._lock = threading.Lock()

    def send(self, message):
        with self._lock:
            self.now_sending += 1
            self.most_at_once = max(self.most_at_once, self.now_sending)
        time.sleep(self.takes)
        with self._lock:
            self.now_sending -= 1
            if self.fails:
                raise self.fails.pop(0)
            self.sent.append(message)
            return Sent(f"ext-{len(self.sent)}", parts=1)


@pytest.fixture
def phone():
    return Phone()


@pytest.fixture
def services(settings, database, redis_client, queue_client, ciphers, phone):
    gate = Gate(settings, {"africastalking": phone}, outgoing_allowed=lambda _name: True)
    with ThreadPoolExecutor(SENDERS) as senders:
        made = Services(settings, database, redis_client, queue_on(queue_client), ciphers, gate, senders)
        jobs.use(made)
        yield made
        jobs.use(None)


@pytest.fixture
def office(database, ciphers, settings):
    return Office(database, ciphers, settings)


def work(services):
    """What one worker does until nothing is left."""
    worker = SimpleWorker([services.queue], connection=services.queue.connection, serializer=JSONSerializer)
    worker.work(burst=True, logging_level="ERROR")


def queued(services, n=1, *, kind="staff", contact_id=None, at=NOON, text="Merci."):
    made = []
    with services.database.transaction() as session:
        for i in range(n):
            message_id = f"{kind}{contact_id or 0:04d}{i:04d}".encode().hex().ljust(32, "0")[:32]
            session.add(
                Message(
                    id=message_id,
                    kind=kind,
                    channel="sms",
                    gateway="africastalking",
                    contact_id=contact_id,
                    staff_id=None,
                    created_at=at + i * SECOND,
                    due_at=at,
                    text_enc=services.ciphers.encrypt(f"{text} {i}".encode(), f"messages|{message_id}|text".encode()),
                )
            )
            made.append(message_id)
    return made


def message(services, message_id):
    with services.database.transaction() as session:
        return session.get_one(Message, message_id)


# --- waking


def test_a_need_becomes_an_sms_by_nothing_but_a_wake_up(services, office, phone):
    office.on_duty("a")
    office.need(at=datetime.now(UTC))
    wake(services.queue, "climb", "some-id")
    work(services)
    assert [m.to for m in phone.sent] == ["+22790000001"]
    with services.database.transaction() as session:
        row = session.scalars(select(Message)).one()
    assert (row.state, row.external_id, row.attempts) == ("sent", "ext-1", 1)


def test_wake_ups_are_json_and_carry_ids_only(services, queue_client):
    wake(queue_client, "send_answers", 7)
    [job_id] = services.queue.get_job_ids()
    raw = queue_client.hget(Job.key_for(job_id), "data")
    import zlib

    assert json.loads(zlib.decompress(raw))[0] == "bot.jobs.send_answers"
    assert json.loads(zlib.decompress(raw))[2] == [7]


def test_a_job_store_that_is_away_is_no_fault_of_whoever_wakes(tmp_path):
    nowhere = store_client(f"unix://{tmp_path}/none.sock")
    wake(nowhere, "climb")  # does not raise


def test_jobs_outlive_the_database_being_away(services, tmp_path):
    from dataclasses import replace

    from bot.store.database import Database

    away = Database(f"postgresql://x@/x?host={tmp_path}", connect_timeout=1)
    jobs.use(replace(services, database=away))
    jobs.climb()
    jobs.send_messages()


# --- a lane of its own


@pytest.mark.alone
def test_what_hangs_in_a_lane_holds_up_nobody_who_wakes_it():
    let_go, runs = threading.Event(), []
    lane = Lane(lambda: runs.append(1) or not let_go.wait(10), every=60)
    lane.start()
    started = time.monotonic()
    for _ in range(100):
        lane.wake()
    assert time.monotonic() - started < 1
    let_go.set()
    until = time.monotonic() + 10
    while len(runs) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    lane.stop(10)
    assert len(runs) == 2  # a hundred wake-ups during one run are one more run


def test_a_lane_looks_by_itself_and_outlives_a_fault():
    runs = []

    def work():
        runs.append(1)
        raise ValueError("a bug")

    lane = Lane(work, every=0.01)
    lane.start()
    until = time.monotonic() + 10
    while len(runs) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    lane.stop(10)
    assert len(runs) >= 3


# --- rows


@pytest.mark.alone
def test_fifty_alerts_leave_at_once_when_the_gateway_takes_300_ms(services, office, phone):
    phone.takes = 0.3
    office.on_duty("a")
    for _ in range(50):
        office.need(at=datetime.now(UTC))
    started = time.monotonic()
    wake(services.queue, "climb")
    work(services)
    assert len(phone.sent) == 50
    assert phone.most_at_once >= 8  # one after the other would take 15 s
    assert time.monotonic() - started < 10  # safety 20, on a busy machine too; quiet ones need two to three


def test_two_workers_send_each_row_once(services, phone):
    ids = queued(services, 40)
    outside = services.settings.model_copy(update={"outside_hotline": "+22720000000"})
    from dataclasses import replace

    with_number = replace(services, settings=outside)
    threads = [threading.Thread(target=rows.send_due, args=(with_number,), kwargs={"now": NOON}) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(m.id for m in phone.sent) == sorted(ids)


KILLED = """
import os, sys
from bot.config import Settings
from bot.gate import Gate
from bot.gateway import Gateway
from bot.jobs import rows
from bot.jobs.services import Services
from dataclasses import replace
class Dying(Gateway):
    def send(self, message):
        os._exit(9)
settings = Settings()
services = Services.of(settings)
gate = Gate(settings, {"africastalking": Dying()}, outgoing_allowed=lambda name: True)
rows.send_due(replace(services, gate=gate))
"""


def test_a_worker_killed_in_the_middle_of_sending_loses_no_alert(services, office, phone):
    """And repeats nothing else: nobody knows whether it left."""
    office.on_duty("a")
    office.need(at=datetime.now(UTC))
    jobs.climb()
    with services.database.transaction() as session:
        staff_id = session.scalars(select(Message.staff_id)).one()
    [other] = queued(services, at=datetime.now(UTC) - SECOND)
    with services.database.transaction() as session:
        session.execute(update(Message).where(Message.id == other).values(staff_id=staff_id))
    urls = {
        f"MARABA_{name.upper()}": getattr(services.settings, name)
        for name in ("database_url", "redis_url", "queue_url")
    }
    died = subprocess.run([sys.executable, "-c", KILLED], env={**os.environ, **urls}, check=False, timeout=60)
    assert died.returncode == 9
    with services.database.transaction() as session:
        assert set(session.scalars(select(Message.state))) == {"sending"}
    rows.send_due(services)
    assert phone.sent == []  # the lease holds
    later = datetime.now(UTC) + rows.LEASE + SECOND
    rows.send_due(services, now=later)
    assert len(phone.sent) == 1
    assert "CRITIQUE" in phone.sent[0].text
    assert message(services, other).state == "unknown"
    rows.send_due(services, now=later + timedelta(hours=1))
    assert len(phone.sent) == 1


def alert(services, office):
    """One alert, waiting to leave; its message id."""
    office.on_duty("a")
    office.on_duty("b")
    office.need(at=NOON)
    [message_id] = jobs.ladder.climb(services.database, now=NOON, settings=services.settings, ciphers=services.ciphers)
    return message_id


def test_an_alert_that_fails_once_is_silence_at_once_and_is_tried_again_soon(services, office, phone):
    message_id = alert(services, office)
    phone.fails = [SendError("503", retryable=True), SendError("503", retryable=True)]
    assert rows.send_due(services, now=NOON).climb
    assert NOON + 1.5 * SECOND <= message(services, message_id).due_at <= NOON + 2 * SECOND
    rows.send_due(services, now=NOON + 2 * SECOND)
    rows.send_due(services, now=NOON + 6 * SECOND)
    assert message(services, message_id).state == "sent"
    with services.database.transaction() as session:
        assert session.scalars(select(Ladder.why)).one() == "failed"


def test_an_alert_that_cannot_be_sent_wakes_the_next_person_at_once(services, office, phone):
    message_id = alert(services, office)
    phone.fails = [SendError("21211")]
    assert rows.send_due(services, now=NOON).climb
    assert message(services, message_id).state == "failed"
    jobs.ladder.climb(services.database, now=NOON, settings=services.settings, ciphers=services.ciphers)
    with services.database.transaction() as session:
        assert len(session.scalars(select(Alert)).all()) == 2


def test_an_alert_of_unknown_fate_is_sent_again_with_the_same_code_a_note_is_not(services, office, phone):
    alert(services, office)
    phone.fails = [SendError("timeout", unknown=True)]
    rows.send_due(services, now=NOON)
    rows.send_due(services, now=NOON + 3 * SECOND)
    assert len(phone.sent) == 1
    contact = office.contact()
    phone.fails = [SendError("timeout", unknown=True)]
    [note] = queued(services, contact_id=contact)
    rows.send_due(services, now=NOON + 5 * SECOND)
    rows.send_due(services, now=NOON + timedelta(hours=1))
    assert message(services, note).state == "unknown"
    assert len(phone.sent) == 1


def test_an_alert_that_somebody_took_meanwhile_is_not_told(services, office, phone):
    message_id = alert(services, office)
    with services.database.transaction() as session:
        session.execute(update(Alert).values(open=False))
    rows.send_due(services, now=NOON)
    assert (message(services, message_id).state, message(services, message_id).reason) == ("withheld", "answered")
    assert phone.sent == []


def test_messages_of_one_contact_leave_in_order_even_when_the_first_waits(services, office, phone):
    ids = queued(services, 3, kind="staff", contact_id=office.contact())
    phone.fails = [SendError("503", retryable=True)]
    rows.send_due(services, now=NOON)
    assert phone.sent == []
    rows.send_due(services, now=NOON + 4 * SECOND)
    assert [m.id for m in phone.sent] == ids


def test_pauses_grow_and_end(services, office, phone):
    [note] = queued(services, contact_id=office.contact())
    phone.fails = [SendError("503", retryable=True) for _ in range(100)]
    at, pauses = NOON, []
    while message(services, note).state == "queued":
        rows.send_due(services, now=at)
        row = message(services, note)
        pauses.append((row.due_at - at).total_seconds())
        at = max(row.due_at, at + SECOND)
    assert all(0.75 * whole <= found <= whole for found, whole in zip(pauses, [2, 4, 8, 16, 32], strict=False))
    assert len(set(pauses[10:20])) > 1  # what failed together does not return together
    assert row.state == "failed"
    assert at - NOON < timedelta(hours=2, minutes=10)


def test_a_recipient_who_must_not_be_written_to_is_remembered(services, office, phone):
    contact = office.contact()
    [note] = queued(services, contact_id=contact)
    phone.fails = [SendError("21610", suppress=True)]
    rows.send_due(services, now=NOON)
    with services.database.transaction() as session:
        assert session.get_one(Contact, contact).blocked == ["sms"]
    assert message(services, note).state == "failed"


def test_a_push_to_someone_who_said_stop_ends_withheld(services, office, phone):
    contact = office.contact()
    with services.database.transaction() as session:
        session.get_one(Contact, contact).stopped = ["sms"]
    [push] = queued(services, kind="reminder", contact_id=contact)
    rows.send_due(services, now=NOON)
    assert (message(services, push).state, message(services, push).reason) == ("withheld", "stopped")


@pytest.mark.parametrize(("channel", "reason"), [("sms", "no_number"), ("whatsapp", "")])
def test_an_id_of_whatsapp_is_written_to_by_whatsapp_alone(services, office, phone, channel, reason):
    [note] = queued(services, contact_id=office.contact("whatsapp:NE.0000001"))
    with services.database.transaction() as session:
        session.get_one(Message, note).channel = channel
    rows.send_due(services, now=NOON)
    assert message(services, note).reason == reason
    assert [sent.to for sent in phone.sent] == ([] if reason else ["whatsapp:NE.0000001"])


def test_a_stop_that_is_not_recorded_yet_is_a_stop(services, office, phone):
    number, ciphers = "+22790001234", services.ciphers
    key = keys.contact(ciphers.address(number))
    stopped = msgspec.msgpack.encode(engine.Contact(stopped=("sms",)))
    services.conversations.set(key, ciphers.encrypt(stopped, key.encode()))
    [push] = queued(services, kind="reminder", contact_id=office.contact(number))
    [note] = queued(services, contact_id=office.contact("+22790005555"))
    rows.send_due(services, now=NOON)
    assert (message(services, push).state, message(services, push).reason) == ("withheld", "stopped")
    assert message(services, note).state == "sent"


def test_a_push_waits_while_nobody_can_say_whether_it_was_stopped(services, office, phone):
    number = "+22790001234"
    services.conversations.set(keys.contact(services.ciphers.address(number)), b"unreadable")
    [push] = queued(services, kind="reminder", contact_id=office.contact(number))
    rows.send_due(services, now=NOON)
    assert (message(services, push).state, phone.sent) == ("queued", [])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"private": True}, "too_old"),
        ({"queue": "sealed", "sealed": True}, "too_old"),
        ({"minor": True}, "too_old"),
        ({}, "too_old"),
        ({"terms": Terms(may_call=True)}, "terms"),
        ({"terms": Terms(may_call=True, text=True)}, ""),
    ],
)
def test_what_a_machine_may_write_about_a_request(services, office, phone, fields, reason):
    contact = office.contact()
    referral = office.need(contact_id=contact, **fields)
    [push] = queued(services, kind="reminder", contact_id=contact)
    with services.database.transaction() as session:
        session.get_one(Message, push).referral_id = referral
    rows.send_due(services, now=NOON)
    state = {"too_old": "expired", "terms": "withheld", "": "sent"}[reason]
    assert (message(services, push).state, message(services, push).reason or "") == (state, reason)


def test_a_fault_in_a_gateway_module_is_recorded_as_unknown(services, office, phone):
    [note] = queued(services, contact_id=office.contact())
    phone.fails = [KeyError("sid")]
    rows.send_due(services, now=NOON)
    assert (message(services, note).state, message(services, note).reason) == ("unknown", "KeyError")


# --- answers


def answered(services, number="+22790001234", n=1, *, at=NOON, first=0):
    """Put answers on their way, as the commit of a turn does; returns shard and ids."""
    address = services.ciphers.address(number)
    ids = []
    for i in range(first, first + n):
        answer = Answer(
            id=services.ciphers.turn_id(number, f"m{i}"),
            turn=services.ciphers.turn_id(number, f"t{i}"),
            gateway="africastalking",
            channel="sms",
            digest=address.digest,
            number=number,
            text=f"Bonjour {i}",
            at=round(at.timestamp() * 1000),
        )
        services.conversations.xadd(keys.answers(address.shard), {"e": pack_answer(answer, services.ciphers)})
        ids.append(answer.id.hex())
    return address.shard, ids


def journal(services, shard):
    entries = services.conversations.xrange(keys.journal(shard))
    return [unpack_entry(fields[b"e"], services.ciphers) for _, fields in entries]


def send(services, shard, after=0.0):
    return answers.send_waiting(services, [shard], now=NOON.timestamp() + after)


def test_an_answer_leaves_and_its_end_is_in_the_journal(services, phone):
    shard, [message_id] = answered(services)
    assert send(services, shard) == 1
    assert [m.text for m in phone.sent] == ["Bonjour 0"]
    assert services.conversations.xlen(keys.answers(shard)) == 0
    [entry] = journal(services, shard)
    [effect] = entry.effects
    assert (entry.kind, effect.message, effect.state, effect.external_id) == ("sent", message_id, "sent", "ext-1")
    assert services.ciphers.decrypt(effect.text, f"messages|{message_id}|text".encode()) == b"Bonjour 0"
    assert send(services, shard, 5) == 0


def test_answers_of_one_address_keep_their_order_at_many_workers(services, phone):
    phone.takes = 0.02
    shard, ids = answered(services, n=8)
    threads = [threading.Thread(target=send, args=(services, shard)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    send(services, shard, 1)
    assert [m.id for m in phone.sent] == ids


def test_an_answer_that_must_wait_holds_back_the_next_of_its_address_only(services, phone):
    shard, _ = answered(services, n=2)
    other = next(
        n for n in (f"+2279000{i:04d}" for i in range(2000, 9000)) if services.ciphers.address(n).shard == shard
    )
    phone.fails = [SendError("503", retryable=True)]
    assert send(services, shard) == 0
    answered(services, other)
    assert send(services, shard, 1) == 1
    assert send(services, shard, 2) == 2
    assert [m.text for m in phone.sent] == ["Bonjour 0", "Bonjour 0", "Bonjour 1"]
    assert phone.sent[0].to == other


def test_an_answer_whose_sender_died_is_unknown_and_never_repeated(services, phone):
    shard, [message_id] = answered(services)
    services.conversations.set(keys.claim(shard, bytes.fromhex(message_id)), f"s{round(NOON.timestamp() * 1000)}")
    assert send(services, shard, 59) == 0
    assert send(services, shard, 61) == 1
    assert phone.sent == []
    assert [entry.effects[0].state for entry in journal(services, shard)] == ["unknown"]


def test_an_answer_of_two_hours_ago_is_dropped_and_told(services, phone):
    shard, _ = answered(services)
    assert send(services, shard, 7201) == 1
    assert phone.sent == []
    assert [entry.effects[0].state for entry in journal(services, shard)] == ["expired"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (SendError("21610", suppress=True), "failed"),
        (SendError("timeout", unknown=True), "unknown"),
        (OSError(), "unknown"),
    ],
)
def test_what_did_not_leave_is_settled_all_the_same(services, phone, error, state):
    shard, _ = answered(services)
    phone.fails = [error]
    assert send(services, shard) == 1
    assert [entry.effects[0].state for entry in journal(services, shard)] == [state]


@pytest.mark.parametrize("suppress", [True, False])
def test_a_block_at_the_gateway_is_told_with_the_end_of_the_answer(services, phone, suppress):
    phone.fails = [SendError("21610", suppress=suppress)]
    shard, _ = answered(services)
    answers.send_waiting(services, [shard], now=NOON.timestamp())
    [(_, fields)] = services.conversations.xrange(keys.journal(shard))
    [effect] = unpack_entry(fields[b"e"], services.ciphers).effects
    assert (effect.state, effect.blocked) == ("failed", suppress)


def test_an_unreadable_answer_holds_up_nobody(services, phone):
    shard, _ = answered(services)
    services.conversations.xadd(keys.answers(shard), {"e": b"\x01" + b"x" * 60})
    send(services, shard)
    assert len(phone.sent) == 1
    assert services.conversations.xlen(keys.answers(shard)) == 0


def test_answers_need_no_database(services, phone, tmp_path):
    from dataclasses import replace

    from bot.store.database import Database

    away = replace(services, database=Database(f"postgresql://x@/x?host={tmp_path}", connect_timeout=1))
    shard, _ = answered(services)
    assert answers.send_waiting(away, [shard], now=NOON.timestamp()) == 1


def test_a_conversation_store_that_is_away_is_survived(services, tmp_path):
    from dataclasses import replace

    nowhere = store_client(f"unix://{tmp_path}/none.sock")
    assert answers.send_waiting(replace(services, conversations=nowhere), [3]) == 0


def test_nothing_personal_stands_in_keys_or_plain_values(services, phone, office):
    office.on_duty("a")
    office.need(at=datetime.now(UTC))
    shard, _ = answered(services, at=datetime.now(UTC))
    wake(services.queue, "climb")
    wake(services.queue, "send_answers", shard)
    work(services)
    assert len(phone.sent) == 2
    for client in (services.conversations, services.queue.connection):
        for key in client.scan_iter():
            dumped = key + (client.dump(key) or b"")
            assert b"90001234" not in dumped
            assert b"Bonjour" not in dumped
