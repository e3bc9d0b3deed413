"""The web process: hooks, desk, health and, in development, the simulator."""

from flask import Flask

from bot import api, config, desk, health, simulator, webhooks
from bot.config import Settings
from bot.services import Services


def create_app(settings: Settings | None = None) -> Flask:
    """The application; raises ConfigError and FlowError with every fault, before anything is served."""
    services = Services(settings or config.load())
    app = Flask("maraba", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = 256 * 1024
    receiver = webhooks.Receiver(
        services.gateways,
        services.conversation,
        services.events,
        services.going_on,
        services.content,
        wake=lambda shard: services.wake("send_answers", shard),
        traced=services.settings.development,
    )
    webhooks.register(app, receiver)
    health.register(app, services)
    desk.register(app, services)
    api.register(app, services)
    simulator.register(app, services)
    return app
