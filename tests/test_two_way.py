"""Staff and a person write to each other, the bot keeps silent, and the end is asked for: real stores, only the clock faked."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.engine.effects import OpenReferral, Terms
from bot.errors import ReferralError
from bot.gate import Gate
from bot.gateway import Gateway
from bot.jobs import rows, staff_turns
from bot.jobs.handing import SENDERS
from bot.jobs.services import Services as JobServices
from bot.jobs.staff_turns import tell_conversations
from bot.messages import Channel, Inbound, Sent
from bot.outbox import NotWritten
from bot.recorder.batch import Recording, record_shard
from bot.referrals import closing, ladder, replying, words
from bot.referrals.steps import accept
from bot.referrals.terms import write_terms
from bot.referrals.writing import open_referral
from bot.services import Services
from bot.store import keys
from bot.store.ciphers import SHARDS
from bot.store.journal import unpack_answer
from bot.store.models import Contact, Message, Referral, ReferralEvent, Staff
from bot.text.damm import check_digit
from bot.waking import queue_on
from tests.referrals.conftest import Office

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)  # Tuesday, 10:00 in Niamey
AMINA = "+22790001234"
MAY_WRITE = Terms(may_call=True, text=True)
MINUTE = timedelta(minutes=1)


def with_check_digit(digits):
    return digits + check_digit(digits)


class Phone(Gateway):
    """Keeps what it was given."""

    name = "africastalking"

    def __init__(self):
        self.sent = []

    def send(self, message):
        self.sent.append(message)
        return Sent(f"ext-{len(self.sent)}", parts=1)


class Line:
    """Amina's phone, three colleagues of one queue, and everything between them."""

    def __init__(self, settings, database, redis_client, ciphers, jobs, phone):
        self.services, self.jobs, self.phone = Services(settings), jobs, phone
        self.settings, self.database, self.redis, self.ciphers = settings, database, redis_client, ciphers
        self.office = Office(database, ciphers, settings)
        self.staff = [self.office.on_duty(name) for name in ("hadiza", "aicha", "mariama")]
        self.now, self.count = NOW, 0
        self.says("Bonjour", Channel.USSD)
        self.record()

    def later(self, **by):
        self.now += timedelta(**by)

    def need(self, *, terms=MAY_WRITE, channel="ussd", **fields):
        """Opened as a turn would, accepted by nobody."""
        self.count += 1
        effect = OpenReferral(
            id=f"{self.count:032x}",
            ticket=with_check_digit(f"{482000 + self.count}"),
            **{"queue": "protection", "level": "high"} | fields,
        )
        with self.database.transaction() as session:
            contact = session.scalars(select(Contact).order_by(Contact.id)).first()
            contact.language = "fr"
            open_referral(
                session, effect, at=self.now, turn=f"{self.count:032x}", channel=channel, contact_id=contact.id,
                case_id=None, office="", ciphers=self.ciphers,
            )  # fmt: skip
            session.flush()
            if terms is not None:
                write_terms(session.get_one(Referral, effect.id), terms, ciphers=self.ciphers)
        return effect.id

    def somebody_else(self, number):
        """A request of another phone, accepted."""
        referral_id = self.taken()
        with self.database.transaction() as session:
            digest = self.ciphers.address(number).digest
            place = f"contacts|{digest}|number".encode()
            contact = Contact(digest=digest, number_enc=self.ciphers.encrypt(number.encode(), place), language="fr")
            session.add(contact)
            session.flush()
            session.get_one(Referral, referral_id).contact_id = contact.id
        return referral_id

    def step(self, function, referral_id, *arguments, by=0, **more):
        with self.database.transaction() as session:
            found, staff = session.get_one(Referral, referral_id), session.get_one(Staff, self.staff[by])
            return function(
                session, found, staff, *arguments, self.now, ciphers=self.ciphers, settings=self.settings, **more
            )

    def taken(self, **more):
        referral_id = self.need(**more)
        self.step(accept, referral_id)
        return referral_id

    def writes(self, referral_id, text="Quand vous appeler ?", **more):
        """Hadiza writes; the job tells the store and sends it."""
        self.count += 1
        self.step(replying.reply, referral_id, text, **{"once": str(self.count)} | more)
        return self.runs()

    def closes(self, referral_id, **more):
        told = self.step(closing.close, referral_id, "helped", **more)
        self.runs()
        return told

    def runs(self):
        """What the worker does; the texts that reached Amina's phone by it."""
        tell_conversations(self.jobs, now=self.now)
        ladder.climb(self.database, now=self.now, settings=self.settings, ciphers=self.ciphers)
        before = len(self.phone.sent)
        rows.send_due(self.jobs, now=self.now)
        return [message.text for message in self.phone.sent[before:] if message.to == AMINA]

    def says(self, text, channel=Channel.SMS, **more):
        """Amina says something; what the bot answers, on whatever channel."""
        self.count += 1
        self.later(seconds=30)
        session = f"call-{self.count}" if channel is Channel.USSD else ""
        gateway = "twilio" if channel is Channel.WHATSAPP else "africastalking"
        text = "" if channel is Channel.USSD else text
        inbound = Inbound(gateway, str(self.count), channel, AMINA, text, self.now, session=session, **more)
        turned = self.services.conversation.turn(inbound, now=self.now)
        return turned.screen if channel is Channel.USSD else self.answers()

    def answers(self):
        found = []
        for shard in range(SHARDS):
            for entry_id, fields in self.redis.xrange(keys.answers(shard)):
                found.append(unpack_answer(fields[b"e"], self.ciphers).text)
                self.redis.xdel(keys.answers(shard), entry_id)
        return found

    def record(self):
        recording = Recording(self.redis, self.ciphers, self.settings, reasons={})
        with self.database.engine.connect() as connection:
            for shard in range(SHARDS):
                record_shard(recording, connection, shard)

    def referral(self, referral_id):
        return self.office.referral(referral_id)

    def contact(self):
        with self.database.transaction() as session:
            return session.scalars(select(Contact)).one()

    def heard(self, referral_id):
        """What Amina wrote to staff, as the referral keeps it; "" where it may not be kept."""
        with self.database.transaction() as session:
            events = select(ReferralEvent).where(
                ReferralEvent.referral_id == referral_id, ReferralEvent.kind == "wrote_back"
            )
            place = f"referrals|{referral_id}|text".encode()
            return [
                self.ciphers.decrypt(event.text_enc, place).decode() if event.text_enc else ""
                for event in session.scalars(events.order_by(ReferralEvent.id))
            ]

    def alerted(self, referral_id):
        return [self.staff.index(alert.staff_id) for alert in self.office.alerts(referral_id)]

    def close(self):
        self.services.lookups.close()
        self.services.conversations._wire.close()
        self.services.database.close()
        self.services.redis_client.close()


