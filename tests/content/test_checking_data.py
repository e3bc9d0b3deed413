"""What flows/data.yaml declares and the flows use wrongly is told, with file and line."""

import pytest

from bot.content.checking import check
from bot.content.screens import Constants
from tests.engine.trial import DATA, FLOW, trial_files, write_trial

CONSTANTS = Constants("*321#", "17")
TRIAL, TABLE = "flows/trial.yaml", "flows/data.yaml"
OF_A_FILE = '  things: {outcomes: [some, none, away], needs: [case], gives: {count: "12"}, list: true}'
THINGS = DATA.splitlines()[2]
LONG = "Which of all these many things in this long list, of the {count}, do you want now?"

BREAKS = [
    ("unknown act", FLOW, "what: tell}", "what: tel}", TRIAL, "'trial.told' orders the unknown act 'tel'."),
    ("unknown look-up", FLOW, "look_up: take", "look_up: takes", TRIAL, "unknown lookup 'takes'."),
    ("outcome leads nowhere", FLOW, "gone: nothing, ", "", TRIAL, "the outcome 'gone' of the lookup 'take' leads nowhere."),
    ("a need of a look-up", DATA, "needs: [thing], optional", "needs: [thing, size], optional", TRIAL,
     "the look-up 'take' needs 'size', which nothing before 'trial.take' gives."),
    ("a need of an act", DATA, "needs: [thing, how]", "needs: [thing, how, size]", TRIAL,
     "the act 'order_thing' needs 'size', which nothing up to 'trial.taken' gives."),
    ("a value that is not taken", FLOW, "how: now", "how: now, colour: red", TRIAL, "the act 'order_thing' takes no 'colour'."),
    ("words of another turn", FLOW, "go: told, wrong: words", "go: nothing, wrong: words", TRIAL,
     "'trial.told' orders 'tell' with the person's words, but none are said in that turn."),
    ("told before it is known", FLOW, "ask: What now?", 'ask: "What now, {count}?"', TRIAL, "nothing before 'trial.start' gives {count}."),
    ("what was typed", FLOW, "ask: Nothing here.", 'ask: "Nothing here for {amount}."', TRIAL, "nobody fills {amount}."),
    ("no list", DATA, ", list: true", "", TRIAL, "no look-up before 'trial.which' gives a list."),
    ("a list and an answer", FLOW, "    pick: {keep: thing, go: take}\n",
     "    pick: {keep: thing, go: take}\n    answer: {type: number, keep: n, go: take}\n", TRIAL,
     "'trial.which' picks from a list without asking so."),
    ("a key of the list", FLOW, "    pick: {keep: thing, go: take}\n",
     "    pick: {keep: thing, go: take}\n    choices:\n      - {key: 7, say: Nothing, go: nothing}\n", TRIAL,
     "the key 7 of 'trial.which' belongs to its list."),
    ("no room for names", FLOW, "Which of the {count}?", LONG, TRIAL,
     "the list of 'trial.which' leaves a name less than 16 letters in 'en' by ussd."),
    ("a fact of a file", DATA, THINGS, OF_A_FILE, TRIAL, "'trial.which' tells {count} of a file to whoever comes there (safety 11)."),
    ("a fact of a file by SMS", DATA, THINGS, OF_A_FILE, TRIAL, "'trial.which' would carry {count} of a file by SMS (safety, channel table)."),
    ("pushed to nobody", DATA, "pushed:\n", "pushed:\n  reminder: {}\n", TABLE, "'reminder' is pushed, but no entry has that name."),
    ("never away", DATA, "[taken, gone, away]", "[taken, gone]", TABLE, ""),
    ("the engine's own name", DATA, "  take:", "  file:", TABLE, ""),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return trial_files(tmp_path_factory.mktemp("trial"))


def faults_of(folder, *, flow=FLOW, data=DATA):
    write_trial(folder, flow=flow, data=data)
    return [fault for fault in check(folder, CONSTANTS) if "translate" not in fault.remedy]


def test_the_trial_is_in_order(folder):
    assert [str(fault) for fault in faults_of(folder) if fault.place.startswith((TRIAL, TABLE))] == []


@pytest.mark.parametrize(
    ("where", "old", "new", "file", "what"), [row[1:] for row in BREAKS], ids=[row[0] for row in BREAKS]
)
def test_each_wrong_use_is_told(folder, where, old, new, file, what):
    assert old in where
    broken = {"flow" if where is FLOW else "data": where.replace(old, new, 1)}
    here = [fault for fault in faults_of(folder, **broken) if fault.place.startswith(f"{file}:")]
    assert here
    assert all(fault.remedy for fault in here)
    if what:
        assert what in [fault.what for fault in here]
