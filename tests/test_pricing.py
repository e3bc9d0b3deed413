"""A message costs what its gateway tells, else what the settings say; what nobody knows is not free."""

from decimal import Decimal

import pytest

from bot import pricing
from bot.errors import ConfigError
from bot.messages import Channel
from handlers import registry

PRICES = {"kannel": "8 XOF", "twilio:whatsapp": "0.0147 USD", "twilio": "0.0925 USD"}


@pytest.fixture
def priced(settings):
    return settings.model_copy(update={"prices": PRICES})


@pytest.mark.parametrize(
    ("told", "cost", "currency"),
    [
        ("XOF 12.5000", "12.5", "XOF"),
        ("KES 0.8000", "0.8", "KES"),
        ("0.0075 USD", "0.0075", "USD"),
        ("-0.00750 USD", "0.0075", "USD"),  # Twilio tells what it took off the account
        ("USD 0.0000", "0", "USD"),
    ],
)
def test_what_the_gateway_tells_wins(priced, told, cost, currency):
    assert pricing.price(priced, "kannel", Channel.SMS, 3, told) == (Decimal(cost), currency)


@pytest.mark.parametrize(
    ("gateway", "channel", "parts", "cost", "currency"),
    [
        ("kannel", Channel.SMS, 1, "8", "XOF"),
        ("kannel", "sms", 3, "24", "XOF"),
        ("twilio", "sms", 2, "0.185", "USD"),
        ("twilio", "whatsapp", 0, "0.0147", "USD"),
    ],
)
def test_else_the_price_of_a_segment_times_the_segments(priced, gateway, channel, parts, cost, currency):
    assert pricing.price(priced, gateway, channel, parts) == (Decimal(cost), currency)


@pytest.mark.parametrize("told", ["", "0", "None", "free", "USD", "XOF 1e9", "12,5 XOF", "xof 3", "XOF -", "9" * 40])
def test_what_is_no_price_and_has_no_price_stays_unknown(priced, told):
    assert pricing.price(priced, "africastalking", Channel.SMS, 1, told) == (None, "")


def test_the_sum_of_cents_is_exact(settings):
    priced = settings.model_copy(update={"prices": {"kannel": "0.1 USD"}})
    assert pricing.price(priced, "kannel", "sms", 3)[0] == Decimal("0.3")


@pytest.mark.parametrize(
    ("prices", "says"),
    [
        ({"nobody": "8 XOF"}, "nobody is no gateway; known: africastalking"),
        ({"twilio:fax": "8 XOF"}, "fax is no channel"),
        ({"twilio": "eight"}, "write the price of a segment like `twilio=8 XOF`"),
    ],
)
def test_a_price_that_is_none_is_told_at_start_with_its_remedy(settings, prices, says):
    with pytest.raises(ConfigError) as error:
        registry.build(settings.model_copy(update={"prices": prices}), settings.gateways)
    assert "MARABA_PRICES" in str(error.value)
    assert says in str(error.value)
