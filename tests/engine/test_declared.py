"""What flow files may do in general: ask by a declared name, pick from a list, order an act, take sums and words."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from bot.content.lists import LEAST, lines, measure
from bot.engine.answers import understand
from bot.engine.effects import Act, OpenReferral, UpdateReferral
from bot.engine.ports import Found, Item
from tests.engine.speaker import Speaker
from tests.engine.trial import stand, trial_content

NAMES = ("Assamaka", "Filingué", "Arlit", "Agadez", "Tahoua", "Zinder", "Maradi", "Diffa")
THINGS = Found("some", {"count": "8"}, tuple(Item(f"id-{name}", name) for name in NAMES))


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    return trial_content(tmp_path_factory.mktemp("trial"))


def a_speaker(trial, *, channel="ussd", language="en", state="trial.start", things=THINGS):
    speaker = Speaker(trial, channel=channel, language=language)
    speaker.lookups.found = {"things": things, "take": Found("taken")}
    stand(speaker, state)
    return speaker


def acts(speaker):
    return [effect for effect in speaker.effects if isinstance(effect, Act)]


def test_a_list_is_numbered_turned_and_comes_round(trial):
    speaker = a_speaker(trial)
    first = speaker.says("1")
    assert first == (
        "CON Which of the 8?\n1 Assamaka\n2 Filingué\n3 Arlit\n4 Agadez\n5 Tahoua\n6 Zinder\n7 More\n0 Menu 9 Private"
    )
    second = speaker.says("7")
    assert second == "CON Which of the 8?\n1 Maradi\n2 Diffa\n7 More\n0 Menu 9 Private"
    assert speaker.says("3") == second  # no such line: asked again, on the same page
    assert speaker.says("98") == first
    assert speaker.says("7") == second
    assert speaker.says("2") == "CON Diffa is yours.\n1 Things\n0 Menu"
    assert speaker.lookups.asked[-1] == ("take", {"thing": "id-Diffa"})
    assert acts(speaker) == [Act(what="order_thing", values={"thing": "id-Diffa", "how": "now"})]


def test_back_leads_to_the_list_as_it_was_shown(trial):
    speaker = a_speaker(trial)
    speaker.says("1")
    speaker.lookups.found["things"] = Found("some", {"count": "1"}, (Item("other", "Other"),))
    speaker.says("2")
    assert "2 Filingué" in speaker.says("00")
    assert "Filingué is yours" in speaker.says("2")


def test_a_dropped_line_goes_on_at_the_same_list(trial):
    speaker = a_speaker(trial)
    speaker.says("1")
    speaker.dials()
    assert "2 Filingué" in speaker.says("1")
    assert "Filingué is yours" in speaker.says("2")


def test_a_list_goes_on_by_sms_where_the_line_drops(trial):
    speaker = a_speaker(trial)
    speaker.contact = structs.replace(speaker.contact, texts="yes")
    speaker.says("1")
    speaker.drops("sms")
    assert speaker.says("1") == ("Which of the 8? 1 Assamaka 2 Filingué 3 Arlit 4 Agadez 5 Tahoua 6 Zinder 7 More")
    assert "Arlit is yours" in speaker.says("3")


def test_a_list_that_is_gone_leads_to_the_menu(trial):
    speaker = a_speaker(trial, state="trial.which")
    assert "Welcome" in speaker.says("1")


def test_one_page_has_no_more(trial):
    speaker = a_speaker(trial, things=Found("some", {}, THINGS.items[:6]))
    assert "7 " not in speaker.says("1")
    assert "6 Zinder" in speaker.says("7")


def test_an_older_button_never_answers_a_newer_list(trial):
    speaker = a_speaker(trial, channel="whatsapp")
    assert "2 Filingué" in speaker.says("1")
    speaker.keeps("2")
    speaker.says("7")
    speaker.says("", choice=speaker.kept)
    assert acts(speaker) == []
    speaker.says("MENU")
    stand(speaker, "trial.start")
    speaker.says("1")
    assert "Filingué is yours" in speaker.taps("2")


def test_the_longest_labels_fit_a_screen_and_stay_apart(trial):
    long = tuple(Item(str(n), f"Groupement des femmes couturières et tricoteuses {n}") for n in range(6))
    for language in ("fr", "ha", "en"):
        speaker = a_speaker(trial, language=language, things=Found("some", {"count": "6"}, long))
        screen = speaker.says("1")
        assert measure(screen) <= 160
        shown = [line[2:] for line in screen.splitlines()[1:7]]
        assert len(set(shown)) == 6
    assert lines({"1": "Mercredi 30/12", "2": "Jeudi 31/12"}, 2 * LEAST) == "1 Mercredi 30/12\n2 Jeudi 31/12"
    assert lines({"1": "Groupement des femmes", "2": "Arlit"}, 22) == "1 Groupement.\n2 Arlit"


def test_only_what_is_declared_counts_and_nothing_of_an_earlier_answer_stays(trial):
    speaker = a_speaker(trial, things=Found("some", {"count": "8", "note": "old", "strange": "x"}, THINGS.items))
    speaker.says("1")
    assert speaker.session.values == {"count": "8", "note": "old"}
    speaker.lookups.found["things"] = THINGS
    speaker.says("1")
    speaker.says("1")
    assert "note" not in speaker.session.values


@pytest.mark.parametrize("why", ["no answer", "not declared", "nothing to ask with"])
def test_what_can_not_be_answered_is_away(trial, why):
    speaker = a_speaker(trial, things=Found("many") if why == "not declared" else THINGS)
    speaker.lookups.away = why == "no answer"
    assert "cannot see the files" in speaker.says("4" if why == "nothing to ask with" else "1")
    assert acts(speaker) == []


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("12500", "12500"), ("12 500", "12500"), ("12.500", "12500"), ("12,500 F", "12500"), ("12500F", "12500"),
        ("1 250 000 fcfa", "1250000"), ("١٢٥٠٠", "12500"), ("0", "0"), ("9", "9"), ("98", "98"), ("007", "7"),
        ("999999999", "999999999"), ("1000000000", None), ("12,5", None), ("-5", None), ("12 50", None), ("", None),
        ("beaucoup", None), ("1 2 3", None),
    ],
)  # fmt: skip
def test_a_sum_is_read_as_people_write_it_and_never_guessed(typed, value):
    assert understand(None, "number", typed) == value


def test_where_a_sum_is_asked_every_digit_is_a_value(trial):
    for typed in ("0", "9", "98"):
        speaker = a_speaker(trial, state="trial.sum")
        assert "Which of" in speaker.says(typed)
        speaker.says("1")
        assert acts(speaker)[-1].values["amount"] == typed
    assert "Welcome" in a_speaker(trial, state="trial.sum").says("00")


@pytest.mark.parametrize("channel", ["ussd", "whatsapp"])
def test_words_go_with_the_turn_and_are_kept_nowhere_else(trial, channel):
    speaker = a_speaker(trial, channel=channel, state="trial.words")
    speaker.says("Il faut de l'eau")
    assert acts(speaker) == [Act(what="tell", values={}, text=True)]
    assert speaker.last.words == "Il faut de l'eau"
    assert "eau" not in str(speaker.last.session)


def test_danger_is_heard_before_words_are_taken(trial):
    speaker = a_speaker(trial, state="trial.words")
    assert "Do not write more here" in speaker.says("il veut me tuer")
    assert acts(speaker) == []


@pytest.mark.parametrize("typed", ["5", "12 12", "x" * 301, "???"])
def test_what_are_no_words_is_asked_again(trial, typed):
    speaker = a_speaker(trial, state="trial.words")
    assert "What is needed?" in speaker.says(typed)


def test_where_words_are_asked_menu_and_private_talk_work(trial):
    assert "Welcome" in a_speaker(trial, state="trial.words").says("0")
    assert "urgent" in a_speaker(trial, state="trial.words").says("9")


inputs = st.lists(
    st.sampled_from(["1", "2", "3", "4", "5", "6", "7", "8", "98", "0", "00", "x", "(dials)", "(waits)", "(anew)"]),
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=inputs, channel=st.sampled_from(["ussd", "sms", "whatsapp"]))
def test_in_any_order_a_digit_means_what_the_last_screen_said(trial, typed, channel):
    """Each look-up gives another list; ids tell which list and which line was shown."""
    speaker = a_speaker(trial, channel=channel)
    fresh = itertools.count()

    def another(what, values):
        speaker.lookups.asked.append((what, dict(values)))
        n = next(fresh)
        if what == "take":
            return Found("taken")
        return Found("some", {"count": "9"}, tuple(Item(f"{n}-{i}", f"Thing {n}-{i}") for i in range(1 + n % 15)))

    speaker.lookups.find = another
    speaker.says("1")
    for text in typed:
        shown = dict(speaker.last.replies[-1].arguments) if speaker.last.replies else {}
        before, asked = speaker.session, len(speaker.lookups.asked)
        if text == "(dials)" and channel == "ussd":
            speaker.dials()
        elif text == "(waits)":
            speaker.waits(minutes=2)
        elif text == "(anew)":
            stand(speaker, "trial.start")
            speaker.says("1")
        else:
            speaker.says(text)
            taken = [values["thing"] for what, values in speaker.lookups.asked[asked:] if what == "take"]
            if before.state == "trial.which" and text in shown and text != "7":
                assert taken == [shown[text].removeprefix("Thing ")]
            else:
                assert taken == []
        if channel == "ussd" and speaker.last.replies:
            assert measure(speaker._heard()) <= 160


def test_a_group_code_is_neither_kept_nor_recorded_nor_offered_again(content):
    speaker = Speaker(content, language="en")
    known = {"community": "1", "community_name": "Assamaka"}
    speaker.lookups.found = {
        "my_community": Found("known", known),
        "my_groups": Found("one", {"group": "3", "group_name": "Femmes du centre"}),
        "open_group": Found("officer"),
    }
    speaker.dials()
    for typed in ("4", "4", "1", "4907"):
        speaker.says(typed)
    assert speaker.lookups.asked[-1] == ("open_group", {"group": "3", "code": "4907"})
    assert speaker.last.secret
    assert "4907" not in str(speaker.last)
    speaker.waits(minutes=1)
    assert "Welcome" in speaker.dials()
    assert speaker.session.values == {}


def test_a_child_is_asked_for_no_consent_and_goes_to_child_protection(content):
    speaker = Speaker(content, language="en")
    speaker.lookups.found = {"my_community": Found("known", {"community": "1", "community_name": "Assamaka"})}
    speaker.dials()
    speaker.session = structs.replace(speaker.session, values={"young": "yes", "minor": "yes"})
    for typed in ("4", "1", "6"):
        speaker.says(typed)
    assert "safe to call" in speaker.says("1")
    opened = next(effect for effect in speaker.effects if isinstance(effect, OpenReferral))
    assert (opened.code, opened.queue, opened.minor) == ("TEN", "child", True)
    raised = [effect for effect in speaker.effects if isinstance(effect, UpdateReferral)]
    assert [(effect.code, effect.level, effect.queue) for effect in raised] == [("THR", "critical", None)]
