"""What the sender does beside sending: order, age, the spare channel and gateway, parts, and answers that must wait."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.errors import SendError
from bot.gate import Gate
from bot.jobs import answers, rows
from bot.jobs.pace import Paces
from bot.kinds import TO_STAFF, Kind
from bot.messages import Channel
from bot.store import keys
from bot.store.journal import Answer, pack_answer
from bot.store.models import Contact, Message
from tests import test_jobs as made
from tests.test_jobs import NOON, SECOND, Phone, alert, answered, journal, message, queued, send

office, phone, services = made.office, made.phone, made.services


def values(services, message_id, **fields):
    with services.database.transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(**fields))


def test_the_urgent_leave_first_whatever_waited_longer(services, office, phone):
    kinds = [Kind.BROADCAST, Kind.REMINDER, Kind.REPLY]
    ids = [queued(services, kind=kind, contact_id=office.contact(f"+2279000100{n}"))[0] for n, kind in enumerate(kinds)]
    urgent = alert(services, office)
    with ThreadPoolExecutor(1) as one:
        rows.send_due(replace(services, senders=one), now=NOON)
    assert [sent.id for sent in phone.sent] == [urgent, *reversed(ids)]


def test_staff_are_told_apart_from_pushes_that_may_hang(services, office, phone):
    [push] = queued(services, kind=Kind.REMINDER, contact_id=office.contact())
    urgent = alert(services, office)
    rows.send_due(services, kinds=TO_STAFF, now=NOON)
    assert [sent.id for sent in phone.sent] == [urgent]
    rows.send_due(services, kinds=frozenset(Kind) - TO_STAFF, now=NOON)
    assert [sent.id for sent in phone.sent] == [urgent, push]


def test_what_has_grown_old_ends_expired_and_does_not_leave(services, office, phone):
    old, fresh = queued(services, 2, kind=Kind.REMINDER, contact_id=office.contact())
    values(services, old, expires_at=NOON)
    rows.send_due(services, now=NOON)
    assert (message(services, old).state, message(services, old).reason) == ("expired", "too_old")
    assert [sent.id for sent in phone.sent] == [fresh]


def test_a_row_gets_its_place_and_its_end_from_its_kind(services, office):
    [note] = queued(services, kind=Kind.BROADCAST, contact_id=office.contact())
    row = message(services, note)
    assert (row.priority, row.expires_at) == (5, NOON + timedelta(hours=48))


@pytest.mark.parametrize(
    ("stopped", "error", "sms"), [([], None, "sent"), (["sms"], None, "withheld"), ([], "63016", "sent")]
)
def test_a_whatsapp_that_cannot_arrive_leaves_its_sms_to_the_gate(services, office, phone, stopped, error, sms):
    contact = office.contact()
    [first] = queued(services, kind=Kind.REMINDER, contact_id=contact)
    spare = services.ciphers.encrypt(b"A lundi.", f"messages|{first}|spare".encode())
    values(services, first, channel="whatsapp", spare_enc=spare, template={"name": "t", "language": "fr"})
    if error is None:
        with services.database.transaction() as session:
            session.execute(update(Message).values(template=None))
            session.execute(update(Contact).values(stopped=stopped))
    else:
        phone.reasons, phone.fails = {error: "window"}, [SendError(error)]
    rows.send_due(services, now=NOON)
    rows.send_due(services, now=NOON + SECOND)
    with services.database.transaction() as session:
        second = session.scalars(select(Message).where(Message.id != first)).one()
    assert (second.channel, second.fell_from, second.state, second.kind) == ("sms", "whatsapp", sms, "reminder")
    assert message(services, first).state == ("withheld" if error is None else "failed")
    assert [(sent.channel, sent.text) for sent in phone.sent] == [(Channel.SMS, "A lundi.")] * (sms == "sent")


def test_parts_that_were_taken_are_kept_for_the_next_try(services, office, phone):
    queued(services, contact_id=office.contact(), text="A lundi. " * 40)
    phone.fails = [SendError("503", retryable=True, parts_taken=2)]
    rows.send_due(services, now=NOON)
    rows.send_due(services, now=NOON + 3 * SECOND)
    assert [sent.parts_taken for sent in phone.sent] == [2]
    shard, _ = answered(services)
    phone.fails = [SendError("503", retryable=True, parts_taken=1)]
    send(services, shard)
    send(services, shard, 3)
    assert [sent.parts_taken for sent in phone.sent] == [2, 1]


def test_an_alert_takes_the_spare_gateway_while_its_own_is_paused(services, office, phone):
    spare, pace = Phone(), Paces(services.settings, services.conversations)
    settings = services.settings.model_copy(update={"staff_gateway_spare": "kannel"})
    gate = Gate(settings, {"africastalking": phone, "kannel": spare}, outgoing_allowed=lambda _: True, pace=pace)
    pace.failed("africastalking", "http_401", account=True, now=NOON)
    message_id = alert(services, office)
    rows.send_due(replace(services, settings=settings, gate=gate), now=NOON)
    assert (len(phone.sent), [sent.id for sent in spare.sent]) == (0, [message_id])
    assert message(services, message_id).gateway == "kannel"


def test_two_hundred_answers_for_a_dead_gateway_hide_nobody(services, phone):
    shard, _ = answered(services)
    own = services.ciphers.address
    numbers = (f"+227{90000000 + n}" for n in range(10_000, 90_000))
    same_shard = [n for n in numbers if own(n).shard == shard][:400]
    services.conversations.delete(keys.answers(shard))
    for number in same_shard[:300]:
        turn = services.ciphers.turn_id("dead", number)
        at = round(NOON.timestamp() * 1000)
        dead = Answer(turn, turn, "africastalking", "sms", own(number).digest, number, "Bonjour", at=at)
        services.conversations.xadd(keys.answers(shard), {"e": pack_answer(dead, services.ciphers)})
    phone.fails = [SendError("503", retryable=True) for _ in range(300)]
    send(services, shard)
    assert phone.sent == []
    answered(services, same_shard[350])
    assert send(services, shard, 1) == 1
    assert [sent.to for sent in phone.sent] == [same_shard[350]]
    assert send(services, shard, 3) == 300


def test_an_offer_to_go_on_needs_the_yes_of_this_moment(services, phone):
    number = "+22790001234"
    address, turn = services.ciphers.address(number), services.ciphers.turn_id("offer", "1")
    at = round(NOON.timestamp() * 1000)
    offer = Answer(turn, turn, "africastalking", "sms", address.digest, number, "1 Continuer", at=at, kind="resume")
    services.conversations.xadd(keys.answers(address.shard), {"e": pack_answer(offer, services.ciphers)})
    assert answers.send_waiting(services, [address.shard], now=NOON.timestamp()) == 1
    [effect] = journal(services, address.shard)[0].effects
    assert (effect.state, effect.reason, effect.kind, phone.sent) == ("withheld", "terms", "resume", [])
