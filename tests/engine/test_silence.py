"""While staff and a person write to each other the bot keeps silent, and what must be heard is heard all the same."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.engine.effects import OpenReferral, WroteBack
from tests.engine.speaker import Speaker

CHATTER = st.sampled_from(["demain", "1", "2", "ok", "7306", "RAPPEL", "0", "00", "482-1737", "je suis a la gare"])
HEARD = st.sampled_from(["9", "99", "on me menace", "il veut me tuer", "STOP", "START", "MENU", "aide"])


@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(CHATTER, max_size=4), text=HEARD)
def test_silence_never_swallows_danger_stop_or_the_talk_in_private(content, channel, before, text):
    speaker = Speaker(content, channel=channel, language="fr")
    speaker.hears_from_staff(channel)
    for one in before:
        assert speaker.says(one) == ""
        assert speaker.last.effects == (WroteBack(),)
    stopped = speaker.contact.stopped
    assert speaker.says(text) != ""
    assert WroteBack() not in speaker.last.effects
    opened = [effect for effect in speaker.last.effects if isinstance(effect, OpenReferral)]
    if text in ("9", "99"):
        assert opened[0].private
    elif " me " in text:
        assert (opened[0].source, opened[0].text) == ("hush", True)
    elif text == "STOP":
        assert speaker.contact.stopped == (*stopped, channel)


def test_danger_across_two_sms_is_heard_in_the_silence(content):
    speaker = Speaker(content, channel="sms", language="fr")
    speaker.hears_from_staff("sms")
    speaker.says("on me men")
    speaker.hurries()
    assert speaker.says("ace ici") != ""
