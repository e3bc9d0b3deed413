"""Voice notes on real stores, from the hook's event to the deleted sound; only the gateways are a stand-in."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from bot import clock, jobs
from bot.engine.effects import OpenReferral
from bot.gate import Gate
from bot.jobs import recordings as job
from bot.jobs.services import SENDERS, Services
from bot.recorder import Recording as Recorded
from bot.recorder import record_shard
from bot.store import keys, recordings
from bot.store.journal import Entry, pack_entry
from bot.store.models import Recording, Referral
from bot.waking import queue_on
from handlers import registry
from tests.standin import StandIn

AMINA, SOUND = "+22790006511", b"OggS" + bytes(range(256)) * 4
META_ID, TWILIO_ID = "300000000000003", f"MM{'1' * 32}/Media/ME{'2' * 32}"
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def stand_in():
    with StandIn() as running:
        running.sounds = {META_ID: (SOUND, "audio/ogg; codecs=opus"), TWILIO_ID: (SOUND, "audio/ogg")}
        yield running


@pytest.fixture
def services(settings, database, redis_client, queue_client, ciphers, stand_in):
    settings = settings.model_copy(update={"meta_api_url": stand_in.url, "twilio_api_url": stand_in.url})
    gateways = registry.build(settings, ["meta", "twilio", "africastalking"])
    gate = Gate(settings, gateways, outgoing_allowed=lambda _name: True)
    with ThreadPoolExecutor(SENDERS) as senders:
        made = Services(
            settings,
            database,
            redis_client,
            queue_on(queue_client),
            ciphers,
            gate=gate,
            senders=senders,
            gateways=gateways,
        )
        jobs.use(made)
        yield made
        jobs.use(None)


class Line:
    """What turns write, recorded; and a look into the table."""

    def __init__(self, services):
        self.services, self.woken, self.count = services, [], 0

    def speaks(self, media=META_ID, gateway="meta", record=True):
        """A voice note came in: the journal entry of its turn. Returns the referral's id."""
        self.count += 1
        ciphers, key = self.services.ciphers, self.services.ciphers.address(AMINA)
        turn = ciphers.turn_id(gateway, f"wamid.{self.count}")
        referral = ciphers.derived_id(turn, "referral|0")
        effect = OpenReferral(
            id=referral,
            ticket=f"482{self.count:04d}",
            queue="protection",
            level="high",
            source="voice_note",
            media=media,
        )
        entry = Entry(
            turn=turn, kind="message", at=round(AT.timestamp() * 1000), gateway=gateway, channel="whatsapp",
            digest=key.digest, number=AMINA, after="hush.may_call", effects=(effect,),
        )  # fmt: skip
        self.services.conversations.xadd(keys.journal(key.shard), {"e": pack_entry(entry, ciphers)})
        if record:
            self.record()
        return referral

    def record(self):
        recording = Recorded(
            self.services.conversations,
            self.services.ciphers,
            self.services.settings,
            reasons={},
            wake=lambda name, ids: self.woken.append((name, ids)),
        )
        with self.services.database.engine.connect() as connection:
            return record_shard(recording, connection, self.services.ciphers.address(AMINA).shard)

    def row(self, referral):
        with self.services.database.transaction() as session:
            return session.get(Recording, referral)

    def sound(self, referral):
        with self.services.database.transaction() as session:
            return recordings.sound(session, referral, ciphers=self.services.ciphers)

    def fetch(self, **after):
        return job.fetch_due(self.services, now=AT + timedelta(**after))


@pytest.fixture
def line(services):
    return Line(services)


# --- into the tables


def test_the_row_comes_with_the_referral_and_wakes_the_job(line):
    referral = line.speaks()
    row = line.row(referral)
    assert (row.state, row.gateway, row.received_at, row.delete_after) == ("waiting", "meta", AT, AT + 30 * DAY)
    assert ("fetch_recordings", [referral]) in line.woken
    assert META_ID.encode() not in row.reference_enc
    assert recordings.reference(row, line.services.ciphers) == META_ID