@pytest.fixture
def line(settings, database, redis_client, queue_client, ciphers):
    phone = Phone()
    gate = Gate(settings, {"africastalking": phone, "twilio": phone}, outgoing_allowed=lambda _name: True)
    with ThreadPoolExecutor(SENDERS) as senders:
        jobs = JobServices(settings, database, redis_client, queue_on(queue_client), ciphers, gate, senders)
        made = Line(settings, database, redis_client, ciphers, jobs, phone)
        yield made
        made.close()


# --- two-way


def test_a_reply_goes_out_once_and_takes_the_referral_on(line):
    referral_id = line.need()
    assert line.writes(referral_id, once="a") == ["Quand vous appeler ?"]
    assert line.writes(referral_id, once="a") == []
    assert line.referral(referral_id).accepted_by == line.staff[0]
    assert line.office.events(referral_id).count("replied") == 1


@pytest.mark.parametrize(
    "more",
    [
        {"terms": None},
        {"terms": Terms(may_call=True)},
        {"terms": Terms(may_call=True, text=True, number="+22790009999")},
        {"private": True, "level": "critical"},
        {"minor": True},
    ],
)
def test_nobody_is_written_to_where_the_terms_do_not_say_so(line, more):
    referral_id = line.need(**more)
    if more.get("minor"):
        line.staff.append(line.office.on_duty("salma", "child_specialist", "child"))
    with pytest.raises(ReferralError, match="may_not_write"):
        line.step(replying.reply, referral_id, "Bonjour", once="a", by=3 if more.get("minor") else 0)
    assert line.contact().human_until is None


