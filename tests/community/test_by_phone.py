"""My community as it is dialled: screens, claims and the recorder together, on real stores."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.recorder import Recording, record_shard
from bot.store.models import BookLine, Proposal, Quarantined, Referral, Tension
from bot.store.wire import Wire
from tests.community.conftest import CODE, NOW
from tests.test_conversation import Line

HADJARA, MARIAM, AMINA = "+22790001001", "+22790001002", "+22790001003"


class Dialled:
    """People who dial; what they ordered is recorded after each call."""

    def __init__(self, line, world, redis_client):
        self.line, self.world, self.redis = line, world, redis_client
        self.calls = 0
        self.now = NOW

    def dials(self, phone, *keys):
        self.calls += 1
        self.now += timedelta(minutes=11)  # nothing of the call before is offered
        said = self.line.dialogue(*keys, session=str(self.calls), phone=phone, now=self.now)
        world = self.world
        recording = Recording(self.redis, world.ciphers, world.settings, reasons={})
        with world.database.engine.connect() as connection:
            record_shard(recording, connection, world.ciphers.address(phone).shard)
        assert self.rows(Quarantined) == []
        return said.screen

    def rows(self, model):
        with self.world.database.transaction() as session:
            return list(session.scalars(select(model)))


@pytest.fixture
def line(world, content, settings, ciphers, database, redis_client):
    wire = Wire(settings.redis_url, timeout=2)
    line = Line(settings, content, wire, ciphers, database, redis_client)
    line.lookups._bounded._timeout = 20  # a busy machine is no database that is away
    dialled = Dialled(line, world, redis_client)
    for phone in (HADJARA, MARIAM, AMINA):
        assert dialled.dials(phone, "3", "4", "1").startswith("Assamaka\n1 Report trouble")
    yield dialled
    line.lookups.close()
    wire.close()


def test_a_fight_now_is_a_critical_threat_and_counted_as_it_is(line):
    assert "Is it safe to call" in line.dials(AMINA, "4", "1", "6", "1", "1")
    [referral], [tension] = line.rows(Referral), line.rows(Tension)
    assert (referral.code, referral.level, referral.queue) == ("THR", "critical", "protection")
    assert (tension.kind, tension.happening, tension.referral_id) == ("fight", True, referral.id)


def test_trouble_hung_up_at_its_kind_is_saved_and_nobody_may_be_called(line):
    line.dials(AMINA, "4", "1", "1")
    [referral], [tension] = line.rows(Referral), line.rows(Tension)
    assert (referral.code, referral.level, referral.queue) == ("TEN", "normal", "community")
    assert (tension.kind, tension.happening) == ("water", False)
    assert referral.terms_enc is None


def test_words_of_a_proposal_reach_the_committee_alone_and_its_number_everybody(line, world):
    screen = line.dials(AMINA, "4", "2", "1", "1", "1", "Il faut une pompe a eau", "2")
    [proposal] = line.rows(Proposal)
    assert f"P-{proposal.number}" in screen
    words = world.ciphers.decrypt(proposal.words_enc, f"proposals|{proposal.id}|words".encode())
    assert words == b"Il faut une pompe a eau"
    heard = line.dials(HADJARA, "4", "2", "2", f"p {proposal.number}")
    assert heard.startswith(f"P-{proposal.number} proposal: we have it, since 24/11.")
    assert "pompe" not in heard


def test_a_month_is_entered_by_one_officer_and_confirmed_by_another(line, world):
    world.group(world.phone(HADJARA), world.phone(MARIAM), members=[world.phone(AMINA)], heads=40)
    assert "0 Menu" in line.dials(HADJARA, "4", "4", "1", CODE, "1", "2", "120 000", "45000", "25 000 F")
    assert "Another officer" in line.dials(HADJARA, "4", "4", "1", CODE, "2")
    screen = line.dials(MARIAM, "4", "4", "1", CODE, "2")
    assert screen.startswith("October: sales 120 000, costs 45 000, for the centre 25 000, shared 50 000.")
    assert "confirmed" in line.dials(MARIAM, "4", "4", "1", CODE, "2", "1")
    told = line.dials(AMINA, "4", "4", "1", CODE, "1")
    assert "profit 75 000: for the centre 25 000, shared 50 000, each 1 250." in told
    assert len(line.rows(BookLine)) == 1


def test_a_stranger_to_the_group_opens_nothing(line, world):
    world.group(world.phone(HADJARA), world.phone(MARIAM))
    assert "You are in no group yet" in line.dials(AMINA, "4", "4", "1")
    assert "do not match" in line.dials(HADJARA, "4", "4", "1", "1234")
