"""Messages whose hook we failed: found in the gateway's list, answered once, whatever happens in the middle."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from bot.conversation import Conversation
from bot.errors import StoreDown
from bot.events import Events
from bot.gate import Gate
from bot.jobs import missed
from bot.jobs.services import Services
from bot.messages import Channel, OptOut
from bot.store import keys
from bot.store.conversations import Conversations
from bot.store.journal import unpack_answer, unpack_entry
from bot.store.models import GatewayCheck, TurnSeen
from bot.store.wire import Wire
from bot.waking import queue_on
from handlers.africastalking import AfricasTalking
from handlers.twilio import Twilio
from tests.standin import StandIn

AMINA, SALIFOU = "+22790123456", "+22790123457"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def stand_in():
    with StandIn() as running:
        yield running


@pytest.fixture
def services(settings, database, redis_client, queue_client, ciphers, stand_in):
    settings = settings.model_copy(update={"twilio_api_url": stand_in.url, "store_timeout": 5.0})
    gateways = {"twilio": Twilio(settings), "africastalking": AfricasTalking(settings)}
    gate = Gate(settings, gateways, outgoing_allowed=lambda _name: True)
    with ThreadPoolExecutor(2) as senders:
        queue = queue_on(queue_client)
        yield Services(settings, database, redis_client, queue, ciphers, gate, senders, gateways=gateways)


@pytest.fixture
def events(settings, ciphers, redis_client):
    wire = Wire(settings.redis_url, timeout=2)
    yield Events(Conversations(wire, ciphers), ciphers)
    wire.close()


def texted(stand_in, text, *, number, at, sender=AMINA):
    """A message of a person, at Twilio alone."""
    form = {"MessageSid": f"SM{number}", "AccountSid": "AC" + "0" * 32, "From": sender, "To": "+12025550123"}
    stand_in.keep(form | {"Body": text, "NumMedia": "0"}, at=at.timestamp())


def answers(services, phone=AMINA):
    found = services.conversations.xrange(keys.answers(services.ciphers.address(phone).shard))
    waiting = [unpack_answer(fields[b"e"], services.ciphers) for _, fields in found]
    return [answer for answer in waiting if answer.number == phone]  # another phone may share the shard


def through(services):
    with services.database.transaction() as session:
        check = session.get(GatewayCheck, "twilio")
        return check.through if check else None


def looked_through(services, at):
    with services.database.transaction() as session:
        session.merge(GatewayCheck(gateway="twilio", through=at))


@pytest.fixture
def now():
    return datetime.now(UTC).replace(microsecond=0)


def test_what_no_hook_brought_is_run_oldest_first_and_its_answers_are_woken(services, stand_in, now):
    texted(stand_in, "Bonjour", number=1, at=now - 5 * MINUTE)
    texted(stand_in, "RAPPEL", number=2, at=now - 4 * MINUTE)
    texted(stand_in, "Sannu", number=3, at=now - 3 * MINUTE, sender=f"whatsapp:{SALIFOU}")
    assert missed.look_back(services, now=now) == 3
    assert [answer.text[:7] for answer in answers(services)][:1] == ["Bonjour"]
    assert len(answers(services)) == 2
    assert [answer.channel for answer in answers(services, SALIFOU)] == ["whatsapp"]
    shards = {services.ciphers.address(phone).shard for phone in (AMINA, SALIFOU)}
    assert {job.args[0] for job in services.queue.get_jobs() if job.func_name == "bot.jobs.send_answers"} == shards
    assert through(services) == now


def test_what_was_handled_gives_nothing_new(services, stand_in, now):
    texted(stand_in, "Bonjour", number=1, at=now - MINUTE)
    assert missed.look_back(services, now=now) == 1
    assert missed.look_back(services, now=now + 6 * MINUTE) == 0
    assert len(answers(services)) == 1
    assert through(services) == now + 6 * MINUTE


def test_a_call_that_no_hook_brought_is_one_event_of_the_journal(services, stand_in, now):
    form = {"CallSid": "CA1", "AccountSid": "AC" + "0" * 32, "From": AMINA, "To": "+12025550123"}
    stand_in.ring(form | {"Direction": "inbound"}, at=(now - MINUTE).timestamp())
    assert missed.look_back(services, now=now) == 1
    assert missed.look_back(services, now=now + 6 * MINUTE) == 0
    shard = services.ciphers.address(AMINA).shard
    [(_, fields)] = services.conversations.xrange(keys.journal(shard))
    [opened] = unpack_entry(fields[b"e"], services.ciphers).effects
    assert type(opened).__name__ == "OpenReferral"
    assert answers(services) == []


def test_the_mark_of_a_hook_is_enough_and_so_is_the_record(services, stand_in, now):
    texted(stand_in, "Bonjour", number=1, at=now - MINUTE)
    texted(stand_in, "Bonjour", number=2, at=now - MINUTE)
    shard = services.ciphers.address(AMINA).shard
    services.conversations.set(keys.seen(shard, services.ciphers.turn_id("twilio", "SM1")), b"1")
    with services.database.transaction() as session:
        today = now.replace(hour=0, minute=0, second=0)
        session.add(TurnSeen(id=services.ciphers.turn_id("twilio", "SM2").hex(), at=today))
    assert missed.look_back(services, now=now) == 0


def test_a_stop_that_the_gateway_told_of_is_not_run_again_after_the_person_came_back(services, stand_in, events, now):
    texted(stand_in, "ARRET SVP", number=1, at=now - 3 * MINUTE)
    events.opt_out(OptOut("twilio", AMINA, Channel.SMS, "SM1"), now=now - 3 * MINUTE)
    assert missed.look_back(services, now=now) == 0


def test_it_looks_an_hour_back_at_first_then_ten_minutes_and_never_past_a_day(services, stand_in, now, monkeypatch):
    asked = []
    listing = Twilio.missed

    def spy(self, since):
        asked.append(now - since)
        return listing(self, since)

    monkeypatch.setattr(Twilio, "missed", spy)
    for last in (None, now - 6 * MINUTE, now - timedelta(days=3)):
        if last is not None:
            looked_through(services, last)
        missed.look_back(services, now=now)
    assert asked == [timedelta(hours=1), 16 * MINUTE, timedelta(hours=24)]


def test_what_another_worker_has_just_looked_through_is_left_alone(services, stand_in, now):
    texted(stand_in, "Bonjour", number=1, at=now - MINUTE)
    looked_through(services, now - MINUTE)
    assert missed.look_back(services, now=now) == 0
    assert answers(services) == []


@pytest.mark.parametrize("status", [503, 401])
def test_a_gateway_that_is_away_is_asked_again_from_the_same_moment(services, stand_in, now, status):
    texted(stand_in, "Bonjour", number=1, at=now - 8 * MINUTE)
    looked_through(services, now - 7 * MINUTE)
    stand_in.fail(status)
    with structlog.testing.capture_logs() as lines:
        assert missed.look_back(services, now=now) == 0
    assert [line["event"] for line in lines] == ["look_back_failed"]
    assert through(services) == now - 7 * MINUTE
    stand_in.well()
    assert missed.look_back(services, now=now + 5 * MINUTE) == 1


def test_a_store_that_goes_away_in_the_middle_leaves_the_rest_for_the_next_time(services, stand_in, now, monkeypatch):
    for number in range(4):
        texted(stand_in, "Bonjour", number=number, at=now - 4 * MINUTE, sender=f"+2279012345{number}")
    turn, calls = Conversation.turn, []

    def failing(self, inbound, **more):
        calls.append(inbound)
        if len(calls) == 3:
            raise StoreDown("away")
        return turn(self, inbound, **more)

    monkeypatch.setattr(Conversation, "turn", failing)
    assert missed.look_back(services, now=now) == 0
    assert through(services) is None
    assert missed.look_back(services, now=now) == 2
    assert [len(answers(services, f"+2279012345{number}")) for number in range(4)] == [1, 1, 1, 1]


def test_one_message_that_cannot_be_handled_holds_up_no_other(services, stand_in, now, monkeypatch):
    for number in range(3):
        texted(stand_in, "Bonjour", number=number, at=now - 4 * MINUTE, sender=f"+2279012345{number}")
    turn = Conversation.turn

    def failing(self, inbound, **more):
        if inbound.external_id == "SM0":
            raise RuntimeError("a fault of ours")
        return turn(self, inbound, **more)

    monkeypatch.setattr(Conversation, "turn", failing)
    missed.look_back(services, now=now)
    assert [len(answers(services, f"+2279012345{number}")) for number in range(3)] == [0, 1, 1]
    assert through(services) is None, "it comes again, in case the fault is mended"


def test_two_workers_at_once_run_each_message_once(services, stand_in, now):
    for number in range(20):
        texted(stand_in, "Bonjour", number=number, at=now - 4 * MINUTE, sender=f"+227901234{number:02d}")
    ready = threading.Barrier(2)

    def look():
        ready.wait()
        return missed.look_back(services, now=now)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: look(), range(2)))
    assert [len(answers(services, f"+227901234{number:02d}")) for number in range(20)] == [1] * 20
    assert through(services) == now


def test_the_slower_of_two_workers_moves_nothing_back(services, now):
    looked_through(services, now)
    missed._move_on(services, "twilio", now - 5 * MINUTE, now - MINUTE)
    assert through(services) == now
