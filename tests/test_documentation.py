"""Links of the pages lead somewhere, pictures are there and small, and none lies about unused."""

import re

import pytest

from bot.config import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
PICTURES = ROOT / "docs" / "pictures"
LARGEST = 400_000  # bytes: a page opens on a slow line


def links(page):
    """Files that a page points to, as it writes them, without addresses of the network."""
    found = LINK.findall(page.read_text(encoding="utf-8"))
    return [link.partition("#") for link in found if "://" not in link and not link.startswith("mailto:")]


def anchor(heading):
    """A heading as links name it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for path, _, part in links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert target.is_relative_to(ROOT), path
        if part:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert part in map(anchor, headings), f"{path}#{part}"


def sources():
    """Files in which code and conversations explain themselves."""
    for folder in ("bot", "handlers", "flows", "tests"):
        found = (path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".yaml", ".html", ".js"))
        yield from (path for path in found if path.parent.name != "axe")  # not ours


def test_code_names_only_pages_that_exist():
    pages = {page.name for page in PAGES}
    for path in sources():
        named = set(re.findall(r"\b[\w-]+\.md\b", path.read_text(encoding="utf-8")))
        assert named <= pages, path.relative_to(ROOT)


def test_code_names_only_safety_rules_that_exist():
    text = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
    rules = set(map(int, re.findall(r"^(\d+)\. ", text, re.MULTILINE)))
    assert rules == set(range(1, len(rules) + 1))
    for path in sources():
        for first, last in re.findall(r"\bsafety (\d+)(?: to (\d+))?", path.read_text(encoding="utf-8")):
            assert {int(first), int(last or first)} <= rules, path.relative_to(ROOT)


def test_pictures_are_used_and_small():
    used = {(page.parent / path).resolve() for page in PAGES for path, _, _ in links(page)}
    pictures = set(PICTURES.iterdir())
    assert pictures <= used
    assert {picture.name for picture in pictures if picture.stat().st_size > LARGEST} == set()
