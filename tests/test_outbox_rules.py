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
from bot.store.models import Case, Contact, Message
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


@pytest.fixture
def deceased(database):
    """The phone of a file whose person has died, and that file."""

    def made(services, contact_id, stage="DECEASED"):
        with services.database.transaction() as session:
            file = Case(
                number="482719368", name="Salifou", sex="M", language="fr", region="Zinder", department="Kantche",
                office="Zinder", stage=stage, opened_on=NOON.date(), stage_since=NOON.date(), contact_id=contact_id,
            )  # fmt: skip
            session.add(file)
            session.flush()
            return file.id

    return made


@pytest.mark.parametrize("kind", [Kind.REMINDER, Kind.REPLY, Kind.CLOSING, Kind.ANSWER])
def test_nothing_about_the_file_of_somebody_who_has_died_leaves(services, office, phone, deceased, kind):
    contact = office.contact()
    about, other = queued(services, 2, kind=kind, contact_id=contact)
    values(services, about, case_id=deceased(services, contact))
    rows.send_due(services, now=NOON + 2 * SECOND)
    assert (message(services, about).state, message(services, about).reason) == ("withheld", "deceased")
    assert [sent.id for sent in phone.sent] == [other]  # somebody else of that phone may be waiting for it


def test_who_died_while_it_waited_for_its_next_try_gets_no_second_try(services, office, phone, deceased):
    contact = office.contact()
    [about] = queued(services, kind=Kind.REMINDER, contact_id=contact)
    case_id = deceased(services, contact, stage="KIT_READY")
    values(services, about, case_id=case_id)
    phone.fails = [SendError("timeout", retryable=True)]
    rows.send_due(services, now=NOON)
    assert message(services, about).state == "queued"
    with services.database.transaction() as session:
        session.execute(update(Case).where(Case.id == case_id).values(stage="DECEASED"))
    rows.send_due(services, now=NOON + timedelta(minutes=10))
    assert (message(services, about).state, message(services, about).reason) == ("withheld", "deceased")
    assert len(phone.sent) == 0


def test_no_question_by_machine_follows_a_request_of_somebody_who_has_died(services, office, phone, deceased):
    contact = office.contact()
    case_id = deceased(services, contact)
    referral = office.need(contact_id=contact, case_id=case_id)
    [asked] = queued(services, kind=Kind.CLOSING, contact_id=contact)
    values(services, asked, referral_id=referral)
    rows.send_due(services, now=NOON)
    assert message(services, asked).reason == "deceased"


def test_a_whatsapp_about_who_has_died_leaves_no_sms_behind(services, office, phone, deceased):
    contact = office.contact()
    [about] = queued(services, kind=Kind.REMINDER, contact_id=contact)
    spare = services.ciphers.encrypt(b"A lundi.", f"messages|{about}|spare".encode())
    values(services, about, channel="whatsapp", spare_enc=spare, case_id=deceased(services, contact))
    rows.send_due(services, now=NOON)
    rows.send_due(services, now=NOON + SECOND)
    assert phone.sent == []
    with services.database.transaction() as session:
        assert session.scalars(select(Message.spare_enc)).all() == [None]
