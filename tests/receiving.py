"""The hooks of the web process, called in this one: for tests that look at what a hook leaves behind."""

from bot.app import create_app


class Hooks:
    """The application of `settings`, its test client, and what it is made of."""

    def __init__(self, settings):
        app = create_app(settings)
        self.client = app.test_client()
        self.services = app.extensions["maraba_services"]

    def close(self):
        services = self.services
        services.lookups.close()
        services.conversations._wire.close()
        for store in (services.database, services.redis_client, services.queue_client):
            store.close()
