"""What people read and how conversations go: files in flows/ and locales/, checked before anything starts."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.content.checking import Fault


def check() -> list["Fault"]:
    """Every fault of this installation's flows and translations, with its own short code and emergency number."""
    from bot import config
    from bot.content import checking
    from bot.content.screens import Constants

    settings = config.load()
    return checking.check(config.ROOT, Constants(settings.short_code, settings.emergency_number))
