"""The gateways that are on. A new gateway is one module and one line here, or a file that the settings name."""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from pathlib import Path

from bot import pricing
from bot.config import Settings
from bot.errors import ConfigError
from bot.gateway import Gateway
from bot.messages import Channel
from handlers import described, email, outgoing
from handlers.africastalking import AfricasTalking
from handlers.kannel import Kannel
from handlers.meta import Meta
from handlers.twilio import Twilio

GATEWAYS: dict[str, Callable[[Settings], Gateway]] = {
    "africastalking": AfricasTalking,
    "kannel": Kannel,
    "meta": Meta,
    "twilio": Twilio,
}


def build(settings: Settings, names: Iterable[str]) -> dict[str, Gateway]:
    """One object a gateway, by name, and all that are described; raises ConfigError for a name that is none."""
    files = descriptions(settings.described_gateways)
    makers = GATEWAYS | {name: partial(described.Described, description) for name, description in files.items()}
    if settings.smtp_url:  # to staff alone, and without hooks: on by being set, not by being named
        makers = {**makers, Channel.EMAIL.value: email.Email}
    wanted = list(dict.fromkeys((*names, *files, *(makers.keys() & {Channel.EMAIL.value}))))
    unknown = [name for name in wanted if name not in makers]
    if unknown:
        raise ConfigError(f"MARABA_GATEWAYS names {', '.join(unknown)}; known: {', '.join(makers)}. Correct the list.")
    pricing.check(settings, makers)
    return {name: makers[name](settings) for name in wanted}


def outgoing_allowed(settings: Settings, name: str) -> bool:
    """True in production; in development only where the gateway's API base is a loopback address."""
    description = descriptions(settings.described_gateways).get(name)
    if description is not None:
        return described.is_allowed(description, settings)
    if name == Channel.EMAIL:
        return email.is_allowed(settings)
    return name in GATEWAYS and outgoing.is_allowed(settings, name)


@lru_cache
def descriptions(files: tuple[Path, ...]) -> dict[str, described.Description]:
    """Described gateways by name, read once a process; raises ConfigError with every fault of every file."""
    found: dict[str, described.Description] = {}
    faults = []
    for path in files:
        try:
            description = described.read(path)
        except ConfigError as fault:
            faults.append(str(fault))
            continue
        if description.name in GATEWAYS or description.name in found:
            faults.append(f"{path}: name: '{description.name}' is taken by another gateway; choose another name")
        found[description.name] = description
    if faults:
        raise ConfigError("\n".join(faults))
    return found
