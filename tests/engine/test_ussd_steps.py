"""Gateways that hand over the new answer alone, with the number of its step (docs/decisions/0015)."""

from bot.content.screens import Content
from tests.engine.speaker import Speaker

TYPED = ("1", "1", "482719368", "1991", "8205", "8205")


class StepSpeaker(Speaker):
    """As `Speaker` on USSD, by a gateway that tells steps instead of a transcript; the first text is what was dialled."""

    step = 0

    def dials(self) -> str:
        self.dialled += 1
        self.step = 1
        return self._turn("*321#", number=1)

    def says(self, text: str, *, step: int = 0) -> str:
        self.step = step or self.step + 1
        return self._turn(text, number=self.step)


def test_a_conversation_by_steps_shows_the_same_screens_as_one_by_transcript(content: Content):
    by_transcript, by_steps = (kind(content, language="fr") for kind in (Speaker, StepSpeaker))
    assert by_transcript.dials() == by_steps.dials()
    for typed in TYPED:
        assert by_transcript.says(typed) == by_steps.says(typed)
    assert by_transcript.effects == by_steps.effects


def test_an_old_step_shows_the_question_again_and_answers_nothing(content: Content):
    speaker = StepSpeaker(content, language="fr")
    speaker.dials()
    asked = speaker.says("2")
    before = speaker.session
    assert speaker.says("1", step=1) == asked
    assert speaker.session is not None
    assert before is not None
    assert (speaker.session.state, speaker.session.transcript) == (before.state, before.transcript)


def test_a_new_session_begins_again_whatever_its_first_step_says(content: Content):
    speaker = StepSpeaker(content, language="fr")
    first = speaker.dials()
    assert speaker.dials() == first
    assert speaker.effects == []
