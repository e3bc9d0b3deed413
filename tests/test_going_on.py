"""A dropped line on real stores, by the hooks of the gateways: offered once, where it may be, and gone on with."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from bot import webhooks
from bot.messages import Channel, Inbound, SessionEnded
from bot.recorder.batch import Recording, record_shard
from bot.services import Services
from bot.store import keys
from bot.store.ciphers import SHARDS
from bot.store.journal import unpack_answer, unpack_entry
from bot.store.models import Contact, Turn

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
AMINA = "+22790001234"


class Line:
    """One phone: dials, drops, writes; what waits to leave and what the recorder makes of it."""

    def __init__(self, settings, database, redis_client, ciphers):
        self.services = Services(settings)
        self.database, self.redis, self.ciphers = database, redis_client, ciphers
        self.calls = self.count = 0
        self.now = NOW

    def close(self):
        self.services.lookups.close()
        self.services.conversations._wire.close()
        self.services.database.close()
        self.services.redis_client.close()

    def dials(self, *typed):
        self.calls += 1
        for n in range(len(typed) + 1):
            self.turn(Channel.USSD, "*".join(typed[:n]), session=f"call-{self.calls}")

    def says(self, text, channel=Channel.SMS):
        self.turn(channel, text)

    def turn(self, channel, text, *, session=""):
        self.count += 1
        self.now += timedelta(seconds=5)
        gateway = "twilio" if channel is Channel.WHATSAPP else "africastalking"
        inbound = Inbound(gateway, f"{session}{self.count}", channel, AMINA, text, self.now, session=session)
        self.services.conversation.turn(inbound, now=self.now)

    def drops(self, status="Incomplete"):
        self.now += timedelta(seconds=5)
        event = SessionEnded("africastalking", AMINA, f"call-{self.calls}", status)
        return self.services.going_on.dropped(event, now=self.now)

    def answers(self):
        """Taken away as they are read."""
        found = []
        for shard in range(SHARDS):
            for entry_id, fields in self.redis.xrange(keys.answers(shard)):
                found.append(unpack_answer(fields[b"e"], self.ciphers))
                self.redis.xdel(keys.answers(shard), entry_id)
        return found

    def record(self):
        shard = self.ciphers.address(AMINA).shard
        gives = self.services.conversations.refill
        recording = Recording(
            self.redis,
            self.ciphers,
            self.services.settings,
            reasons={},
            refill=lambda digest, row: gives(
                digest, language=row.language or "", consent="", stopped=(), texts=row.texts or ""
            ),
        )
        with self.database.engine.connect() as connection:
            record_shard(recording, connection, shard)


@pytest.fixture
def line(settings, database, redis_client, ciphers):
    line = Line(settings, database, redis_client, ciphers)
    line.dials("1", "5", "3", "1")  # French, then English, and yes to texts
    yield line
    line.close()


def test_a_dropped_line_goes_on_by_sms_at_the_same_question(line, ciphers):
    line.dials("5")
    assert line.drops() == ciphers.address(AMINA).shard
    [offer] = line.answers()
    assert (offer.text, offer.kind, offer.channel, offer.gateway, offer.number) == (
        "The line dropped. 1 Continue 2 Menu", "resume", "sms", line.services.settings.sms_gateway, AMINA,
    )  # fmt: skip
    line.says("1")
    [question] = line.answers()
    assert (question.text, question.kind) == ("1 Francais 2 Hausa 3 English", "answer")
    line.says("2")
    line.says("2")
    assert line.answers()[-1].text.startswith("Sannu. 1 Fayil dina")


def test_the_same_event_again_offers_nothing_again(line):
    line.dials("5")
    assert line.drops() is not None
    line.says("1")
    assert len(line.answers()) == 2
    assert line.drops() is None
    line.says("2")
    assert line.answers()[-1].key == "menu.texts"


@pytest.mark.parametrize("typed", [(), ("9",), ("2", "2"), ("1", "482719368")])
def test_where_nothing_may_be_sent_nothing_is_written_down(line, typed, redis_client, ciphers):
    line.dials(*typed)
    journal = keys.journal(ciphers.address(AMINA).shard)
    before = redis_client.xlen(journal)
    assert line.drops() is None
    assert redis_client.xlen(journal) == before
    assert line.answers() == []


def test_a_call_that_ended_by_itself_is_no_dropped_one(line):
    line.dials("5")
    assert line.drops("Success") is None


def test_whatsapp_comes_first_where_the_person_wrote_within_a_day(line):
    line.says("salam", Channel.WHATSAPP)
    line.now += timedelta(hours=2)
    line.dials()
    line.drops()
    offer = line.answers()[-1]
    assert (offer.channel, offer.gateway) == ("whatsapp", line.services.settings.whatsapp_gateway)
    assert [title for _, title in offer.buttons] == ["Continue", "Menu"]
    line.turn(Channel.WHATSAPP, "1")
    assert line.answers()[-1].key == "menu.main"


def test_a_gateway_that_is_off_is_offered_nowhere(settings, database, redis_client, ciphers):
    settings = settings.model_copy(update={"sms_gateway": "nobody"})
    line = Line(settings, database, redis_client, ciphers)
    line.dials("1", "5", "3", "1")
    line.dials("5")
    assert line.drops() is None
    line.close()


def test_an_sms_that_comes_between_wins_and_nothing_is_lost(line, monkeypatch):
    line.dials("5")
    commit, first = line.services.conversations.commit, []

    def busy(place, before, writing):
        if not first:
            first.append(line.services.conversations)
            monkeypatch.setattr(line.services.conversations, "commit", commit)
            line.says("rappel")
            monkeypatch.setattr(line.services.conversations, "commit", busy)
        return commit(place, before, writing)

    monkeypatch.setattr(line.services.conversations, "commit", busy)
    assert line.drops() is None
    assert [answer.key for answer in line.answers()] == ["call.when"]


def test_the_agreement_is_recorded_and_given_back_to_a_store_that_forgot(line, redis_client, ciphers, database):
    line.dials("5")
    line.drops()
    line.record()
    with database.transaction() as session:
        assert session.query(Contact).one().texts == "yes"
        event = session.query(Turn).filter(Turn.kind == "event").one()
        assert (event.channel, event.after, event.text_enc) == ("sms", "menu.dropped", None)
    address = ciphers.address(AMINA)
    redis_client.delete(keys.contact(address))
    line.dials()
    line.record()
    line.dials("5")
    redis_client.delete(keys.session(address, "sms"))
    assert line.drops() is not None


def test_the_hook_wakes_the_sender(line):
    woken = []
    of, app = line.services, Flask("hooks")
    receiver = webhooks.Receiver(
        of.gateways, of.conversation, of.events, of.going_on, of.content, wake=woken.append, clock=lambda: line.now
    )
    webhooks.register(app, receiver)
    line.dials("5")
    form = {"sessionId": f"call-{line.calls}", "phoneNumber": AMINA, "status": "Incomplete", "date": "2026-11-23"}
    form |= {"serviceCode": "*321#", "networkCode": "99999", "durationInMillis": "9", "hopsCount": "2", "input": "5"}
    assert app.test_client().post("/hooks/africastalking/dev/ussd-end", data=form).status_code == 200
    assert woken == [line.ciphers.address(AMINA).shard]


def test_nothing_personal_stands_in_the_journal_in_the_clear(line, redis_client, ciphers):
    line.dials("5")
    line.drops()
    shard = ciphers.address(AMINA).shard
    entries = [unpack_entry(fields[b"e"], ciphers) for _, fields in redis_client.xrange(keys.journal(shard))]
    assert entries[-1].kind == "event"
    assert entries[-1].number == ""
    assert not any(b"90001234" in fields[b"e"] for _, fields in redis_client.xrange(keys.journal(shard)))
