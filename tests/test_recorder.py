"""The recorder on real stores: once, in order, nothing lost, nothing held up."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import redis
from sqlalchemy import event, func, select, text

from bot.engine.effects import (
    AnswerSent,
    OpenReferral,
    Report,
    ShowStatus,
    StaffAnswer,
    Terms,
    UpdateReferral,
)
from bot.recorder import Recorder, Recording, backlog, record_shard
from bot.recorder import batch as batch_module
from bot.recorder.loop import BLOCK
from bot.recorder.shards import Shares
from bot.referrals import ladder
from bot.referrals.staffing import NewStaff, add_staff
from bot.store import keys
from bot.store.deliveries import advance
from bot.store.journal import Entry, NewerSchema, pack_entry
from bot.store.models import (
    Alert,
    Case,
    Contact,
    DeliveryReport,
    Ladder,
    Message,
    Quarantined,
    Referral,
    ReferralEvent,
    ShardPosition,
    StageChange,
    Ticket,
    Turn,
    TurnSeen,
)
from bot.text.damm import valid
from handlers.africastalking import AfricasTalking
from handlers.twilio import Twilio
from tests.machine import eventually

PHONE = "+22790001234"
AT = 1_763_712_000_000
REASONS = {"africastalking": AfricasTalking.reasons, "twilio": Twilio.reasons}


class Journal:
    """Writes entries as turns do, and records them."""

    def __init__(self, client, database, ciphers, settings):
        self.client, self.database, self.ciphers, self.settings = client, database, ciphers, settings
        self.woken, self.refilled = [], []
        self.recording = Recording(
            client,
            ciphers,
            settings,
            reasons=REASONS,
            wake=lambda job, ids: self.woken.append((job, ids)),
            refill=lambda digest, contact: self.refilled.append((digest, contact)),
        )

    def shard(self, phone=PHONE):
        return self.ciphers.address(phone).shard

    def turn(self, n):
        return self.ciphers.turn_id("africastalking", f"m{n}")

    def says(self, n, *effects, phone=PHONE, words="", field=None, **changes):
        turn = self.turn(n)
        place = f"{turn.hex()}|text".encode()
        values = {
            "turn": turn,
            "kind": "message",
            "at": AT + n,
            "gateway": "africastalking",
            "channel": "ussd",
            "digest": self.ciphers.address(phone).digest,
            "number": phone,
            "before": "menu.menu",
            "after": "need.kind",
            "text": self.ciphers.encrypt(words.encode(), place) if words else b"",
            "replies": (("need.kind", {"case": "x"}),),
            "effects": effects,
        } | changes
        entry = Entry(**values)
        self.client.xadd(keys.journal(self.shard(phone)), {"e": field or pack_entry(entry, self.ciphers)})
        return turn.hex()

    def record(self, phone=PHONE):
        with self.database.engine.connect() as connection:
            return record_shard(self.recording, connection, self.shard(phone))

    def all(self, model):
        with self.database.transaction() as session:
            return list(session.scalars(select(model)))

    def one(self, model):
        (row,) = self.all(model)
        return row

    def left(self, phone=PHONE):
        return self.client.xlen(keys.journal(self.shard(phone)))


@pytest.fixture
def journal(redis_client, database, ciphers, settings):
    return Journal(redis_client, database, ciphers, settings)


def opens(n=1, **changes):
    values = {"id": f"{n:032x}", "ticket": f"{n:07d}", "queue": "protection", "level": "critical", "code": "THR"}
    return OpenReferral(**(values | changes))


def test_a_turn_is_recorded_with_its_contact_and_deleted(journal, ciphers):
    turn = journal.says(1, words="bonjour", contact={"language": "ha", "consent": "yes", "stopped": ["sms"]})
    assert journal.record() == 1
    assert journal.left() == 0
    row, contact = journal.one(Turn), journal.one(Contact)
    assert (row.id, row.kind, row.before, row.after, row.contact_id) == (
        turn, "message", "menu.menu", "need.kind", contact.id,
    )  # fmt: skip
    assert row.replies == [["need.kind", {"case": "x"}]]
    assert ciphers.decrypt(row.text_enc, f"{turn}|text".encode()) == b"bonjour"
    assert (contact.language, contact.consent, contact.stopped) == ("ha", "yes", ["sms"])
    assert ciphers.decrypt(contact.number_enc, f"contacts|{contact.digest}|number".encode()) == PHONE.encode()
    assert contact.last_seen_at == datetime.fromtimestamp((AT + 1) / 1000, UTC)


def test_the_position_follows_the_last_entry(journal):
    journal.says(1)
    last = journal.client.xadd(keys.journal(journal.shard()), {"e": b"\x01unreadable"})
    journal.record()
    assert journal.one(ShardPosition).last_id == last.decode()


def test_the_same_turn_again_changes_nothing(journal):
    for _ in range(2):
        journal.says(1, opens())
    journal.record()
    journal.says(1, opens())
    journal.record()
    assert journal.left() == 0
    assert [len(journal.all(model)) for model in (Turn, TurnSeen, Referral, Ticket, Contact)] == [1] * 5


def test_later_changes_of_a_contact_win(journal):
    journal.says(1, contact={"language": "fr", "consent": "yes"})
    journal.says(2, number="", contact={"language": "en"})
    journal.record()
    journal.says(3, number="", contact={"stopped": ["sms"]})
    journal.record()
    contact = journal.one(Contact)
    assert (contact.language, contact.consent, contact.stopped) == ("en", "yes", ["sms"])


def test_what_postgresql_knows_of_a_forgotten_address_goes_back(journal):
    journal.says(1, contact={"language": "ha", "consent": "yes"})
    journal.record()
    assert journal.refilled == []
    journal.says(2, contact={"new": True})
    journal.record()
    ((digest, contact),) = journal.refilled
    assert (digest, contact.language, contact.consent) == (journal.ciphers.address(PHONE).digest, "ha", "yes")


def test_a_referral_opens_with_its_words_and_its_ladder_is_woken(journal, ciphers):
    journal.says(1, opens(text=True), UpdateReferral(id=opens().id, urgent=True), words="on me menace")
    journal.record()
    referral = journal.one(Referral)
    assert (referral.queue, referral.urgent, referral.contact_id) == ("protection", True, journal.one(Contact).id)
    (wrote,) = [event for event in journal.all(ReferralEvent) if event.kind == "wrote"]
    assert ciphers.decrypt(wrote.text_enc, f"referrals|{referral.id}|text".encode()) == b"on me menace"
    assert ("climb", [referral.id]) in journal.woken
    assert journal.one(Ladder).due_at is not None


def test_a_referral_of_a_case_belongs_to_its_office(journal, add_case):
    add_case()
    journal.says(1, opens(case="482719368", queue="assistance", level="normal", code="DLY"))
    journal.record()
    referral, case = journal.one(Referral), journal.one(Case)
    assert (referral.case_id, referral.office) == (case.id, "Tahoua")


@pytest.fixture
def add_case(database):
    def add(**changes):
        values = {
            "number": "482719368", "name": "Salifou", "sex": "M", "language": "fr", "region": "Tahoua",
            "department": "Tahoua", "office": "Tahoua", "stage": "TRAINING_WAIT", "opened_on": date(2026, 8, 17),
            "stage_since": date(2026, 10, 26),
        } | changes  # fmt: skip
        with database.transaction() as session:
            session.add(Case(**values))

    return add


def test_a_shown_status_resumes_lost_contact(journal, add_case):
    add_case(stage="LOST_CONTACT", resume_stage="MONITORING")
    journal.says(1, ShowStatus(case="482719368"))
    journal.record()
    case, change = journal.one(Case), journal.one(StageChange)
    assert (case.stage, case.resume_stage) == ("MONITORING", "")
    assert case.status_told_at is not None
    assert (change.by, change.from_stage, change.to_stage) == ("turn", "LOST_CONTACT", "MONITORING")


def sent(state="sent", message="ab" * 16, **changes):
    values = {
        "message": message,
        "channel": "sms",
        "gateway": "twilio",
        "state": state,
        "external_id": "SM1",
        "parts": 1,
    }
    return AnswerSent(**(values | changes))


def test_an_answer_that_left_becomes_a_row_and_reports_only_move_it_forward(journal, ciphers):
    text_enc = ciphers.encrypt(b"Bonjour", b"messages|" + b"ab" * 16 + b"|text")
    journal.says(1, sent(text=text_enc), kind="sent")
    journal.says(2, Report(gateway="twilio", external_id="SM1", state="delivered"), kind="event")
    journal.says(3, Report(gateway="twilio", external_id="SM1", state="sent"), kind="event")
    journal.record()
    message = journal.one(Message)
    assert (message.state, message.kind, message.external_id, message.parts) == ("delivered", "answer", "SM1", 1)
    assert ciphers.decrypt(message.text_enc, f"messages|{message.id}|text".encode()) == b"Bonjour"
    assert message.settled_at is not None
    assert journal.all(DeliveryReport) == []


def test_a_block_stands_with_the_contact_until_an_answer_leaves_again(journal):
    journal.says(1, sent("failed", blocked=True), kind="sent")
    journal.record()
    assert journal.one(Contact).blocked == ["sms"]
    journal.says(2, sent("failed", message="cd" * 16), kind="sent")
    journal.record()
    assert journal.one(Contact).blocked == ["sms"]
    journal.says(3, sent(message="ef" * 16, external_id="SM3"), kind="sent")
    journal.record()
    assert journal.one(Contact).blocked == []


def test_a_report_that_comes_first_is_kept_until_the_message_appears(journal):
    journal.says(1, Report(gateway="twilio", external_id="SM1", state="delivered"), kind="event")
    journal.says(2, Report(gateway="twilio", external_id="SM1", state="sent"), kind="event")
    journal.record()
    assert journal.one(DeliveryReport).state == "delivered"
    journal.says(3, sent(), kind="sent")
    journal.record()
    assert journal.one(Message).state == "delivered"
    assert journal.all(DeliveryReport) == []


def test_an_answer_keeps_its_kind_and_its_cost(journal):
    journal.says(1, sent(kind="resume", cost="-0.0075 USD"), kind="sent")
    journal.record()
    row = journal.one(Message)
    assert (row.kind, row.cost, row.currency) == ("resume", Decimal("0.0075"), "USD")


def test_a_report_settles_an_answer_whose_reply_was_lost_by_our_own_id(journal):
    journal.says(1, sent("unknown", external_id=""), kind="sent")
    journal.says(2, Report(gateway="twilio", external_id="SM1", state="delivered", message="ab" * 16), kind="event")
    journal.record()
    assert (journal.one(Message).state, journal.one(Message).external_id) == ("delivered", "SM1")


def test_a_dead_number_is_marked_until_its_person_writes(journal):
    journal.says(1, sent("failed", external_id="", reason="30005"), kind="sent")
    journal.record()
    assert journal.one(Contact).unreachable_at is not None
    journal.says(2)
    journal.record()
    assert journal.one(Contact).unreachable_at is None


def test_a_failed_alert_hurries_the_ladder(journal, database, ciphers, settings):
    with database.transaction() as session:
        for n, login in enumerate(("hadiza", "aicha")):
            add_staff(session, NewStaff(login, login, "protection", f"+2279000990{n}"), ciphers=ciphers)
    now = datetime.now(UTC)
    journal.says(1, opens(), at=int(now.timestamp() * 1000))
    journal.record()
    (message_id,) = ladder.climb(database, settings=settings, ciphers=ciphers)
    before = journal.one(Ladder).due_at
    with database.transaction() as session:
        message = session.get(Message, message_id)
        assert advance(message, "sent", at=now)
        message.external_id = "SM9"
    failed = Report(gateway=settings.staff_gateway, external_id="SM9", state="failed", code="x")
    journal.says(2, failed, kind="event", digest="", number="", at=int(now.timestamp() * 1000) + 5)
    journal.woken.clear()
    journal.record()
    row = journal.one(Ladder)
    assert row.due_at < before
    assert row.why == "failed"
    assert ("climb", [row.referral_id]) in journal.woken


def test_ok_from_the_right_number_takes_the_referral(journal, database, ciphers, settings):
    hadiza = "+22790009901"
    with database.transaction() as session:
        add_staff(session, NewStaff("hadiza", "Hadiza", "protection", hadiza), ciphers=ciphers)
    now = int(time.time() * 1000)
    journal.says(1, opens(terms=Terms(may_call=True)), at=now)
    journal.record()
    ladder.climb(database, settings=settings, ciphers=ciphers)
    code = journal.one(Alert).code
    journal.says(2, StaffAnswer(answer="ok", code=code), phone=PHONE, channel="sms", at=now + 1)
    journal.record()
    assert journal.one(Referral).state == "new"  # somebody else's phone
    journal.says(3, StaffAnswer(answer="ok", code=code), phone=hadiza, channel="sms", at=now + 2)
    journal.record(hadiza)
    assert journal.one(Referral).state == "accepted"
    assert any(job == "send_messages" for job, _ in journal.woken)


def test_an_entry_that_can_never_be_recorded_is_set_aside_and_its_referral_still_reaches_staff(journal):
    journal.says(1)
    journal.says(2, opens(queue="child", ticket="4821737"), replies=(("kind", {"case": "\0"}),))  # no JSONB holds it
    journal.says(3)
    journal.record()
    assert journal.left() == 0
    assert len(journal.all(Turn)) == 2
    aside, referral = journal.one(Quarantined), journal.one(Referral)
    assert "DataError 22P05" in aside.error
    assert (referral.source, referral.queue, referral.level, referral.terms_enc) == (
        "unreadable", "child", "critical", None,
    )  # fmt: skip
    assert referral.ticket == "4821737"
    assert ("climb", [referral.id]) in journal.woken


def test_an_unreadable_entry_opens_one_bare_referral_with_a_free_number(journal):
    shard = journal.shard()
    field = b"\x01" + journal.turn(1) + b"rubbish"
    journal.says(1, field=field)
    journal.says(2)
    journal.record()
    journal.says(1, field=field)
    journal.record()
    referral = journal.one(Referral)
    assert (referral.source, referral.queue, referral.contact_id) == ("unreadable", "protection", None)
    assert valid(referral.ticket)
    number = int(referral.ticket[:6])
    assert number % 64 == shard
    assert journal.client.getbit(keys.tickets(shard), number // 64) == 1
    assert len(journal.all(Turn)) == 1
    assert journal.left() == 0


def test_an_entry_of_a_newer_release_stops_the_shard_after_what_is_before_it(journal):
    journal.says(1)
    journal.says(2, field=b"\x63" + journal.turn(2) + b"later")
    journal.says(3)
    with pytest.raises(NewerSchema):
        journal.record()
    assert len(journal.all(Turn)) == 1
    assert journal.left() == 2
    assert journal.all(Quarantined) == []


def test_a_deadlock_or_a_lost_connection_quarantines_nothing(journal, database):
    journal.says(1, opens())
    with database.engine.connect() as connection:
        backend = connection.scalar(text("select pg_backend_pid()"))
        connection.rollback()
        with database.transaction() as session:
            session.execute(text("select pg_terminate_backend(:pid)"), {"pid": backend})
        time.sleep(0.1)
        with pytest.raises(Exception, match=r"terminat|closed|lost"):
            record_shard(journal.recording, connection, journal.shard())
    assert journal.left() == 1
    assert journal.record() == 1
    assert journal.all(Quarantined) == []
    assert len(journal.all(Referral)) == 1


def test_a_wake_that_fails_holds_up_nothing(journal):
    def broken(*_):
        raise redis.ConnectionError

    journal.recording = Recording(journal.client, journal.ciphers, journal.settings, reasons=REASONS, wake=broken)
    journal.says(1, opens())
    assert journal.record() == 1
    assert journal.left() == 0


def test_two_recorders_share_the_shards(database):
    with database.engine.connect() as one, database.engine.connect() as two:
        first, second = Shares(one.detach() or one), Shares(two.detach() or two)
        first.balance()
        assert len(first.held) == 64
        second.balance()
        assert second.held == set()
        first.balance()
        second.balance()
        assert (len(first.held), len(second.held)) == (32, 32)
        assert first.held.isdisjoint(second.held)
        one.close()
        time.sleep(0.1)
        second.balance()
        assert len(second.held) == 64


@pytest.fixture
def serving(journal, database):
    recorder = Recorder(journal.recording, database)
    thread = threading.Thread(target=recorder.serve)
    thread.start()
    yield recorder
    recorder.stop()
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.alone
def test_a_waiting_recorder_records_within_moments(journal, serving):
    journal.says(1)
    eventually(lambda: journal.left() == 0)
    time.sleep(1.2)  # it blocks in its read now
    took = []
    for n in range(2, 12):
        journal.says(n, opens(n))
        began = time.monotonic()
        eventually(lambda: journal.left() == 0, every=0.005)
        took.append(time.monotonic() - began)
    # woken by each write: who looked once a wait would meet the first by luck, and need a whole wait for every other
    assert sorted(took)[1] < BLOCK / 1000 / 4
    assert len(journal.all(Referral)) == 10


def test_every_address_keeps_its_order_and_every_turn_is_recorded_once(journal, serving):
    phones = [f"+2279000{n:04d}" for n in range(40)]
    for n in range(400):
        phone = phones[n % 40]
        journal.says(n, phone=phone, contact={"language": "fr" if n < 360 else "ha"})
    eventually(lambda: sum(backlog(journal.client).values()) == 0, within=20)
    assert len(journal.all(Turn)) == 400
    assert {contact.language for contact in journal.all(Contact)} == {"ha"}


def test_a_recorder_survives_the_loss_of_its_connection(journal, serving, database):
    journal.says(1)
    eventually(lambda: journal.left() == 0)
    with database.transaction() as session:
        session.execute(
            text(
                "select pg_terminate_backend(pid) from pg_locks l join pg_database d on d.oid = l.database "
                "where locktype = 'advisory' and pid <> pg_backend_pid() and datname = current_database()"
            )
        )
    journal.says(2)
    eventually(lambda: journal.left() == 0)
    assert len(journal.all(Turn)) == 2


KILLED = """
    import os, signal, sys
    from bot.config import Settings
    from bot.recorder import batch, run

    settings = Settings(database_url=sys.argv[1], redis_url=sys.argv[2], queue_url=sys.argv[2])
    if sys.argv[3] == "after commit":
        batch._wake = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    elif sys.argv[3] == "before commit":
        batch.ShardPosition = None
        batch.carry_out = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    run(settings)
