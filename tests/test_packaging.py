"""What is imported is asked for, and what the code reads beside its modules is packed with them."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from bot.config import ROOT

OURS = {"bot", "handlers", "tests"}
ONLY_TYPES = {"_typeshed"}  # a type checker's own
UNTRACKED = {"__pycache__"}


def imported(folder):
    """Top-level names that a folder's modules import, without Python's own and ours."""
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module)
    return {name.partition(".")[0] for name in found} - sys.stdlib_module_names - OURS - ONLY_TYPES


def asked_for(*names):
    """Packages of requirements/*.in, in the spelling that indexes compare."""
    lines = "\n".join((ROOT / "requirements" / f"{name}.in").read_text(encoding="utf-8") for name in names)
    return {_normal(name) for name in re.findall(r"^[\w-]+", lines, re.MULTILINE) if not name.startswith("-")}


def _normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(
    ("folder", "files"),
    [("bot", ["run"]), ("handlers", ["run"]), ("tests", ["run", "dev"])],
    ids=str,
)
def test_what_is_imported_is_asked_for(folder, files):
    packages = packages_distributions()
    wanted = {_normal(packages[name][0]) for name in imported(folder)}
    assert wanted <= asked_for(*files)


@pytest.mark.parametrize("name", ["run", "dev"])
def test_locks_hold_what_is_asked_for(name):
    locked = re.findall(
        r"^([\w.-]+)==", (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert asked_for(name) <= set(locked), "run `make lock`"


def test_files_beside_the_code_are_packed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packed = {pattern.removeprefix("*") for pattern in project["tool"]["setuptools"]["package-data"]["*"]}
    beside = {
        path.suffix
        for folder in ("bot", "handlers")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".py" and not UNTRACKED.intersection(path.parts)
    }
    assert packed == beside
