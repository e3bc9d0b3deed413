"""The words with which Twilio itself blocks a person: told to staff, and nobody is lost over one."""

import re
from datetime import UTC, datetime

import pytest
from twilio.request_validator import RequestValidator

from bot.config import ROOT
from bot.content import catalogues, loading
from bot.engine.effects import AnswerSent
from bot.messages import Channel, OptOut
from bot.recorder import Recording, record_shard
from bot.store import keys
from bot.store.journal import Entry, pack_entry, unpack_answer
from bot.store.models import Contact, Referral
from bot.text.keywords import keyword
from handlers.twilio import BLOCKING, Twilio
from tests.receiving import Hooks

AMINA = "+22790123456"
OUR_OWN = frozenset(word for word in BLOCKING if keyword(word) == "stop")
SHOUTED = re.compile(r"\b[A-Z]{3,}\b")


class Line:
    """SMS hooks of Twilio on real stores, and what the recorder makes of them."""

    def __init__(self, settings, database, redis_client, ciphers):
        self.settings, self.database, self.redis, self.ciphers = settings, database, redis_client, ciphers
        hooks = Hooks(settings)
        self.client, self.services, self.close = hooks.client, hooks.services, hooks.close
        self.shard = ciphers.address(AMINA).shard
        self.count = 0

    def sms(self, text, **more):
        self.count += 1
        form = {"MessageSid": f"SM{self.count}", "AccountSid": self.settings.twilio_account_sid, "From": AMINA}
        form |= {"To": "+12025550123", "Body": text, "NumMedia": "0"} | more
        validator = RequestValidator(self.settings.twilio_auth_token.get_secret_value())
        signature = validator.compute_signature(f"{self.settings.base_url}/hooks/twilio/message", form)
        reply = self.client.post("/hooks/twilio/message", data=form, headers={"X-Twilio-Signature": signature})
        assert reply.status_code == 200
        return self.answers()

    def answers(self):
        """The texts that wait to leave; they are taken away."""
        found = self.redis.xrange(keys.answers(self.shard))
        for entry_id, _ in found:
            self.redis.xdel(keys.answers(self.shard), entry_id)
        return [unpack_answer(fields[b"e"], self.ciphers).text for _, fields in found]

    def answer_left(self, n):
        """An answer reaches the gateway and is taken."""
        sent = AnswerSent(message=f"{n:032x}", channel="sms", gateway="twilio", state="sent", external_id=f"SM9{n}")
        digest = self.ciphers.address(AMINA).digest
        entry = Entry(bytes.fromhex(f"{n:032x}"), "sent", 1_763_712_000_000, "twilio", "sms", digest, effects=(sent,))
        self.redis.xadd(keys.journal(self.shard), {"e": pack_entry(entry, self.ciphers)})

    def contact(self):
        recording = Recording(
            self.redis,
            self.ciphers,
            self.settings,
            reasons={"twilio": Twilio.reasons},
            wake=lambda *_: None,
            refill=lambda *_: None,
        )
        with self.database.engine.connect() as connection:
            record_shard(recording, connection, self.shard)
        with self.database.transaction() as session:
            return session.query(Contact).one()


@pytest.fixture
def line(settings, database, redis_client, ciphers):
    line = Line(settings, database, redis_client, ciphers)
    yield line
    line.close()


@pytest.mark.parametrize("word", sorted(BLOCKING))
def test_staff_see_that_answers_cannot_leave_and_pushes_end(line, word):
    line.sms("Bonjour")
    line.sms(word)
    contact = line.contact()
    assert (contact.blocked, contact.stopped) == (["sms"], ["sms"])


def test_an_opt_out_that_lets_answers_through_is_no_block(line):
    event = OptOut("twilio", AMINA, Channel.SMS, "preference")
    line.services.events.opt_out(event, now=datetime.now(UTC))
    contact = line.contact()
    assert (contact.blocked, contact.stopped) == ([], ["sms"])


def test_a_word_amid_a_question_leaves_the_person_at_the_question(line):
    [asked] = line.sms("RAPPEL")
    line.sms("END")
    assert line.sms("START")[0].startswith("Les messages reprennent")
    assert line.contact().stopped == []
    with line.database.transaction() as session:
        assert session.query(Referral).count() == 1, "what was saved before the word stands"
    assert asked


def test_start_opens_the_line_again_and_the_first_answer_that_leaves_clears_the_block(line):
    line.sms("CANCEL")
    assert line.contact().blocked == ["sms"]
    line.sms("START")
    assert line.contact().stopped == []
    line.answer_left(1)
    assert line.contact().blocked == []


def test_yes_may_be_an_answer_and_is_never_a_wish_for_reminders(line):
    line.sms("QUIT")
    assert line.sms("YES"), "it is answered: with it Twilio has opened the line again"
    assert line.contact().stopped == ["sms"]


def test_the_same_word_delivered_twice_is_one(line):
    line.sms("Bonjour")
    first = line.sms("END", MessageSid="SMsame")
    again = line.sms("END", MessageSid="SMsame")
    assert first
    assert not again


def texts():
    """Every text of the conversations, in every language."""
    loaded = loading.load(ROOT / "flows")
    for context, english in catalogues.wanted(loaded):
        yield "en", context, english
    for language in ("fr", "ha"):
        for (context, _), words in catalogues.read(ROOT / "locales", language).words.items():
            yield language, context, words


def test_no_screen_asks_anybody_to_type_a_word_that_blocks():
    """STOP is meant to; a menu that asked for END or CANCEL would cut people off."""
    found = list(texts())
    assert len(found) > 300
    for language, context, words in found:
        asked = set(SHOUTED.findall(words)) & BLOCKING
        assert asked <= {"STOP"}, (language, context)
        assert words.strip().upper() not in BLOCKING, (language, context)


def test_those_that_mean_stop_mean_it_with_us_too_and_the_others_mean_nothing_else():
    assert BLOCKING - {"END", "QUIT", "CANCEL"} == OUR_OWN
    assert [keyword(word) for word in ("END", "QUIT", "CANCEL")] == [None] * 3
    assert {keyword(word) for word in ("STOP", "ARRET", "arrêt", "TSAYA", "DAINA")} == {"stop"}
    assert {keyword(word) for word in ("START", "UNSTOP", "REPRENDRE", "FARA")} == {"start"}
