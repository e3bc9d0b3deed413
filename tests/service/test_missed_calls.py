"""A missed call over HTTP, by both gateways, until staff are told; nothing ever leaves to the person."""

import pytest

from bot.store.ciphers import Ciphers
from tests.machine import eventually
from tests.service.running import tickets

pytestmark = pytest.mark.slow

FOCAL_POINTS = {"+22790009909", "+22790009910"}  # of the invented staff


def phone(number):
    return f"+2279114{number:04d}"


def referrals(service, number):
    """Source, state and tickets of a phone's requests."""
    return service.query(
        "select referrals.source, referrals.queue, referrals.state, array_agg(tickets.number) from referrals "
        "join tickets on tickets.referral_id = referrals.id join contacts on contacts.id = referrals.contact_id "
        "where contacts.digest = %(digest)s group by referrals.id order by referrals.opened_at",
        digest=_digest(service, phone(number)),
    )


def _digest(service, number):
    return Ciphers.of(service.settings).address(number).digest


def test_a_beep_is_rejected_and_becomes_one_request_however_often_it_rings(service):
    first = service.africastalking.voice("ATVId_1", phone(1))
    assert (first.status, "<Response><Reject/></Response>" in first.body) == (200, True)
    service.africastalking.voice("ATVId_1", phone(1), ended=True)
    for call in ("ATVId_2", "ATVId_3"):
        service.africastalking.voice(call, phone(1), ended=True)  # the hook while it rang was lost
    [(source, queue, state, _)] = eventually(lambda: [row for row in referrals(service, 1) if len(row[3]) == 3])
    assert (source, queue, state) == ("missed_call", "assistance", "new")
    waits = "select due_at > now() from ladders join referrals on id = referral_id where source = 'missed_call'"
    assert service.query(waits) == [(True,)]  # for the morning's digest
    assert service.stand_in.sent_to(phone(1)) == []


def test_twilio_asks_signed_and_hears_the_same(service):
    call = "CA" + "1" * 32
    answer = service.twilio.voice(call, phone(2))
    assert (answer.status, '<Reject reason="busy" />' in answer.body) == (200, True)
    service.twilio.voice(call, phone(2), status="busy")
    [(source, _, _, numbers)] = eventually(lambda: referrals(service, 2))
    assert (source, len(numbers)) == ("missed_call", 1)


def test_who_talked_in_private_rings_and_nobody_may_call(service):
    service.africastalking.dial(phone(3)).answer("1", "9", "1", "1", "1")
    eventually(lambda: referrals(service, 3))
    service.africastalking.voice("ATVId_4", phone(3))
    private, call = eventually(lambda: referrals(service, 3)[1:] and referrals(service, 3))
    assert (private[0], call[:2]) == ("private", ("missed_call", "protection"))
    without = "select terms_enc is null from referrals where source = 'missed_call' and queue = 'protection'"
    assert service.query(without) == [(True,)]
    assert service.stand_in.sent_to(phone(3)) == []


def test_who_went_outside_the_office_rings_and_the_focal_points_alone_are_told(service):
    shown = service.africastalking.dial(phone(4)).answer("1", "9", "1", "1", "4")
    [told] = tickets(shown.text)
    service.africastalking.voice("ATVId_6", phone(4))
    [call] = eventually(lambda: [row for row in referrals(service, 4) if row[0] == "missed_call"])
    assert call[1] == "sealed"
    [number] = call[3]

    def told_of(ticket):
        return {alert.to for alert in service.alerts(ticket)}

    focal_points = eventually(lambda: told_of(number) == told_of(told) and told_of(told))
    assert focal_points <= FOCAL_POINTS
    assert not [alert for alert in service.alerts(number) if phone(4)[4:] in alert.text]
    assert service.stand_in.sent_to(phone(4)) == []


def test_our_own_calls_and_hidden_callers_are_rejected_and_make_nothing(service):
    before = service.query("select count(*) from referrals")
    for caller in ("anonymous", "", "+266696687"):
        answer = service.africastalking.voice("ATVId_5", caller)
        assert (answer.status, "<Reject/>" in answer.body) == (200, True)
    assert service.query("select count(*) from referrals") == before
