"""What the worker works with: built once a process."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from redis import Redis
from rq import Queue

from bot.config import Settings
from bot.gate import Gate
from bot.gateway import Gateway
from bot.jobs.handing import SENDERS
from bot.jobs.pace import Paces
from bot.jobs.shelf import Shelves
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.stores.clients import store_client
from bot.waking import queue_on
from handlers import registry


@dataclass(frozen=True, slots=True)
class Services:
    """Stores, keys, the gate, and the threads that send."""

    settings: Settings
    database: Database
    conversations: Redis  # the conversation store
    queue: Queue
    ciphers: Ciphers
    gate: Gate
    senders: ThreadPoolExecutor
    gateways: Mapping[str, Gateway] = field(default_factory=dict)  # to fetch from; what is sent passes the gate
    shelves: Shelves = field(default_factory=Shelves)

    @classmethod
    def of(cls, settings: Settings) -> "Services":
        """Connect to what the settings name; nothing is asked of the stores yet."""
        carriers = (
            settings.staff_gateway,
            settings.staff_gateway_spare,
            settings.sms_gateway,
            settings.whatsapp_gateway,
        )
        names = dict.fromkeys((*settings.gateways, *filter(None, carriers)))
        jobs, conversations = store_client(settings.queue_url), store_client(settings.redis_url)
        gateways = registry.build(settings, names)
        gate = Gate(
            settings,
            gateways,
            outgoing_allowed=lambda name: registry.outgoing_allowed(settings, name),
            pace=Paces(settings, conversations),
        )
        return cls(
            settings=settings,
            database=Database.of(settings, pool_size=4),
            conversations=conversations,
            queue=queue_on(jobs),
            ciphers=Ciphers.of(settings),
            gate=gate,
            senders=ThreadPoolExecutor(SENDERS, thread_name_prefix="sender"),
            gateways=gateways,
        )

    def close(self) -> None:
        """Let running sends end, then give the connections back."""
        self.senders.shutdown(wait=True)
        self.database.close()
        self.conversations.close()
        self.queue.connection.close()
