"""What each of the 18 stages says, on every channel, in every language: the exact words, in stage_screens.txt.

After a wanted change: `pytest tests/engine/test_stages.py --update-transcripts`, then read the file.
"""

from datetime import date
from pathlib import Path

import pytest

from bot.cases.stages import STAGES
from bot.engine.ports import File
from tests.engine.speaker import Speaker

TABLE = Path(__file__).with_name("stage_screens.txt")
SINCE = {"": date(2026, 11, 16), "late": date(2026, 7, 6), "old late": date(2026, 7, 6)}
KNOWN = date(2026, 10, 3)
USUAL = STAGES[:10]
ROWS = [
    *((stage, "") for stage in STAGES),
    ("NOT_ELIGIBLE", "told"),
    *((stage, "late") for stage in USUAL),
    *((stage, way) for stage in USUAL for way in ("old", "old late")),
]


def _known(way: str) -> date | None:
    """Confirmed the day before, or long ago."""
    return KNOWN if way.startswith("old") else None


def _said(content, stage: str, way: str, *, channel: str, language: str) -> str:
    """The screen after number and code, line breaks as " / "."""
    file = File("482719368", stage, SINCE.get(way, SINCE[""]), told_by_person=way == "told", known_on=_known(way))
    speaker = Speaker(content, channel=channel, language=language, file=file)
    if channel == "ussd":
        speaker.dials()
        speaker.says("1")
        speaker.says("368")
        return speaker.says("7306").replace("\n", " / ")
    return speaker.says("482719368 7306").replace("\n", " / ")


def _line(content, stage: str, way: str, *, channel: str, language: str) -> str:
    said = _said(content, stage, way, channel=channel, language=language)
    return f"{' '.join(filter(None, (stage, way)))}, {channel}, {language}: {said}"


def test_every_stage_says_what_is_written(content, pytestconfig):
    lines = [
        _line(content, stage, way, channel=channel, language=language)
        for stage, way in ROWS
        for channel in ("ussd", "whatsapp", "sms")
        for language in ("fr", "ha", "en")
    ]
    if pytestconfig.getoption("--update-transcripts"):
        TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == TABLE.read_text(encoding="utf-8").splitlines()
    assert len(STAGES) == 18


@pytest.mark.parametrize("language", ["fr", "ha", "en"])
@pytest.mark.parametrize("stage", STAGES)
def test_an_sms_never_tells_the_stage(content, stage, language):
    said = {_said(content, other, "", channel="sms", language=language) for other in (stage, "REGISTERED")}
    assert len(said) == 1


@pytest.mark.parametrize("language", ["fr", "ha", "en"])
def test_the_four_that_a_person_says_first_look_alike(content, language):
    said = {
        _said(content, stage, "", channel="ussd", language=language)
        for stage in ("NOT_ELIGIBLE", "DECEASED", "LOST_CONTACT", "CANCELLED")
    }
    assert len(said) == 1
