"""What a process is made of, wired in one place from the settings."""

from functools import cached_property

import redis

from bot.cases.lookups import Lookups
from bot.config import Settings
from bot.content.screens import Content, content_of
from bot.conversation import Conversation
from bot.events import Events
from bot.gateway import Gateway
from bot.going_on import GoingOn
from bot.messages import Channel
from bot.store.attempts import Attempts
from bot.store.ciphers import Ciphers
from bot.store.conversations import Conversations
from bot.store.database import Database
from bot.store.wire import Wire
from bot.stores.clients import store_client
from bot.waking import wake
from handlers import registry


class Services:
    """Made once a process; everything in it may be shared by its threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ciphers = Ciphers.of(settings)

    @cached_property
    def content(self) -> Content:
        """Flows and catalogues; raises FlowError."""
        return content_of(self.settings)

    @cached_property
    def database(self) -> Database:
        """The pool for desk and jobs; lookups of turns have their own."""
        return Database.of(self.settings)

    @cached_property
    def redis_client(self) -> redis.Redis:
        """The conversation store for everything but turns."""
        return store_client(self.settings.redis_url, timeout=2.0, connect_timeout=1.0)

    @cached_property
    def queue_client(self) -> redis.Redis:
        """The job store."""
        return store_client(self.settings.queue_url, timeout=2.0, connect_timeout=1.0)

    @cached_property
    def gateways(self) -> dict[str, Gateway]:
        """The gateways that are on."""
        return registry.build(self.settings, self.settings.gateways)

    @cached_property
    def conversations(self) -> Conversations:
        """Sessions, contacts and the journal."""
        return Conversations(Wire(self.settings.redis_url, timeout=self.settings.store_timeout), self.ciphers)

    @cached_property
    def lookups(self) -> Lookups:
        """Data inside a turn: half the web threads at most, so that a hung PostgreSQL never holds up the rest."""
        return Lookups(
            self.database,
            Attempts(self.redis_client, self.ciphers),
            self.ciphers,
            timeout=self.settings.lookup_timeout,
            threads=max(1, self.settings.web_threads // 2),
            settings=self.settings,
        )

    @cached_property
    def conversation(self) -> Conversation:
        """The turn."""
        return Conversation(
            self.content, self.conversations, self.ciphers, self.lookups, journal_limit=self.settings.journal_limit
        )

    @cached_property
    def events(self) -> Events:
        """Reports of gateways."""
        return Events(self.conversations, self.ciphers)

    @cached_property
    def going_on(self) -> GoingOn:
        """Dropped lines, by the gateways that carry what answers no hook."""
        by = {Channel.WHATSAPP: self.settings.whatsapp_gateway, Channel.SMS: self.settings.sms_gateway}
        on = {channel: name for channel, name in by.items() if name in self.gateways}
        return GoingOn(self.content, self.conversations, self.ciphers, gateways=on)

    def wake(self, name: str, *ids: object) -> None:
        """Wake a job; what is lost here a sweep finds."""
        wake(self.queue_client, name, *ids)