"""


def start(settings, when):
    script = textwrap.dedent(KILLED)
    arguments = [sys.executable, "-c", script, settings.database_url, settings.redis_url, when]
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before commit", "after commit"])
def test_killed_around_its_commit_nothing_is_lost_and_nothing_is_twice(journal, settings, database, when):
    for n in range(1, 31):
        journal.says(n, opens(n))
    killed = start(settings, when)
    assert killed.wait(60) == -signal.SIGKILL
    recorded = len(journal.all(Turn))
    assert recorded == (30 if when == "after commit" else 0)
    assert journal.left() == 30
    again = start(settings, "never")
    try:
        eventually(lambda: journal.left() == 0, within=60)
    finally:
        os.kill(again.pid, signal.SIGTERM)
        assert again.wait(30) == 0
    with database.transaction() as session:
        for model in (Turn, Referral, Ticket, Ladder):
            assert session.scalar(select(func.count()).select_from(model)) == 30
    assert batch_module.BATCH >= 30


def test_what_a_person_adds_costs_few_statements_of_its_own(journal):
    """Fifty needs at once are told of in the time that recording them takes."""

    def statements(phone, n, answers):
        rid = f"{n:032x}"
        journal.says(
            n, OpenReferral(id=rid, ticket=f"{4820000 + n}", queue="protection", level="critical"), phone=phone
        )
        for more in range(answers):
            change = UpdateReferral(id=rid, urgent=True, call_language=f"l{more}")
            journal.says(n + 1 + more, change, phone=phone)
        asked = []
        with journal.database.engine.connect() as connection:
            event.listen(connection, "before_cursor_execute", lambda *told: asked.append(told[2]))
            record_shard(journal.recording, connection, journal.shard(phone))
        return len(asked)

    one, nine = statements("+22790001111", 100, 1), statements("+22790002222", 200, 9)
    assert (nine - one) / 8 <= 4  # ladder, referral, its event, what changed
