"""What a message costs: as its gateway tells, else by the price of a segment in the settings. Amounts are exact."""

import re
from collections.abc import Collection
from decimal import Decimal
from functools import lru_cache

from bot.config import Settings
from bot.errors import ConfigError
from bot.messages import Channel

PLACES = Decimal("0.0001")  # as the table keeps it
_NUMBER, _CURRENCY = r"(?P<amount>\d{1,7}(?:\.\d{1,8})?)", r"(?P<currency>[A-Z]{3})"
_ORDERS = tuple(re.compile(order) for order in (rf"-?{_NUMBER} {_CURRENCY}", rf"{_CURRENCY} -?{_NUMBER}"))


def price(
    settings: Settings, gateway: str, channel: Channel | str, parts: int, told: str = ""
) -> tuple[Decimal | None, str]:
    """Cost of a message and its currency (ISO 4217); (None, "") where nobody knows it, which is not the same as free.

    `told` is the gateway's own word for the whole message ("XOF 12.5000", "-0.0075 USD": an amount that was taken off)
    and wins; else the price of a segment in the settings, of gateway and channel before that of the gateway alone,
    times `parts` (segments; 0 where there are none, as on WhatsApp, counts as one).
    """
    whole = read(told)
    if whole is not None:
        return whole
    prices = settings.prices
    segment = read(prices.get(f"{gateway}:{channel}", prices.get(gateway, "")))
    return (None, "") if segment is None else ((segment[0] * max(parts, 1)).quantize(PLACES), segment[1])


@lru_cache(maxsize=256)
def read(amount: str) -> tuple[Decimal, str] | None:
    """`8 XOF` or `XOF 8`; None for what is no price."""
    found = next((match for match in (order.fullmatch(amount.strip()) for order in _ORDERS) if match), None)
    return (Decimal(found["amount"]).quantize(PLACES), found["currency"]) if found else None


def check(settings: Settings, known: Collection[str]) -> None:
    """Raise ConfigError for what MARABA_PRICES can't mean; `known` are the names of all gateways there are."""
    faults = []
    for name, amount in settings.prices.items():
        gateway, colon, channel = name.partition(":")
        if gateway not in known:
            faults.append(f"{gateway} is no gateway; known: {', '.join(sorted(known))}")
        if colon and channel not in set(Channel):
            faults.append(f"{name}: {channel} is no channel; known: {', '.join(Channel)}")
        if read(amount) is None:
            faults.append(f"{name}={amount} is no price; write the price of a segment like `{name}=8 XOF`")
    if faults:
        raise ConfigError("\n".join(f"MARABA_PRICES: {fault}." for fault in faults))
