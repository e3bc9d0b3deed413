"""The simulator: three phones in the browser that speak to the service through its real hooks. Development only."""

from flask import Flask

from bot.simulator import standin, views
from bot.simulator.hooks import Hooks
from bot.simulator.shelf import Shelf
from bot.simulator.views import Services

__all__ = ["Services", "register"]


def register(app: Flask, services: Services) -> None:
    """Add /simulator and the stand-in gateways; in production nothing is added at all."""
    settings = services.settings
    if not settings.development:
        return
    shelf = Shelf(services.queue_client, services.ciphers)
    blueprints = (views.create(services, shelf, Hooks(settings)), standin.create(settings, shelf))
    protection = app.extensions.get("csrf")
    for blueprint in blueprints:
        if protection is not None:  # no cookies are used here; see views._same_site_only
            protection.exempt(blueprint)
        app.register_blueprint(blueprint)
