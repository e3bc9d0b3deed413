"""From the women's request to the pump: dialled and texted, with a clock that moves by months, on real stores."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.community import proposals, savings
from bot.messages import Channel, Inbound
from bot.recorder.batch import Recording, record_shard
from bot.services import Services
from bot.store import keys
from bot.store.ciphers import SHARDS
from bot.store.journal import unpack_answer
from bot.store.models import CommunityGroup, Proposal
from tests.community.conftest import CODE


class Line:
    """The line itself: people dial and text, the recorder writes down."""

    def __init__(self, world):
        self.world, self.services, self.count = world, Services(world.settings), 0

    def dials(self, phone, *typed):
        """The last screen of a call."""
        self.count += 1
        session, screen = f"call-{self.count}", ""
        for length in range(len(typed) + 1):
            self.world.now += timedelta(seconds=10)
            text = "*".join(typed[:length])
            screen = self._turn(phone, Channel.USSD, f"{session}\n{text}", text, session=session).screen
        self.record()
        return screen

    def texts(self, phone, words):
        """What comes back."""
        self.count += 1
        self.world.now += timedelta(minutes=1)
        self._turn(phone, Channel.SMS, f"sms-{self.count}", words)
        self.record()
        found = []
        for shard in range(SHARDS):
            for entry, fields in self.services.redis_client.xrange(keys.answers(shard)):
                found.append(unpack_answer(fields[b"e"], self.world.ciphers).text)
                self.services.redis_client.xdel(keys.answers(shard), entry)
        return " ".join(found)

    def record(self):
        recording = Recording(self.services.redis_client, self.world.ciphers, self.world.settings, reasons={})
        with self.world.database.engine.connect() as connection:
            for shard in range(SHARDS):
                record_shard(recording, connection, shard)

    def decides(self, to):
        """The committee, a season later."""
        self.world.now += timedelta(days=80)
        with self.world.database.transaction() as session:
            row = session.scalars(select(Proposal)).one()
            title = "Un local pour coudre"
            proposals.give_title(session, self.world.rakia, row, title, self.world.now, ciphers=self.world.ciphers)
            step = (row.state, to)
            proposals.move(session, self.world.rakia, row.id, step, "", self.world.now, teller=self.world.teller)

    def close(self):
        self.services.lookups.close()
        self.services.conversations._wire.close()
        self.services.database.close()
        self.services.redis_client.close()

    def _turn(self, phone, channel, message, text, **more):
        now = self.world.now
        inbound = Inbound("africastalking", message, channel, phone.number, text, now, **more)
        return self.services.conversation.turn(inbound, now=now)


@pytest.fixture
def line(world):
    world.now = datetime(2020, 6, 10, 9, 0, tzinfo=UTC)
    line = Line(world)
    yield line
    line.close()


def test_from_the_women_s_request_to_the_pump(world, line, hadjara, mariam, amina):
    women = world.group(hadjara, mariam, heads=40)
    english, community, place = "3", "4", "1"

    # 2020: a place to sew, said in a few words for the group; she wants to be told
    screen = line.dials(hadjara, english, community, place, "2", "1", "1", "1", "1", "Un local pour coudre", "1")
    with world.database.transaction() as session:
        asked = session.scalars(select(Proposal)).one()
    assert f"P-{asked.number}" in screen
    assert asked.group_id == int(women)
    assert proposals.words_of(asked, ciphers=world.ciphers) == "Un local pour coudre"
    assert "coudre" not in screen

    # accepted, built, handed over in 2021; each step is told, and anybody follows by SMS
    for to in ("EXAMINED", "ACCEPTED", "WORKS", "DELIVERED", "IN_USE"):
        line.decides(to)
    assert [words for _, words in world.texts()] == [f"P-{asked.number}: dial en"] * 5
    assert world.now.year == 2021
    line.dials(amina, english)
    assert f"P-{asked.number}" in line.texts(amina, f"p {asked.number}")

    # one officer enters the month, another confirms it; forty share
    to_the_book = (community, "4", "1", CODE)
    screen = line.dials(hadjara, *to_the_book, "1", "2", "150000", "62500", "20000")
    assert "87 500" in screen
    assert "1 687" in screen
    assert "150 000" in line.dials(mariam, english, community, place, "4", "1", CODE, "2")
    assert "67 480" in line.dials(mariam, *to_the_book, "2", "1", "1", "3")

    # the pump
    with world.database.transaction() as session:
        group = session.get_one(CommunityGroup, int(women))
        savings.set_goal(session, world.rakia, group, "Pompe", 600_000, world.now)
    assert "Pompe: 62 %" in line.dials(hadjara, *to_the_book, "4", "2", "372000")
    assert "Pompe: 62 %" in line.dials(mariam, *to_the_book, "4")

    # no sum has ever left as a message
    assert len(world.texts()) == 5
