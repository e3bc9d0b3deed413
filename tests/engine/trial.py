"""Real flows beside one that tries what flow files may do in general: it asks, picks, orders and takes words."""

import shutil
from pathlib import Path

import yaml

from bot.config import ROOT
from bot.content.screens import Constants, Content
from bot.engine.session import Session
from tests.engine.speaker import Speaker

DATA = """
look_ups:
  things: {outcomes: [some, none, away], gives: {count: "12", note: "a short note"}, list: true}
  take: {outcomes: [taken, gone, away], needs: [thing], optional: [extra], claims: true}
acts:
  order_thing: {needs: [thing, how], optional: [amount]}
  tell: {text: true}
pushed:
  trial: {}
"""
FLOW = """
flow: trial
states:
  start:
    ask: What now?
    choices:
      - {key: 1, say: Things, go: things}
      - {key: 2, say: Sum, go: sum}
      - {key: 3, say: Words, go: words}
      - {key: 4, say: Take, go: take}
    foot: [menu, private]
  things:
    look_up: things
    outcomes: {some: which, none: nothing, away: file.away}
  which:
    ask: "Which of the {count}?"
    pick: {keep: thing, go: take}
    elsewhere: [sms]
    foot: [menu_private]
  take:
    look_up: take
    outcomes: {taken: taken, gone: nothing, away: file.away}
  taken:
    do: [{act: {what: order_thing, how: now}}]
    ask: "{thing_name} is yours."
    choices:
      - {key: 1, say: Things, go: things}
    foot: [menu]
  nothing:
    ask: Nothing here.
    choices:
      - {key: 1, say: Things, go: things}
    foot: [menu]
  sum:
    ask: How much?
    answer: {type: number, keep: amount, go: things, wrong: sum}
    foot: [menu_number, private_number]
  words:
    ask: What is needed?
    answer: {type: words, keep: said, go: told, wrong: words}
    foot: [menu, private]
  told:
    do: [{act: {what: tell}}]
    say: "Thank you."
"""


def trial_files(folder: Path) -> Path:
    """The real files copied, with the trial and its data beside them."""
    for name in ("flows", "locales"):
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    write_trial(folder)
    with (folder / "flows" / "entries.yaml").open("a", encoding="utf-8") as entries:
        entries.write("trial: trial.start\n")
    return folder


def write_trial(folder: Path, *, flow: str = FLOW, data: str = DATA) -> None:
    """The trial anew, broken on purpose perhaps."""
    real, tried = (yaml.safe_load(text) for text in ((ROOT / "flows" / "data.yaml").read_text(encoding="utf-8"), data))
    both = {part: real.get(part, {}) | tried.get(part, {}) for part in ("look_ups", "acts", "pushed")}
    (folder / "flows" / "data.yaml").write_text(yaml.safe_dump(both, sort_keys=False), encoding="utf-8")
    (folder / "flows" / "trial.yaml").write_text(flow, encoding="utf-8")


def trial_content(folder: Path) -> Content:
    return Content.read(trial_files(folder), Constants("*321#", "17"))


def stand(speaker: Speaker, state: str) -> None:
    """The person stands at a question of the trial; on USSD the line is open."""
    if speaker.channel == "ussd":
        speaker.dials()
    question = speaker.content.flows.states[state].questions[speaker.channel]
    before = speaker.session or Session(state)
    at = int(speaker.now.timestamp() * 1000) - 20_000
    speaker.session = Session(state, question, at, dialled=before.dialled, transcript=before.transcript)