def test_the_same_turn_again_changes_nothing(line):
    referral = line.speaks()
    line.fetch()
    line.count = 0
    assert line.speaks() == referral
    assert line.row(referral).state == "kept"


def test_a_note_without_a_reference_makes_no_row(line):
    assert line.row(line.speaks(media="")) is None


def test_no_table_holds_the_reference_in_the_clear(line, database):
    line.speaks()
    with database.engine.connect() as connection:
        names = connection.scalars(
            text("SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                 "WHERE n.nspname = 'public' AND c.relkind = 'r'")
        ).all()  # fmt: skip
        for name in names:
            assert META_ID not in str(connection.execute(text(f"SELECT t::text FROM {name} t")).all()), name


# --- fetched


@pytest.mark.parametrize(("media", "gateway"), [(META_ID, "meta"), (TWILIO_ID, "twilio")])
def test_a_sound_is_fetched_and_kept_encrypted(line, media, gateway):
    referral = line.speaks(media, gateway)
    assert not line.fetch()
    row = line.row(referral)
    assert (row.state, row.media_type, row.reference_enc) == ("kept", "audio/ogg", None)
    assert SOUND[:20] not in row.audio_enc
    assert line.sound(referral) == (SOUND, "audio/ogg")


def test_a_sound_opens_at_its_own_referral_only(line, database):
    first, second = line.speaks(), line.speaks()
    line.fetch()
    with database.transaction() as session:
        session.get(Recording, second).audio_enc = session.get(Recording, first).audio_enc
    assert line.sound(second) is None


def test_the_job_fetches_until_nothing_waits(line, services):
    found = [line.speaks() for _ in range(job.AT_ONCE + 1)]
    jobs.fetch_recordings()
    assert [one.func_name for one in services.queue.get_jobs()] == ["bot.jobs.fetch_recordings"]
    jobs.fetch_recordings("an id only says why")
    assert {line.row(referral).state for referral in found} == {"kept"}


def test_twilios_store_gets_no_password_and_another_host_gets_nothing(line, stand_in):
    referral = line.speaks(TWILIO_ID, "twilio")
    stand_in.store = "http://127.0.0.1:9"  # not where the gateway is
    line.fetch()
    assert line.row(referral).state == "waiting"
    stand_in.store = ""
    line.fetch(minutes=1)
    assert line.row(referral).state == "kept"


# --- what goes wrong


def test_whoever_dies_with_a_note_in_hand_leaves_it_to_the_next(line, monkeypatch):
    referral = line.speaks()

    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(job, "_fetch", dies)
        with pytest.raises(KeyboardInterrupt):
            line.fetch()
    assert line.row(referral).attempts == 1
    line.fetch(minutes=1)  # the lease still holds
    assert line.row(referral).state == "waiting"
    line.fetch(minutes=3)
    assert line.row(referral).state == "kept"


def test_whoever_dies_before_the_commit_leaves_it_to_the_next(line, monkeypatch):
    referral = line.speaks()

    def dies(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(recordings, "keep", dies)
        with pytest.raises(KeyboardInterrupt):
            line.fetch()
    line.fetch(minutes=3)
    assert line.sound(referral) == (SOUND, "audio/ogg")


def test_two_workers_never_fetch_the_same_note(line, services, monkeypatch):
    line.speaks()
    asked = []
    fetch = job._fetch

    def slowly(here, one):
        asked.append(one)
        assert job._claim(services, AT) == []  # the other worker, meanwhile
        return fetch(here, one)

    monkeypatch.setattr(job, "_fetch", slowly)
    line.fetch()
    assert len(asked) == 1


def test_an_outage_is_waited_out_with_growing_pauses(line, stand_in):
    referral = line.speaks()
    stand_in.stop()
    pauses, at = [], AT
    for _ in range(6):
        job.fetch_due(line.services, now=at)
        due = line.row(referral).due_at
        pauses.append((due - at).total_seconds())
        at = due
    assert pauses == [10, 20, 40, 80, 160, 320]
    stand_in.start()
    job.fetch_due(line.services, now=at)
    assert line.row(referral).state == "kept"


def test_after_a_week_it_is_lost(line, stand_in):
    referral = line.speaks()
    stand_in.fail(503)
    line.fetch(days=6)
    assert line.row(referral).state == "waiting"
    line.fetch(days=7)
    assert (line.row(referral).state, line.row(referral).reference_enc) == ("lost", None)


@pytest.mark.parametrize(
    ("sound", "media", "gateway"),
    [
        (None, META_ID, "meta"),
        (None, TWILIO_ID, "twilio"),
        ((b"x" * (5 * 1024 * 1024 + 1), "audio/ogg"), META_ID, "meta"),
        ((b"<html>", "text/html"), TWILIO_ID, "twilio"),
        ((SOUND, "image/jpeg"), META_ID, "meta"),
    ],
)
def test_what_time_does_not_heal_is_asked_for_five_times(line, stand_in, sound, media, gateway):
    referral = line.speaks(media, gateway)
    stand_in.sounds = {media: sound} if sound else {}
    for hour in range(4):
        line.fetch(hours=hour)
    assert line.row(referral).state == "waiting"
    line.fetch(hours=4)
    row = line.row(referral)
    assert (row.state, row.attempts, row.audio_enc, row.reference_enc) == ("lost", 5, None, None)


def test_a_token_that_ended_loses_nothing(line, stand_in):
    referral = line.speaks()
    for day in range(6):
        stand_in.refuse(190, gateway="meta", times=1)
        line.fetch(days=day)
    line.fetch(days=6, hours=12)
    assert line.row(referral).state == "kept"


def test_a_gateway_that_is_off_now_is_waited_for(line):
    referral = line.speaks("x", "carrier-pigeon")
    line.fetch(days=1)
    assert line.row(referral).state == "waiting"


def test_a_reference_that_no_key_opens_is_lost_at_once(line, database):
    referral = line.speaks()
    with database.transaction() as session:
        session.get(Recording, referral).reference_enc = b"\x09" + b"0" * 40
    line.fetch()
    assert line.row(referral).state == "lost"


# --- gone again


def test_the_clock_deletes_sound_and_reference_after_thirty_days(line, database, redis_client):
    kept, waiting, young = line.speaks(), line.speaks(media="9"), line.speaks()
    line.fetch()
    with database.transaction() as session:
        for referral in (kept, waiting):
            session.get(Recording, referral).delete_after = datetime.now(UTC) - MINUTE
        session.get(Recording, young).delete_after = datetime.now(UTC) + MINUTE
    assert clock.look_after(database, redis_client, months=1)
    for referral in (kept, waiting):
        row = line.row(referral)
        assert (row.state, row.audio_enc, row.reference_enc) == ("deleted", None, None)
        assert line.sound(referral) is None
    assert line.sound(young) is not None
    assert recordings.forget_old(database) == 0


def test_the_request_outlives_its_sound(line, database):
    referral = line.speaks()
    with database.transaction() as session:
        session.get(Recording, referral).delete_after = AT
    recordings.forget_old(database)
    with database.transaction() as session:
        assert session.scalars(select(Referral.state)).one() == "new"


def test_a_note_deleted_while_it_was_fetched_stays_deleted(line, database, monkeypatch):
    referral = line.speaks()
    fetch = job._fetch

    def late(services, one):
        with database.transaction() as session:
            session.get(Recording, referral).delete_after = AT
        recordings.forget_old(database)
        return fetch(services, one)

    monkeypatch.setattr(job, "_fetch", late)
    line.fetch()
    assert (line.row(referral).state, line.row(referral).audio_enc) == ("deleted", None)


def test_a_sweep_wakes_the_fetching(queue_client, redis_client):
    queue = queue_on(queue_client)
    clock.sweep(queue, redis_client)
    assert "bot.jobs.fetch_recordings" in [one.func_name for one in queue.get_jobs()]
