"""docs/flows.md names everything that a flow file may hold."""

import pytest

from bot.config import ROOT
from bot.content.checking.words import FILLED
from bot.content.loading import CONSTANTS, STAGE_WORDS
from bot.content.specs import FlowSpec, StateSpec
from bot.engine.answers import ANSWERS
from bot.engine.files import LOOKUPS, OUTCOMES
from bot.engine.orders import VERBS

PAGE = (ROOT / "docs" / "flows.md").read_text(encoding="utf-8")
WORDS = [
    *VERBS,
    *ANSWERS,
    *LOOKUPS,
    *(outcome for outcomes in OUTCOMES.values() for outcome in outcomes),
    *sorted({*StateSpec.model_fields, *FlowSpec.model_fields} - {"flow", "states"}),
]


@pytest.mark.parametrize("word", WORDS)
def test_the_page_explains(word):
    assert f"`{word}`" in PAGE


@pytest.mark.parametrize("name", [*sorted(FILLED), *STAGE_WORDS, *CONSTANTS])
def test_the_page_names_every_placeholder(name):
    assert f"`{{{name}}}`" in PAGE
