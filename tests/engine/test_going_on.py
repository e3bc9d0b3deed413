"""What may be sent after a dropped line, and what never (safety 3, 7, 11)."""

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.effects import OpenReferral
from bot.engine.ports import File
from bot.engine.session import Session
from bot.messages import Channel
from tests.engine.speaker import NO_PHONE, Speaker
from tests.engine.test_step_properties import _do, acts, many

READY = File("482719368", "KIT_READY", date(2026, 11, 16))


def person(content, *typed, texts="yes", **given) -> Speaker:
    """Somebody on the line who agreed to be written to."""
    speaker = Speaker(content, language="en", **given)
    speaker.contact = msgspec.structs.replace(speaker.contact, texts=texts)
    speaker.dials()
    for text in typed:
        speaker.says(text)
    return speaker


def wrote(speaker, *, hours=1.0, state="menu.main", **more) -> Session:
    """Where they stand on another channel, on which they were answered that long ago."""
    at = speaker.now - timedelta(hours=hours)
    return Session(state, question=1, asked_at=int(at.timestamp() * 1000), **more)


def test_the_offer_says_that_the_line_dropped_and_nothing_else(content):
    for language, text in (
        ("en", "The line dropped. 1 Continue 2 Menu"),
        ("fr", "La ligne a été coupée. 1 Continuer 2 Menu"),
        ("ha", "Layi ya katse. 1 Ci gaba 2 Jerin zabi"),
    ):
        speaker = person(content, "5")
        speaker.contact = msgspec.structs.replace(speaker.contact, language=language)
        assert speaker.drops("sms") == text


@pytest.mark.parametrize("texts", ["", "no"])
def test_who_did_not_agree_is_sent_nothing(content, texts):
    assert person(content, "5", texts=texts).drops("sms") == ""


def test_who_has_no_phone_number_is_not_asked_about_a_phone_line(content):
    speaker = Speaker(content, channel="whatsapp", language="en", address=NO_PHONE)
    for text in ("salam", "5"):
        speaker.says(text)
    assert speaker.says("3").startswith("Welcome. It is free.")


def test_stop_ends_it_on_its_channel(content):
    for channel, sent in (("sms", False), ("whatsapp", True)):
        speaker = person(content, "5")
        speaker.contact = msgspec.structs.replace(speaker.contact, stopped=("sms",))
        assert bool(speaker.drops(channel, there=wrote(speaker))) is sent


def test_who_said_that_calls_are_not_safe_is_written_to_no_more(content):
    speaker = person(content, "3", "5")
    assert speaker.contact.texts == ""


@pytest.mark.parametrize(
    "typed",
    [
        ("9",),
        ("il veut me tuer",),
        ("482-1737",),
        ("2",),  # the menu of needs
        ("2", "1"),
        ("2", "2"),
        ("2", "5", "5"),
        ("3",),
        ("1",),  # the number of a file
        ("1", "482719368"),
        ("1", "482719368", "7306"),
        ("1", "482719368", "7306", "2"),
        ("1", "482719368", "7306", "0", "5"),  # back in the menu, the file was on this screen
        ("9", "0", "5"),
        ("2", "2", "0", "5"),
        ("STOP",),  # the conversation is over
    ],
)
@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
def test_nothing_is_sent_because_of_a_need_a_file_or_a_private_word(content, typed, channel):
    speaker = person(content, *typed, file=READY)
    assert speaker.drops(channel, there=wrote(speaker)) == ""


def test_nothing_is_sent_on_the_next_call_either(content):
    speaker = person(content, "9")
    speaker.dials()
    speaker.says("5")
    assert speaker.drops("sms") == ""


def test_an_old_drop_and_another_call_offer_nothing(content):
    speaker = person(content, "5")
    speaker.waits(minutes=11)
    assert speaker.drops("sms") == ""
    speaker = person(content, "5")
    speaker.dialled += 1  # the event names a call that is not the one kept
    assert speaker.drops("sms") == ""


@pytest.mark.parametrize(
    ("hours", "more", "sent"),
    [
        (23.9, {}, True),
        (24.1, {}, False),
        (0.01, {"state": "help.health"}, False),  # another conversation is under way
        (1, {"state": "help.health"}, True),
        (1, {"state": "file.away_now", "open": False}, True),
        (1, {"state": "private.end_whatsapp", "open": False, "private": True}, False),
        (1, {"state": "menu.dropped"}, False),  # our offer, which nobody answered
    ],
)
def test_whatsapp_is_for_who_wrote_there_within_the_day_and_is_not_busy(content, hours, more, sent):
    speaker = person(content)
    assert bool(speaker.drops("whatsapp", there=wrote(speaker, hours=hours, **more))) is sent


def test_whatsapp_goes_on_with_the_menu_an_sms_does_not(content):
    speaker = person(content)
    assert speaker.drops("sms") == ""
    assert speaker.drops("whatsapp") == ""  # never wrote there
    speaker.drops("whatsapp", there=wrote(speaker))
    assert speaker.says("1").startswith("Welcome. It is free.")


@pytest.mark.parametrize("first", ["menu", "bonjour", "3"])
def test_whatever_else_is_said_there_is_heard_as_always(content, first):
    speaker = person(content, "5")
    speaker.drops("sms")
    assert speaker.says(first).startswith("The line dropped." if first == "3" else "Hello. 1 My file")


@many
@given(acts=acts, channel=st.sampled_from(["sms", "whatsapp"]))
def test_what_is_offered_is_always_a_plain_question_that_goes_on_where_it_stopped(content, acts, channel):
    speaker = person(content)
    for kind, what in acts:
        _do(speaker, kind, what)
    if speaker.contact.texts != "yes":
        speaker.contact = msgspec.structs.replace(speaker.contact, texts="yes", stopped=())
    before = speaker.session
    sent = speaker.drops(channel, there=wrote(speaker))
    if not sent:
        return
    state = content.flows.states[before.state]
    assert channel in state.elsewhere
    assert not any((state.private, state.secret, state.verified, before.private, before.verified))
    assert not any(isinstance(effect, OpenReferral) for effect in speaker.effects)
    speaker.says("1")
    assert speaker.session.state == before.state
    assert speaker.session.question == state.questions[Channel(channel)]
