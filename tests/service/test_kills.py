"""Nothing lost, nothing twice: every part is killed in turn while two hundred people talk.

Whoever saw a ticket number finds it exactly once at the desk, and staff were told within a minute of recovery.
"""

import random
import time

import pytest

from tests.machine import eventually
from tests.service.crowd import Crowd
from tests.service.running import Running

pytestmark = pytest.mark.slow
PARTS = ("web", "recorder", "worker", "clock", "conversation", "postgres")
PEOPLE = 200


@pytest.fixture
def service(tmp_path):
    running = Running(tmp_path)
    try:
        yield running.start()
    finally:
        running.stop()


def test_every_part_is_killed_while_two_hundred_people_talk(service):
    seed = random.SystemRandom().randrange(10_000)
    print(f"seed {seed}")
    order = random.Random(seed).sample(PARTS, len(PARTS))
    crowd = Crowd(service, PEOPLE, seed, pause=(1.0, 6.0))
    crowd.start()
    for part in order:
        time.sleep(3 + random.Random(f"{seed}{part}").random() * 2)
        print(f"kill -9 {part}")
        eventually(lambda part=part: service.pids(part), within=60)
        service.kill(part)
    eventually(service.ready, within=120)
    recovered = time.time()
    crowd.join(240)
    assert crowd.lost == 0
    print(f"{len(crowd.shown)} tickets shown, {len(crowd.texted)} SMS taken, {crowd.cut_off} calls cut off")
    assert len(crowd.shown) + len(crowd.texted) == PEOPLE
    _all_at_the_desk(service, crowd)
    _all_alerted(service, crowd, recovered)


def _all_at_the_desk(service, crowd):
    def missing():
        rows = dict(service.query("select number, referral_id from tickets"))
        return set(crowd.shown) - set(rows)

    eventually(lambda: not missing(), within=60)
    referrals = [row[0] for row in service.query("select id from referrals")]
    assert len(referrals) == len(set(referrals))
    rows = dict(service.query("select number, referral_id from tickets"))
    assert len({rows[ticket] for ticket in crowd.shown}) == len(crowd.shown)
    callbacks = service.query("select count(*) from referrals where source = 'callback'")
    assert callbacks == [(len(crowd.texted),)]
    assert service.query("select count(*) from quarantine") == [(0,)]


def _all_alerted(service, crowd, recovered):
    eventually(lambda: all(service.alerts(ticket) for ticket in crowd.shown), within=90)
    late = 0.0
    for ticket, seen in crowd.shown.items():
        first = min(message.at for message in service.alerts(ticket))
        late = max(late, first - max(seen, recovered))
    print(f"the last alert left {late:.1f} s after recovery, or after its screen")
    assert late <= 60
