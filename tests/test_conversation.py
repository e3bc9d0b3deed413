"""Turns on real stores: once, in order, two round trips, nothing half done."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from bot.cases.lookups import Lookups
from bot.conversation import Conversation
from bot.engine.effects import OpenReferral, UpdateReferral
from bot.errors import JournalFull, StoreDown
from bot.messages import Channel, Inbound
from bot.store import keys
from bot.store.attempts import Attempts
from bot.store.ciphers import SHARDS
from bot.store.conversations import Conversations
from bot.store.journal import unpack_answer, unpack_entry
from bot.store.wire import Wire
from tests.machine import stored

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
AMINA = "+22790001234"


@pytest.fixture
def wire(settings, redis_client):
    wire = Wire(settings.redis_url, timeout=2)
    yield wire
    wire.close()


@pytest.fixture
def line(settings, content, wire, ciphers, database, redis_client):
    line = Line(settings, content, wire, ciphers, database, redis_client)
    yield line
    line.lookups.close()


class Line:
    """A conversation on real stores, and what it left in them."""

    def __init__(self, settings, content, wire, ciphers, database, redis_client, **options):
        self.lookups = Lookups(database, Attempts(redis_client, ciphers), ciphers)
        self.conversation = Conversation(content, Conversations(wire, ciphers), ciphers, self.lookups, **options)
        self.ciphers, self.redis = ciphers, redis_client
        self.sms_count = 0

    def ussd(self, transcript, *, session="one", phone=AMINA, now=NOW):
        message = Inbound("africastalking", f"{session}\n{phone}\n{transcript}", Channel.USSD, phone, transcript, now,
                          session=session)  # fmt: skip
        return self.conversation.turn(message, now=now)

    def dialogue(self, *typed, session="one", phone=AMINA, now=NOW):
        turned = self.ussd("", session=session, phone=phone, now=now)
        for number in range(1, len(typed) + 1):
            turned = self.ussd("*".join(typed[:number]), session=session, phone=phone, now=now)
        return turned

    def sms(self, text, *, message="", phone=AMINA, sent=NOW, now=NOW):
        self.sms_count += 1
        message = Inbound("africastalking", message or f"m{self.sms_count}", Channel.SMS, phone, text, sent)
        return self.conversation.turn(message, now=now)

    def entries(self):
        found = []
        for shard in range(SHARDS):
            found += [unpack_entry(fields[b"e"], self.ciphers) for _, fields in self.redis.xrange(keys.journal(shard))]
        return sorted(found, key=lambda entry: entry.at)

    def answers(self):
        found = []
        for shard in range(SHARDS):
            found += [unpack_answer(fields[b"e"], self.ciphers) for _, fields in self.redis.xrange(keys.answers(shard))]
        return found

    def effects(self, kind):
        return [effect for entry in self.entries() for effect in entry.effects if isinstance(effect, kind)]


def test_a_turn_is_two_round_trips_and_no_sql(line, wire, database, monkeypatch):
    line.dialogue("1", "2")  # connects, loads the script
    calls, queries = [], []
    exchange = wire._exchange
    monkeypatch.setattr(wire, "_exchange", lambda command: calls.append(command[0]) or exchange(command))
    event.listen(database.engine, "before_cursor_execute", lambda *_: queries.append(1))
    line.ussd("1*2*2")
    assert calls == ["MGET", "EVALSHA"]
    assert queries == []


def test_the_same_step_twice_gives_the_same_screen_and_one_effect(line):
    first = line.dialogue("1", "2", "2")
    again = line.ussd("1*2*2")
    assert again.screen == first.screen
    assert len(line.effects(OpenReferral)) == 1


def test_a_step_replayed_after_later_steps_gets_its_old_screen(line):
    shown = [line.ussd(transcript).screen for transcript in ("", "1", "1*2", "1*2*2", "1*2*2*1")]
    assert line.ussd("1*2").screen == shown[2]
    assert line.ussd("1*2*2*1").screen == shown[4]
    assert line.ussd("1*2*2*1*1").screen != shown[4]  # and the conversation goes on where it was


def test_an_old_step_that_nobody_remembers_does_not_take_the_place_back(line):
    line.dialogue("1", "2", "2", "1")
    for key in line.redis.keys("{s*}m:*"):
        line.redis.delete(key)
    line.ussd("1*2")
    assert "sans risque" in line.ussd("1*2*2*1*1").screen


def test_who_has_only_an_id_of_whatsapp_is_served_and_kept_like_a_number(line):
    opaque = "whatsapp:NE.0000001"
    for n, text in enumerate(("salam", "1", "rappel", "90 00 99 88", "1")):
        message = Inbound("meta", f"w{n}", Channel.WHATSAPP, opaque, text, NOW)
        line.conversation.turn(message, now=NOW)
    first, *others = line.entries()
    assert first.number == opaque
    assert {entry.number for entry in others} == {""}
    assert {answer.number for answer in line.answers()} == {opaque}
    assert line.effects(UpdateReferral)[-1].terms.number == "+22790009988"
    assert not any(b"0000001" in part for part in [*line.redis.keys(), *stored(line.redis)])


def test_the_words_of_danger_in_two_sms_are_kept_whole_with_the_request(line):
    first, second = "je suis revenu il y a deux mois et je suis sans nouvelles, mon frere veut me tu", "er ce soir"
    line.sms(first)
    line.sms(second, now=NOW + timedelta(seconds=3))
    entry = line.entries()[-1]
    assert [effect.source for effect in entry.effects] == ["hush"]
    assert line.ciphers.decrypt(entry.text, entry.turn_hex.encode() + b"|text").decode() == first + second


def test_equal_answers_in_a_row_are_different_steps(line):
    line.dialogue("1", "2", "2", "1")
    urgent = line.ussd("1*2*2*1*1")
    assert "sans risque" in urgent.screen
    assert len(line.effects(UpdateReferral)) == 1


def test_a_star_typed_by_a_person_is_text(line):
    line.dialogue("1", "1")
    shown = line.ussd("1*1*48*27*19368")
    assert "Code secret" not in shown.screen or "48" not in shown.screen
    assert [entry.before for entry in line.entries()][-1] == "file.ask_case"


def test_two_hundred_deliveries_at_once_are_one_turn(line):
    line.dialogue("1", "2")
    with ThreadPoolExecutor(40) as pool:
        screens = {turned.screen for turned in pool.map(lambda _: line.ussd("1*2*2"), range(200))}
    assert len(screens) == 1
    assert len(line.effects(OpenReferral)) == 1


def test_two_messages_at_once_are_both_handled_one_after_the_other(line):
    line.sms("bonjour")
    start = threading.Barrier(2)

    def send(word):
        start.wait()
        return line.sms(word, message=word)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(send, ("STOP", "RAPPEL")))
    entries = {
        entry.text and line.ciphers.decrypt(entry.text, entry.turn_hex.encode() + b"|text") for entry in line.entries()
    }
    assert {b"STOP", b"RAPPEL"} <= entries
    assert len(line.effects(OpenReferral)) == 1
    assert len(line.answers()) == 3


def test_two_people_with_one_phone_are_two_referrals(line):
    line.dialogue("1", "2", "2", session="one")
    line.dialogue("2", "2", session="two", now=NOW + timedelta(minutes=30))
    opened = line.effects(OpenReferral)
    assert len({effect.id for effect in opened}) == len({effect.ticket for effect in opened}) == 2


def test_a_redelivery_after_the_store_was_lost_makes_the_same_referral_again(line):
    line.dialogue("1", "2", "2")
    [first] = line.effects(OpenReferral)
    line.redis.flushdb()
    line.dialogue("1", "2", "2")
    [second] = line.effects(OpenReferral)
    assert (first.id, first.ticket) == (second.id, second.ticket)


def test_a_ticket_number_in_use_is_never_given_twice(line):
    line.dialogue("1", "2", "2")
    [first] = line.effects(OpenReferral)
    bitmap = line.redis.keys("{s*}n")
    kept = {key: line.redis.get(key) for key in bitmap}
    line.redis.flushdb()
    for key, value in kept.items():
        line.redis.set(key, value)
    line.dialogue("1", "2", "2")
    [second] = line.effects(OpenReferral)
    assert second.ticket != first.ticket
    assert second.id == first.id


def test_a_full_journal_refuses_the_file_but_never_help_or_private_talk(
    settings, content, wire, ciphers, database, redis_client
):
    line = Line(settings, content, wire, ciphers, database, redis_client, journal_limit=1)
    line.dialogue("1")
    line.ussd("1*2")
    line.ussd("1*2*2")
    line.ussd("", session="two")
    line.ussd("9", session="two")
    assert len(line.effects(OpenReferral)) == 2
    line.ussd("", session="three")
    with pytest.raises(JournalFull):
        line.ussd("1", session="three")
    line.lookups.close()


def test_an_answer_by_sms_waits_in_the_stream_with_its_turn(line):
    turned = line.sms("bonjour")
    [answer] = line.answers()
    assert turned.screen is None
    assert turned.answers
    assert answer.number == AMINA
    assert "9 Parler en" in answer.text


def test_a_message_sent_before_the_question_is_no_answer_to_it(line):
    line.sms("RAPPEL")
    line.sms("1", sent=NOW - timedelta(hours=2))
    assert not line.effects(UpdateReferral)
    assert "1 Mon dossier" in line.answers()[-1].text


def test_secrets_never_reach_the_journal(line):
    line.dialogue("1", "1", "482719368", "7306")
    for entry in line.entries():
        if entry.before in ("file.ask_case", "file.ask_code"):
            assert entry.text == b""
    raw = b"".join(stored(line.redis))
    assert b"482719368" not in raw
    assert b"7306" not in raw
    assert AMINA[1:].encode() not in raw


@pytest.mark.parametrize("late", ["7306", "48 27 19 368", "482719", "90 00 99 88", "٧٣٠٦"])
def test_numbers_that_come_when_nothing_asks_for_them_are_not_kept(line, late):
    line.sms(late)
    assert [entry.text for entry in line.entries()] == [b""]


def test_words_are_kept_where_they_are_no_secret(line):
    line.sms("bonjour 7")
    [entry] = line.entries()
    assert line.ciphers.decrypt(entry.text, f"{entry.turn_hex}|text".encode()) == b"bonjour 7"


def test_a_store_that_does_not_answer_is_one_error(content, ciphers, database, redis_client, tmp_path):
    away = Wire(f"unix://{tmp_path}/nothing", timeout=0.5)
    lookups = Lookups(database, Attempts(redis_client, ciphers), ciphers)
    conversation = Conversation(content, Conversations(away, ciphers), ciphers, lookups)
    with pytest.raises(StoreDown):
        conversation.turn(Inbound("g", "1", Channel.SMS, AMINA, "bonjour", NOW), now=NOW)
    lookups.close()


def test_a_store_that_forgot_its_scripts_gets_them_again(line):
    line.dialogue("1")
    line.redis.script_flush()
    assert line.ussd("1*2").screen


def test_sessions_and_contacts_expire(line):
    line.dialogue("1")
    address = line.ciphers.address(AMINA)
    assert 3_500 < line.redis.ttl(keys.session(address, "ussd")) <= 3_600
    assert line.redis.ttl(keys.contact(address)) > 29 * 86_400


def test_an_address_that_this_store_forgot_gets_its_language_back(line, wire):
    line.dialogue("1")
    digest = line.ciphers.address(AMINA).digest
    line.redis.delete(keys.contact(line.ciphers.address(AMINA)))
    line.ussd("", session="two")
    assert Conversations(wire, line.ciphers).refill(digest, language="ha", consent="yes", stopped=("sms",), texts="yes")
    assert line.ussd("", session="three").screen.startswith("Barka")


def test_what_a_person_said_since_wins_over_a_refill(line, wire):
    line.dialogue("1")
    digest = line.ciphers.address(AMINA).digest
    Conversations(wire, line.ciphers).refill(digest, language="ha", consent="", stopped=(), texts="yes")
    assert line.ussd("", session="two").screen.startswith("Bienvenue")


def test_both_hooks_of_a_missed_call_are_one_turn_without_an_answer(line):
    line.dialogue("1", "2")
    kept = [key for key in line.redis.keys("*") if key.endswith(b":ussd")]
    before = [line.redis.get(key) for key in kept]
    call = Inbound("africastalking", "call\nATVId_1", Channel.VOICE, AMINA, "", NOW)
    for _ in ("ringing", "ended"):
        turned = line.conversation.turn(call, now=NOW)
        assert (turned.screen, turned.answers) == (None, False)
    [referral] = line.effects(OpenReferral)
    assert (referral.source, referral.terms.may_call) == ("missed_call", True)
    assert [line.redis.get(key) for key in kept] == before  # what is under way on another channel stands as it was
    assert line.redis.keys("*:voice") == []
    assert line.answers() == []
