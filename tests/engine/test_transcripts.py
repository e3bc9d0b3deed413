"""Every story of tests/transcripts goes as it is written. After a wanted change: `pytest --update-transcripts`, then read."""

from pathlib import Path

import pytest

from tests.engine.stories import Story

FOLDER = Path(__file__).parents[1] / "transcripts"
STORIES = [Story(path) for path in sorted(FOLDER.glob("*.txt"))]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.path.stem)
def test_the_story_goes_as_written(story, content, pytestconfig):
    played = story.played(content)
    if pytestconfig.getoption("--update-transcripts"):
        story.path.write_text("\n".join(played) + "\n", encoding="utf-8")
        return
    assert played == story.written


def test_every_story_stands_in_three_languages():
    stories = {story.path.name.split(".")[0] for story in STORIES}
    assert len(stories) >= 25
    for name in stories:
        assert {story.language for story in STORIES if story.path.name.startswith(f"{name}.")} == {"fr", "ha", "en"}
