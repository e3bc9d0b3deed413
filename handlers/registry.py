"""The gateways that are on. A new gateway is one module and one line here."""

from collections.abc import Callable, Iterable

from bot import pricing
from bot.config import Settings
from bot.errors import ConfigError
from bot.gateway import Gateway
from handlers import outgoing
from handlers.africastalking import AfricasTalking
from handlers.kannel import Kannel
from handlers.twilio import Twilio

GATEWAYS: dict[str, Callable[[Settings], Gateway]] = {
    "africastalking": AfricasTalking,
    "kannel": Kannel,
    "twilio": Twilio,
}


def build(settings: Settings, names: Iterable[str]) -> dict[str, Gateway]:
    """One object a gateway, by name; raises ConfigError for a name that is none."""
    wanted = list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in GATEWAYS]
    if unknown:
        raise ConfigError(
            f"MARABA_GATEWAYS names {', '.join(unknown)}; known: {', '.join(GATEWAYS)}. Correct the list."
        )
    pricing.check(settings, GATEWAYS)
    return {name: GATEWAYS[name](settings) for name in wanted}


def outgoing_allowed(settings: Settings, name: str) -> bool:
    """True in production; in development only where the gateway's API base is a loopback address."""
    return name in GATEWAYS and outgoing.is_allowed(settings, name)
