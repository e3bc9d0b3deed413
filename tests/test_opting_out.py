# ruff: noqa: F811 - the fixture of the two-way tests
"""What a person asked staff to end: in force at once, told to the conversation store until it has heard, ended by START."""

from dataclasses import replace
from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import select

from bot.jobs.outbox_sql import claim
from bot.jobs.staff_turns import tell_conversations
from bot.kinds import Kind
from bot.messages import Channel
from bot.outbox import Draft, put
from bot.store.conversations import Place
from bot.store.models import Contact, OptOut, Staff, Turn
from tests.test_two_way import line  # noqa: F401


def note(line, *stopped):
    with line.database.transaction() as session:
        contact, staff = session.scalars(select(Contact)).one(), session.get_one(Staff, line.staff[0])
        session.add(OptOut(contact_id=contact.id, stopped=list(stopped), staff_id=staff.id, at=line.now))


def in_store(line):
    """What the conversation store knows to be ended."""
    place = Place.of(line.ciphers.address("+22790001234"), Channel.SMS, b"x" * 16)
    contact = line.services.conversations.load(place).contact
    return set(contact.stopped) if contact else None


def told(line):
    with line.database.transaction() as session:
        return [one.told_at is not None for one in session.scalars(select(OptOut).order_by(OptOut.id))]


def test_the_gate_reads_it_before_the_store_has_heard(line):
    note(line, "sms:reminder")
    with line.database.transaction() as session:
        contact = session.scalars(select(Contact)).one()
        put(session, Draft(Kind.REMINDER, Channel.SMS, contact=contact, sms="Rendez-vous lundi.", whatsapp=""),
            at=line.now, settings=line.settings, ciphers=line.ciphers)  # fmt: skip
    with line.database.transaction() as session:
        [row] = claim(session, line.now, most=5, lease=timedelta(minutes=1), held={}, kinds=tuple(Kind))
        assert row["stopped"] == ["sms:reminder"]
        session.rollback()


def test_the_store_is_told_once_and_the_journal_keeps_it(line):
    note(line, "sms", "whatsapp:broadcast")
    assert tell_conversations(line.jobs, now=line.now) == 1
    assert tell_conversations(line.jobs, now=line.now) == 0
    assert in_store(line) == {"sms", "whatsapp:broadcast"}
    assert told(line) == [True]
    line.record()
    assert set(line.contact().stopped) == {"sms", "whatsapp:broadcast"}
    with line.database.transaction() as session:
        assert [one.kind for one in session.scalars(select(Turn)) if one.kind == "staff"] == ["staff"]


def test_a_repeat_after_a_crash_changes_nothing(line):
    note(line, "sms")
    tell_conversations(line.jobs, now=line.now)
    line.says("START")
    with line.database.transaction() as session:
        session.scalars(select(OptOut)).one().told_at = None  # the process died before it wrote this down
    tell_conversations(line.jobs, now=line.now)
    assert in_store(line) == set()
    assert told(line) == [True]


def test_a_store_that_is_away_is_told_later(line):
    note(line, "sms")
    away = line.settings.model_copy(update={"redis_url": "unix:///nowhere/none.sock"})
    assert tell_conversations(replace(line.jobs, settings=away), now=line.now) == 0
    assert told(line) == [False]
    assert tell_conversations(line.jobs, now=line.now) == 1
    assert told(line) == [True]


@pytest.mark.parametrize("word", ["START", "REPRENDRE"])
def test_start_ends_what_staff_noted_on_that_channel_alone(line, word):
    note(line, "sms:reminder", "sms:broadcast", "whatsapp")
    tell_conversations(line.jobs, now=line.now)
    line.says(word)
    assert in_store(line) == {"whatsapp"}
    line.record()
    assert line.contact().stopped == ["whatsapp"]


def test_what_the_store_forgot_is_given_back_with_it(line, redis_client: Redis):
    with line.database.transaction() as session:
        session.scalars(select(Contact)).one().language = "ha"
    redis_client.flushdb()
    note(line, "sms")
    tell_conversations(line.jobs, now=line.now)
    place = Place.of(line.ciphers.address("+22790001234"), Channel.SMS, b"x" * 16)
    contact = line.services.conversations.load(place).contact
    assert (contact.language, contact.stopped) == ("ha", ("sms",))
