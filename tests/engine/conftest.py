import pytest

from bot.config import ROOT
from bot.content.screens import Constants, Content


@pytest.fixture(scope="session")
def content() -> Content:
    """The real flows and translations."""
    return Content.read(ROOT, Constants("*321#", "17"))
