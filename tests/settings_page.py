"""Writes docs/settings.md from the descriptions in bot/config.py: `python -m tests.settings_page`."""

from pathlib import Path

from pydantic import SecretStr

from bot.config import ROOT, Settings

PAGE = ROOT / "docs" / "settings.md"
HEAD = """# Settings

Every setting is an environment variable. What is empty here has no default. In development nothing needs to be
set; in production the service says, all at once, what is missing or still a development value.

This page is written from `bot/config.py` by `make settings`; a test fails while the two differ.

| variable | default | what it is |
| --- | --- | --- |
"""


def page():
    """The whole page."""
    return HEAD + "".join(
        f"| `MARABA_{name.upper()}` | {_default(field)} | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    )


def _default(field):
    value = field.default
    if field.is_required() or value is None:
        return ""
    if isinstance(value, SecretStr):
        return "development value" if value.get_secret_value() else ""
    if isinstance(value, Path):
        return f"`{value.relative_to(ROOT)}`" if value.is_relative_to(ROOT) else f"`{value}`"
    shown = ",".join(value) if isinstance(value, tuple) else str(value)
    return f"`{shown}`" if shown else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
