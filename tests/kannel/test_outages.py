"""What breaks on the way between operators and us, and that nothing is lost by it."""

import signal

import pytest

from tests.kannel.boxes import Kannel, Phones, listens, settled
from tests.machine import eventually

pytestmark = [pytest.mark.kannel, pytest.mark.slow]


def phone(number):
    return f"+2279022{number:04d}"


@pytest.fixture
def kannel(service, tmp_path):
    boxes = Kannel(tmp_path / "kannel", service.port)
    try:
        yield boxes.start()
    finally:
        boxes.stop()


def uncertain(service):
    """Answers of which nobody knows whether they left: the line was cut while Kannel was taking them, or it was killed
    with them in its memory, before its spool had them. No report will ever say that they arrived.
    """
    [(count,)] = service.query("select count(*) from messages where state in ('unknown', 'sent')")
    return count


def answered_once(service, phones, everybody):
    """Each has one answer, save those whose sending was cut off in the middle."""
    eventually(lambda: len({one.to for one in phones.heard}) >= len(everybody) - uncertain(service), within=120)
    assert settled(lambda: len(phones.heard))
    heard = [one.to for one in phones.heard]
    assert len(heard) == len(set(heard)), "somebody was answered twice"
    assert set(heard) <= set(everybody)


def test_kannel_dies_while_people_write_and_answers_wait(service, kannel):
    everybody = [phone(number) for number in range(12)]
    before = Phones()
    for position, number in enumerate(everybody[:6], start=1):
        before.write(number, "MENU")
        eventually(lambda position=position: kannel.received() == position)
    kannel.kill("bearerbox")
    before.stop()
    eventually(lambda: not listens(13013))  # smsbox refuses to take what it can't hand on
    kannel.box("bearerbox", 13001)
    after = Phones()
    try:
        for number in everybody[6:]:
            after.write(number, "MENU")
        after.heard += before.heard
        answered_once(service, after, everybody)
    finally:
        after.stop()


def test_kannel_comes_again_while_the_service_is_away(service, kannel):
    everybody = [phone(100 + number) for number in range(6)]
    service.kill("conversation", signal.SIGSTOP)
    phones = Phones()
    try:
        for number in everybody:
            phones.write(number, "MENU")
        eventually(lambda: kannel.received() == len(everybody))
        eventually(lambda: b"store_down" in service.log.read_bytes())
        assert phones.heard == []
        service.kill("conversation", signal.SIGCONT)
        answered_once(service, phones, everybody)
    finally:
        service.kill("conversation", signal.SIGCONT)
        phones.stop()
    logs = kannel.logs() + service.log.read_bytes()
    assert not [number for number in everybody if number[4:].encode() in logs]
