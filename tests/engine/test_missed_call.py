"""A missed call at the engine: one order, no word, and nobody else's place in a flow is touched."""

import pytest

from bot.engine.effects import OpenReferral, Terms
from bot.engine.session import Contact
from tests.engine.speaker import Speaker


def rings(content, language=""):
    person = Speaker(content, channel="voice", language=language)
    assert person.says("") == ""
    return person


def test_a_missed_call_orders_a_call_by_day_and_nothing_is_said(content):
    person = rings(content)
    [referral] = person.effects
    need = content.flows.needs["OTH"]
    assert referral == OpenReferral(
        id=referral.id,
        ticket=referral.ticket,
        queue=need.queue,
        level=need.level,
        code="OTH",
        source="missed_call",
        terms=Terms(may_call=True, window="day"),
    )
    assert person.last.replies == ()
    assert person.last.tickets == (referral.ticket,)
    assert not person.last.may_wait  # a call is never refused because the journal is long


def test_it_leaves_neither_session_nor_contact_changed(content):
    person = rings(content)
    assert person.session is None
    assert person.contact == Contact()


@pytest.mark.parametrize("language", ["fr", "ha", "en"])
def test_the_language_that_is_known_goes_with_it(content, language):
    [referral] = rings(content, language).effects
    assert referral.language == language


def test_a_need_told_after_the_call_is_not_taken_for_the_same(content):
    """Nobody knows what the call was about: "same problem as before?" would have no sense (safety 4)."""
    assert rings(content).contact.recent == ()
