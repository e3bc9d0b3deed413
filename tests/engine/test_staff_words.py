"""What staff text back to an alert, and what the same words are from anybody else: text like any other."""

import pytest

from bot.engine.effects import StaffAnswer
from tests.engine.speaker import Speaker

WORDS = ["OK 5093", "NON 5093", "plus tard 5093", "FAIT 5093 2", "VENU 5093", "bai zo 5093"]


def said(content, text, channel, **known):
    speaker = Speaker(content, channel=channel, language="fr", **known)
    told = speaker.says(text)
    return told, [one for one in speaker.effects if isinstance(one, StaffAnswer)]


@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
@pytest.mark.parametrize("text", WORDS)
def test_of_nobody_of_the_staff_it_is_text_like_any_other(content, channel, text):
    assert said(content, text, channel) == said(content, "je ne sais pas", channel)
    assert said(content, text, channel)[0]


@pytest.mark.parametrize("text", WORDS)
def test_of_staff_it_is_an_answer_and_the_line_says_nothing(content, text):
    told, answers = said(content, text, "sms", staff=True)
    assert not told
    assert len(answers) == 1


def test_where_nobody_can_say_whose_number_it_is_both_are_heard(content):
    told, answers = said(content, "OK 5093", "sms", away=True)
    assert told == said(content, "je ne sais pas", "sms")[0]
    assert [one.code for one in answers] == ["5093"]
