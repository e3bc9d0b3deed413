"""Months on real stores: people dial and text, staff work, the clock comes once a day, and every SMS is kept."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import inspect, select

from bot.cases import process
from bot.cases.process import Mover, Wish
from bot.community.telling import Teller
from bot.content.screens import content_of
from bot.gate import Gate
from bot.jobs import community, rows
from bot.jobs.handing import SENDERS
from bot.jobs.outreach import reach_out
from bot.jobs.services import Services as JobServices
from bot.jobs.staff_turns import tell_conversations
from bot.messages import Channel, Inbound
from bot.outreach.calendar import Calendar
from bot.recorder.batch import Recording, record_shard
from bot.referrals import ladder
from bot.services import Services
from bot.store import keys
from bot.store.journal import unpack_answer
from bot.store.models import Case, Contact, Quarantined, Staff
from bot.waking import queue_on
from tests.referrals.conftest import Office
from tests.test_two_way import Phone


class World:
    """Phones, desk and clock. `sms`: what reached phones, as (Niamey time, number, text), in order."""

    def __init__(self, settings, database, redis_client, ciphers, jobs, phone):
        self.settings, self.database, self.redis, self.ciphers, self.jobs = (
            settings,
            database,
            redis_client,
            ciphers,
            jobs,
        )
        self.services = Services(settings)
        self.services.lookups._bounded._timeout = 20  # a busy machine is no database that is away
        self.phone, self.office = phone, Office(database, ciphers, settings)
        self.calendar = Calendar.of(settings)
        self.teller = Teller(content_of(settings).sentence, settings, ciphers)
        self.now, self.turns, self.sms = datetime.min, 0, []

    # --- the clock

    def day(self, day, hour=8, minute=0):
        """Let the days go by until then, each with its round of the clock at 10 in the morning."""
        until = self.calendar.clocks.local(self.calendar.clocks.moment(day, datetime.min.time()))
        until = until.replace(hour=hour, minute=minute)
        while self.now < until:
            morning = self.calendar.clocks.local(self.now).replace(hour=10, minute=0)
            morning += timedelta(days=1) if morning <= self.now else timedelta(0)
            if morning > until:
                self.now = until
                return
            self.now = morning
            self.works()

    def jumps(self, day, hour=8):
        """To that day, where nothing was due between."""
        self.now = self.calendar.clocks.moment(day, time(hour))

    def works(self):
        """What clock and worker do in one round."""
        tell_conversations(self.jobs, now=self.now)
        reach_out(self.jobs, now=self.now)
        community.tell_places(self.jobs, now=self.now)
        ladder.climb(self.database, now=self.now, settings=self.settings, ciphers=self.ciphers)
        before = len(self.phone.sent)
        rows.send_due(self.jobs, now=self.now)
        for message in self.phone.sent[before:]:
            self._reached(message.to, message.text)

    # --- people

    def dials(self, number, *typed):
        """One call, digit by digit; the last screen."""
        self.turns += 1
        session, screen = f"call-{self.turns}", ""
        self.now += timedelta(minutes=11)  # nothing of the call before is offered
        for length in range(len(typed) + 1):
            self.now += timedelta(seconds=5)
            text = "*".join(typed[:length])
            screen = self._turn(Channel.USSD, f"{session}\n{text}", number, text, session=session).screen
        self._record(number)
        return screen

    def texts(self, number, words):
        """What comes back by SMS."""
        self.turns += 1
        self.now += timedelta(minutes=1)
        self._turn(Channel.SMS, f"sms-{self.turns}", number, words)
        self._record(number)
        stream, found = keys.answers(self.ciphers.address(number).shard), []
        for entry, fields in self.redis.xrange(stream):
            found.append(unpack_answer(fields[b"e"], self.ciphers).text)
            self.redis.xdel(stream, entry)
        for text in found:
            self._reached(number, text)
        return found

    def sms_of(self, number):
        """What one phone got, a line each."""
        return [f"{at:%d/%m %H:%M} {text}" for at, to, text in self.sms if to == number]

    # --- staff

    def by(self, staff_id, session):
        """Somebody of the staff, now."""
        today = self.calendar.clocks.local(self.now).date()
        return Mover(session.get_one(Staff, staff_id), self.now, today, self.ciphers)

    def at_desk(self, function, *arguments, by, **more):
        """A step of the desk in its transaction; what it returned."""
        with self.database.transaction() as session:
            return function(session, *arguments, self.by(by, session), **more)

    def moves(self, number, to, *, by, **wish):
        """A file to another stage."""
        case = self.case(number)
        return self.at_desk(process.move, case.id, Wish(to, case.stage, **wish), by=by)

    def agrees(self, number, *, by):
        """To the one proposal that waits for this file."""
        with self.database.transaction() as session:
            case = session.scalars(select(Case).where(Case.number == number)).one()
            [waiting] = process.proposals(session, case)
            process.settle(session, case.id, waiting.id, self.by(by, session), agreed=True)
            return waiting.to_stage

    def case(self, number):
        return self.one(Case, Case.number == number)

    def contact(self, number):
        return self.one(Contact, Contact.digest == self.ciphers.address(number).digest)

    def add(self, row):
        """A row; its id."""
        with self.database.transaction() as session:
            session.add(row)
            session.flush()
            return row.id

    def one(self, model, *conditions):
        [found] = self.all(model, *conditions)
        return found

    def all(self, model, *conditions):
        with self.database.transaction() as session:
            return list(session.scalars(select(model).where(*conditions).order_by(*inspect(model).primary_key)))

    def close(self):
        self.services.lookups.close()
        self.services.conversations._wire.close()
        self.services.database.close()
        self.services.redis_client.close()

    def _turn(self, channel, message, number, text, **more):
        inbound = Inbound("africastalking", message, channel, number, text, self.now, **more)
        return self.services.conversation.turn(inbound, now=self.now)

    def _record(self, number):
        recording = Recording(self.redis, self.ciphers, self.settings, reasons={})
        with self.database.engine.connect() as connection:
            record_shard(recording, connection, self.ciphers.address(number).shard)
        assert self.all(Quarantined) == []

    def _reached(self, number, text):
        self.sms.append((self.calendar.clocks.local(self.now), number, text))


@pytest.fixture
def world(settings, database, redis_client, queue_client, ciphers):
    phone = Phone()
    gate = Gate(settings, {"africastalking": phone, "twilio": phone}, outgoing_allowed=lambda _name: True)
    with ThreadPoolExecutor(SENDERS) as senders:
        jobs = JobServices(settings, database, redis_client, queue_on(queue_client), ciphers, gate, senders)
        world = World(settings, database, redis_client, ciphers, jobs, phone)
        yield world
        world.close()