def test_what_may_not_stand_on_a_phone_is_refused_before_it_leaves(line):
    referral_id = line.taken()
    for text, reason in (("a l'hopital", "never_send:health"), ("mot " * 200, "too_long"), (" ", "empty")):
        with pytest.raises(NotWritten, match=reason):
            line.step(replying.reply, referral_id, text, once="a")
    with line.database.transaction() as session:
        shown = replying.preview(
            session, session.get_one(Referral, referral_id), "Où êtes-vous ?", line.now, ciphers=line.ciphers,
            settings=line.settings.model_copy(update={"prices": {"africastalking": "8 XOF"}}),
        )  # fmt: skip
        assert (shown.channel, shown.parts, int(shown.cost), shown.currency) == ("sms", 1, 8, "XOF")
        assert session.scalars(select(Message).where(Message.kind == "reply")).all() == []


def test_the_bot_is_silent_until_an_hour_after_the_last_word_of_either(line):
    referral_id = line.taken()
    assert line.says("Bonjour"), "before anybody of the staff writes the bot answers"
    line.writes(referral_id)
    assert line.says("1") == []
    line.later(minutes=50)
    assert line.says("demain matin") == []
    line.record()
    line.runs()
    line.later(minutes=50)
    assert line.says("RAPPEL") == []
    line.record()
    assert line.heard(referral_id) == ["1", "demain matin", "RAPPEL"]
    line.later(minutes=61)
    assert line.says("Bonjour")
    assert line.says("", Channel.USSD)


def test_a_code_said_to_staff_is_never_kept(line):
    referral_id = line.taken()
    line.writes(referral_id)
    assert [line.says(text) for text in ("7306", "482719368 7306", "mon code 73 06")] == [[], [], []]
    line.record()
    assert line.heard(referral_id) == ["", "", ""]


def test_the_holder_hears_once_that_there_is_an_answer_and_nothing_of_it(line):
    referral_id = line.taken()
    line.writes(referral_id)
    for text in ("demain", "ou jeudi"):
        line.says(text)
    line.record()
    told = [text for text in line.office.texts(line.staff[0]) if "reponse" in text and "Repondez" not in text]
    assert len(told) == 1
    assert "demain" not in told[0]
    assert not [text for text in line.office.texts(line.staff[1]) if "il y a une reponse" in text]


def test_in_the_silence_danger_stop_and_the_talk_in_private_are_heard(line):
    referral_id = line.taken()
    line.writes(referral_id)
    assert "privé" not in line.says("9")[0]
    [asked] = line.says("on me menace")
    assert "Peut-on vous appeler" in asked
    assert line.says("1"), "what is asked because of it is answered"
    assert line.says("STOP")
    line.record()
    with line.database.transaction() as session:
        sources = set(session.scalars(select(Referral.source)))
    assert {"private", "hush"} <= sources
    assert line.heard(referral_id) == []
    assert line.contact().stopped == ["sms"]


def test_a_store_that_was_away_is_told_by_the_next_run(line):
    referral_id = line.taken()
    line.count += 1
    line.step(replying.reply, referral_id, "Quand ?", once="a")
    away = JobServices(
        line.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}), line.database, line.redis,
        line.jobs.queue, line.ciphers, line.jobs.gate, line.jobs.senders,
    )  # fmt: skip
    assert tell_conversations(away, now=line.now) == 0
    assert line.contact().human_copied is None
    line.runs()
    assert line.contact().human_copied == line.contact().human_until
    assert line.says("demain") == []


