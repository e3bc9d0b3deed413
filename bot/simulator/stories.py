"""The four stories of "Try this": data for the page's scripts, checked when they are read."""

import re
from pathlib import Path
from typing import Any, cast

import yaml

FILE = Path(__file__).parent / "stories.yaml"
LANGUAGES = ("en", "fr")


def load(file: Path = FILE) -> list[dict[str, Any]]:
    """Raises ValueError, with the story's id, for a text without both languages or a rule that is no pattern."""
    stories = cast(list[dict[str, Any]], yaml.safe_load(file.read_text(encoding="utf-8")))
    for story in stories:
        texts = (story["title"], story["about"], *(step["say"] for step in story["steps"]))
        if not all(text.get(language) for text in texts for language in LANGUAGES):
            raise ValueError(f"{file.name}: story {story['id']} lacks a text in {' or '.join(LANGUAGES)}")
        try:
            for pattern in _patterns(story):
                re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{file.name}: story {story['id']} has a rule that is no pattern: {error}") from None
    return stories


def _patterns(story: dict[str, Any]) -> list[str]:
    found = []
    for step in story["steps"]:
        found += [step[name] for name in ("until", "wait") if name in step]
        for shown, typed in step.get("answer", ()):
            found.append(typed.removeprefix("choose:") if typed.startswith("choose:") else shown)
    return found
