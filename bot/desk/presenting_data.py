"""What the pages of imports show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.cases.reading import DEFAULTS
from bot.data import mapping, runs
from bot.data.holdings import CHOICES, HOLDINGS
from bot.data.mapping import ColumnMap
from bot.desk.words import data, say
from bot.store.models import ImportRun


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the file, and what it is taken for; "" where we don't know."""

    theirs: str
    ours: str


@dataclass(frozen=True, slots=True)
class Column:
    """One of our columns, where the file has it, and its words where there are few."""

    name: str
    label: str
    heading: str
    fixed: str
    needed: bool
    choices: list[tuple[str, str]]
    words: list[Word]


@dataclass(frozen=True, slots=True)
class Run:
    """An import in a list or on its page."""

    id: int
    file: str
    holds: str
    state: str
    state_word: str
    who: str
    at: datetime
    counts: str
    working: bool
    share: int  # percent that is done, of a file whose length is known
    has_good: bool  # a line at least that can be taken
    may_undo: bool
    fault: str


def columns(holds: str, chosen: ColumnMap, words: Mapping[str, list[str]]) -> list[Column]:
    """All of ours, in their order."""
    needed = HOLDINGS[holds].needed
    return [
        Column(
            name, data.column(name), chosen.columns.get(name, ""), chosen.fixed.get(name, ""), name in needed,
            [(code, data.value(name, code)) for code in CHOICES.get(name, ())],
            [Word(theirs, _taken(chosen, name, theirs)) for theirs in words.get(name, ())],
        )
        for name in HOLDINGS[holds].columns
    ]  # fmt: skip


def missing(holds: str, chosen: ColumnMap) -> list[str]:
    """What the file has not and new cases need, or any line of another file."""
    lacking = HOLDINGS[holds].needed - chosen.given - set(DEFAULTS)
    return [data.column(name) for name in HOLDINGS[holds].columns if name in lacking]


def run(one: ImportRun, who: str, now: datetime) -> Run:
    """One import."""
    working = one.state in runs.WORKED_ON
    share = min(100, one.lines * 100 // one.total) if one.total else 0
    return Run(
        one.id, one.file_name, data.holds(one.holds), one.state, data.state(one.state), who or say("the command line"), one.made_at,
        counts(one), working, share, one.total > one.bad, runs.may_undo(one, now),
        say(one.fault, name=one.file_name) if one.fault else "",
    )  # fmt: skip


def counts(one: ImportRun) -> str:
    """In one line; while it is worked on how far it is."""
    if one.state in ("uploaded", "failed", "dropped"):
        return ""
    if one.state in runs.WORKED_ON:
        return say("%(lines)s lines read, %(bad)s bad", lines=one.lines, bad=one.bad)
    if one.state == "undone":
        left = one.added + one.changed - one.undone
        if one.holds != "cases":
            return say("%(undone)s lines as before, %(left)s left as they are", undone=one.undone, left=left)
        return say("%(undone)s cases as before, %(left)s left as they are", undone=one.undone, left=left)
    same = one.total - one.added - one.changed - one.bad
    return say(
        "%(added)s new, %(changed)s changed, %(same)s unchanged, %(bad)s bad",
        added=one.added, changed=one.changed, same=same, bad=one.bad,
    )  # fmt: skip


def _taken(chosen: ColumnMap, name: str, theirs: str) -> str:
    return chosen.values.get(name, {}).get(theirs) or mapping.suggestion(name, theirs)