def test_a_store_that_lost_the_silence_is_told_again(line):
    referral_id = line.taken()
    line.writes(referral_id)
    assert line.says("ce soir") == []
    line.record()
    line.runs()
    line.redis.delete(keys.contact(line.ciphers.address(AMINA)))
    assert line.says("a 19 h") != []  # the store knows nothing: the bot answers this once
    line.record()
    line.runs()
    assert line.says("vers 19 h") == []
    line.record()
    line.runs()
    line.later(hours=2)
    line.redis.delete(keys.contact(line.ciphers.address(AMINA)))
    line.says("bonjour")
    line.record()
    assert line.contact().human_copied == line.contact().human_until  # what is over is not told again


def test_the_bot_speaks_again_once_the_request_is_closed(line):
    referral_id = line.taken()
    line.writes(referral_id)
    line.closes(referral_id, untold="said")
    assert line.says("Bonjour")


# --- closing the loop


def test_the_end_is_asked_in_one_neutral_sms_and_no_reopens_one_rung_higher(line):
    referral_id = line.need(level="critical", private=False)
    line.runs()
    assert line.alerted(referral_id) == [0]
    line.step(accept, referral_id)
    line.writes(referral_id)
    line.later(minutes=5)
    assert line.closes(referral_id) == "asking"
    asked = [message.text for message in line.phone.sent if message.to == AMINA][-1]
    assert (
        asked
        == f"Votre demande {words.shown(line.referral(referral_id).ticket)} est close. Est-ce résolu ? 1 Oui 2 Non"
    )
    assert line.referral(referral_id).closing == "told"
    assert line.runs() == []
    line.later(days=3)
    [thanks] = line.says("2")
    assert "rouverte" in thanks
    line.record()
    found = line.referral(referral_id)
    assert (found.state, found.solved, found.reopened, found.level, found.closing) == ("new", False, 1, "critical", "")
    line.runs()
    assert line.alerted(referral_id) == [0, 1], "the one after whoever closed it"
    newest = line.office.texts(line.staff[1])[-1]
    assert "CRITIQUE" in newest
    assert "sans reponse" not in newest
    line.later(minutes=16)
    line.runs()
    assert line.alerted(referral_id) == [0, 1, 2]
    line.later(minutes=16)
    line.runs()
    assert line.alerted(referral_id) == [0, 1, 2, 0]


def test_yes_is_kept_answered_twice_changes_nothing_and_a_new_closing_asks_again(line):
    referral_id = line.taken()
    line.closes(referral_id)
    line.says("oui")
    line.record()
    assert (line.referral(referral_id).solved, line.referral(referral_id).state) == (True, "closed")
    ticket = line.referral(referral_id).ticket
    line.says(ticket)
    line.says("2")
    line.record()
    line.says("2")
    line.record()
    found = line.referral(referral_id)
    assert (found.solved, found.state, found.reopened) == (False, "new", 1)
    line.step(accept, referral_id, by=1)
    line.later(minutes=11)  # the menu answered the second "2"
    line.closes(referral_id, by=1)
    with line.database.transaction() as session:
        asked = session.scalars(select(Message).where(Message.kind == "closing")).all()
    assert len(asked) == 2
    assert line.referral(referral_id).solved is None


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"terms": None}, "terms"),
        ({"terms": Terms(may_call=True)}, "terms"),
        ({"private": True, "level": "critical"}, "private"),
        ({"minor": True}, "minor"),
    ],
)
def test_where_nobody_may_be_written_to_the_reason_stands_instead(line, more, why):
    if more.get("minor"):
        line.staff[0] = line.office.on_duty("salma", "child_specialist", "child")
    referral_id = line.taken(**more)
    assert line.closes(referral_id, untold="said") == why
    assert line.runs() == []
    assert [message for message in line.phone.sent if message.to == AMINA] == []
    assert line.referral(referral_id).closing == why


