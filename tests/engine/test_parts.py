"""A long SMS in parts that nobody joined: danger is heard wherever the border falls, and one answer does."""

from itertools import pairwise, permutations

import pytest

from bot.engine import parts
from bot.engine.effects import OpenReferral, UpdateReferral
from tests.engine.speaker import Speaker

LONG = "bonjour je suis revenu depuis deux mois et on m'a promis une aide que je n'ai jamais vue, mon frere "
DANGER = {
    "fr": LONG + "veut me tuer ce soir, je ne sais pas ou aller et j'ai peur pour moi",
    "ha": "sannu, na dawo gida tun wata biyu kuma ban samu komai ba har yanzu, yanzu kuma zai kashe ni a gida, ku taimake mu",
    "en": "hello i came back two months ago and nobody has told me anything since then, my brother wants to kill me tonight",
}
CHILD = LONG + "a viole ma fille de 12 ans et personne ne nous croit ici au village"


def person(content) -> Speaker:
    return Speaker(content, channel="sms", language="fr")


def sent(speaker: Speaker, *texts: str) -> list[str]:
    """SMS two seconds after one another; what was answered to each."""
    heard = []
    for n, text in enumerate(texts):
        if n:
            speaker.hurries()
        heard.append(speaker.says(text))
    return heard


def opened(speaker: Speaker) -> list[OpenReferral]:
    return [effect for effect in speaker.effects if isinstance(effect, OpenReferral)]


@pytest.mark.parametrize("language", DANGER)
@pytest.mark.parametrize("turned", [False, True])
def test_danger_is_heard_once_wherever_two_parts_are_cut(content, language, turned):
    text = DANGER[language]
    for cut in range(parts.PART, len(text)):
        speaker = person(content)
        pieces = [text[:cut], text[cut:]]
        sent(speaker, *(reversed(pieces) if turned else pieces))
        assert [(one.source, one.level) for one in opened(speaker)] == [("hush", "critical")], cut


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_three_parts_in_any_order_are_heard(content, order):
    text = DANGER["fr"] + ", " + LONG
    start = text.index("tuer")
    for cut in range(start - 2, start + 6):
        pieces = [text[:cut], text[cut : cut + 70], text[cut + 70 :]]
        speaker = person(content)
        sent(speaker, *(pieces[n] for n in order))
        assert [one.source for one in opened(speaker)] == ["hush"], cut


def test_the_words_of_all_parts_go_with_the_request(content):
    cut = DANGER["fr"].index("tuer") + 2
    speaker = person(content)
    sent(speaker, DANGER["fr"][:cut], DANGER["fr"][cut:])
    assert speaker.last.words == DANGER["fr"]


def test_a_child_in_another_part_brings_child_protection(content):
    for cut in range(parts.PART, len(CHILD)):
        speaker = person(content)
        sent(speaker, CHILD[:cut], CHILD[cut:])
        [first] = opened(speaker)
        later = [effect.queue for effect in speaker.effects if isinstance(effect, UpdateReferral)]
        astride = "viol" in CHILD[:cut] and cut in range(CHILD.index("fille") + 1, CHILD.index("ans") + 3)
        assert "child" in (first.queue, *later) or astride, cut


def test_after_ten_seconds_two_texts_are_two(content):
    text = LONG + "veut me tuer ce soir"
    speaker = person(content)
    speaker.says(text[:-10])
    heard = speaker.says(text[-10:])
    assert opened(speaker) == []
    assert heard.startswith("Bonjour. 1 Mon dossier")


def test_the_words_of_danger_are_not_kept_with_the_session(content):
    speaker = person(content)
    sent(speaker, DANGER["fr"], "j'ai peur de lui")
    assert parts.VALUE not in speaker.session.values


@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
def test_where_a_code_is_typed_nothing_is_kept(content, channel):
    speaker = Speaker(content, channel=channel, language="fr")
    for text in ("482719368", LONG):
        speaker.says(text)
        assert parts.VALUE not in speaker.session.values
    if channel == "whatsapp":
        speaker.says("salam")
        speaker.says(LONG)
        assert parts.VALUE not in speaker.session.values


def test_a_choice_right_after_a_long_text_is_a_choice(content):
    heard = sent(person(content), LONG, "3")
    assert heard[1].startswith("Peut-on appeler ce num")


def test_two_short_texts_are_two_questions(content):
    first, second = sent(person(content), "bonjour", "vous etes la")
    assert first == second != ""


def test_a_number_in_two_halves_is_found_in_either_order(content):
    number = "482719368"
    for cut in range(3, 8):
        for halves in pairwise((number[:cut], number[cut:], number[:cut])):
            if len(halves[0]) < 3:
                continue  # two digits alone are no half yet
            speaker = person(content)
            speaker.says(halves[0])
            speaker.waits(minutes=4)
            speaker.says(halves[1])
            assert speaker.session.values.get("case") == number, halves
