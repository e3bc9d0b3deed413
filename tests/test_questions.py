"""Messages that ask: the question stands before they leave, waits its turn, and holds nobody up."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import select

from bot.engine.session import Session
from bot.jobs import rows
from bot.kinds import Kind
from bot.messages import Channel
from bot.outbox import Draft, Question, put
from bot.store import keys
from bot.store.models import Contact, Message
from tests import test_two_way as two_way

line = two_way.line
TICKET = "4821737"


def asks(line, *, ticket=TICKET, **more):
    """A reminder-like push that asks "is this solved?" of Amina."""
    line.count += 1
    with line.database.transaction() as session:
        contact = session.scalars(select(Contact).order_by(Contact.id)).first()
        draft = Draft(
            Kind.REMINDER, contact=contact, sms=f"Est-ce fait {line.count} ? 1 Oui 2 Non",
            question=Question("solved", {"ticket": ticket}), id=f"{line.count:032x}", **more,
        )  # fmt: skip
        return put(session, draft, at=line.now, settings=line.settings, ciphers=line.ciphers).id


def message(line, message_id):
    with line.database.transaction() as session:
        return session.get_one(Message, message_id)


def standing(line):
    """The question that stands on Amina's SMS."""
    address = line.ciphers.address(two_way.AMINA)
    name = keys.session(address, Channel.SMS)
    value = line.redis.get(name)
    return None if value is None else msgspec.msgpack.decode(line.ciphers.decrypt(value, name.encode()), type=Session)


def test_the_question_stands_before_its_message_leaves(line, monkeypatch):
    asks(line)
    seen = []
    sends = line.phone.send
    monkeypatch.setattr(line.phone, "send", lambda one: (seen.append(standing(line)), sends(one))[1])
    assert len(line.runs()) == 1
    assert (seen[0].state, seen[0].values) == ("solved.ask", {"ticket": TICKET})


def test_it_waits_while_another_conversation_is_under_way_and_its_tries_are_not_counted(line):
    line.says("MENU")
    waiting = asks(line)
    for _ in range(3):
        assert line.runs() == []
        line.later(minutes=1)
    assert (message(line, waiting).reason, message(line, waiting).attempts) == ("busy", 0)
    assert "Est-ce" not in line.says("1")[0], "the digit answers the menu"
    line.later(minutes=11)
    assert len(line.runs()) == 1


def test_one_that_soon_grows_old_does_not_wait_a_day_for_the_answer_to_another(line):
    asks(line, ticket="1111111")
    assert len(line.runs()) == 1
    patient = asks(line, ticket="2222222")
    hurried = asks(line, ticket="3333333", expires_at=line.now + timedelta(hours=4))
    assert line.runs() == []
    line.later(hours=2, minutes=30)
    assert len(line.runs()) == 1
    assert (message(line, patient).state, message(line, hurried).state) == ("queued", "sent")


def test_the_same_question_asked_again_takes_its_own_place(line):
    asks(line)
    asks(line)
    assert len(line.runs()) == 2


def test_killed_between_question_and_message_neither_loses_nor_doubles(line, monkeypatch):
    message_id = asks(line)

    def killed(*_arguments, **_more):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(rows, "in_hands", killed)
        with pytest.raises(SystemExit):
            rows.send_due(line.jobs, now=line.now)
    assert standing(line).state == "solved.ask"
    assert message(line, message_id).state == "sending"
    line.later(minutes=1)
    line.runs()
    assert message(line, message_id).state == "unknown", "nobody knows whether it left: not sent again by itself"


def test_where_the_gate_says_no_nothing_is_asked(line):
    line.says("STOP", Channel.SMS)
    line.record()
    line.later(minutes=20)
    message_id = asks(line)
    before = standing(line)
    assert line.runs() == []
    assert (message(line, message_id).state, standing(line)) == ("withheld", before)


def test_a_store_that_is_away_puts_the_question_off(line):
    message_id = asks(line)
    away = replace(line.jobs, settings=line.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    rows.send_due(away, now=line.now)
    assert message(line, message_id).reason == "stop_unknown"
    line.later(minutes=2)
    assert len(line.runs()) == 1