def test_a_sealed_request_never_asks_nor_by_its_number(line):
    line.staff[0] = line.office.on_duty("zeinabou", "psea_focal", "sealed")
    referral_id = line.taken(sealed=True, queue="sealed", level="critical")
    assert line.closes(referral_id) == "sealed"
    assert "suit cette demande" in line.says(line.referral(referral_id).ticket)[0]


def test_after_stop_nothing_is_asked_and_the_reason_stands(line):
    line.says("STOP")
    line.record()
    referral_id = line.taken()
    assert line.closes(referral_id) == "stopped"


def test_staff_may_say_why_nothing_is_sent_and_nothing_else_closes(line):
    referral_id = line.taken()
    with pytest.raises(ReferralError, match="unknown_reason"):
        line.step(closing.close, referral_id, "helped", untold="whatever")
    assert line.closes(referral_id, untold="unsafe") == "unsafe"
    assert line.runs() == []


def test_the_question_waits_for_a_conversation_that_is_under_way(line):
    referral_id = line.taken()
    line.says("MENU")
    line.closes(referral_id)
    assert line.referral(referral_id).closing == "asking"
    assert "1 Mon dossier" not in line.says("1")[0], "the digit answers the menu"
    line.later(minutes=11)
    [asked] = line.runs()
    assert "Est-ce résolu" in asked
    assert line.referral(referral_id).closing == "told"


def test_the_question_waits_for_the_morning(line):
    referral_id = line.taken()
    line.now = NOW.replace(hour=21)
    assert line.closes(referral_id) == "asking"
    assert line.runs() == []
    assert line.says("1") != ["Merci. Votre demande est rouverte. Une personne la suit."]
    line.now = NOW.replace(day=25, hour=8)
    assert len(line.runs()) == 1


def test_the_question_of_a_second_request_waits_for_the_first(line):
    first, second = line.taken(), line.taken()
    line.closes(first)
    line.closes(second)
    assert (line.referral(first).closing, line.referral(second).closing) == ("told", "asking")
    line.says("1")
    line.record()
    assert (line.referral(first).solved, line.referral(second).solved) == (True, None)
    assert len(line.runs()) == 1


def test_a_talk_about_another_request_goes_on_when_one_is_closed(line):
    first, second = line.taken(), line.taken()
    line.writes(first)
    line.later(minutes=1)
    line.writes(second)
    line.closes(first, untold="said")
    assert line.says("demain") == []
    line.record()
    assert (line.heard(first), line.heard(second)) == ([], ["demain"])


def test_two_hundred_that_must_wait_do_not_hold_up_the_one_behind_them(line, monkeypatch):
    monkeypatch.setattr(staff_turns, "MOST", 2)
    line.says("MENU")
    waiting = [line.taken() for _ in range(3)]
    for referral_id in waiting:
        line.step(closing.close, referral_id, "helped")
        line.later(seconds=1)
    other = line.somebody_else("+22790001299")
    line.step(closing.close, other, "helped")
    assert line.runs() == []
    line.runs()
    assert line.referral(other).closing == "told"
    assert {line.referral(one).closing for one in waiting} == {"asking"}


def test_a_fault_with_one_question_leaves_the_others_their_turn(line, monkeypatch):
    broken, sound = line.taken(), line.taken()
    real = staff_turns.way

    def way(session, referral, *arguments, **more):
        if referral.id == broken:
            raise ValueError("fault of ours")
        return real(session, referral, *arguments, **more)

    monkeypatch.setattr(staff_turns, "way", way)
    line.closes(broken)
    line.closes(sound)
    assert (line.referral(broken).closing, line.referral(sound).closing) == ("asking", "told")
