import json
from collections.abc import Callable
from pathlib import Path

import pytest
import responses

from bot.config import Settings
from bot.errors import ConfigError
from bot.messages import Channel, Outbound
from handlers import outgoing, registry
from handlers.kept import Kept, Reply
from tests.handlers.payloads import FOLDER

PRODUCTION = {"env": "production"}


def test_gateways_are_built_by_name(configured: Callable[..., Settings]):
    found = registry.build(configured(), ["twilio", "africastalking", "twilio"])
    assert {name: gateway.name for name, gateway in found.items()} == {
        "twilio": "twilio",
        "africastalking": "africastalking",
    }


def test_an_unknown_name_is_told_with_those_that_are_known(configured: Callable[..., Settings]):
    with pytest.raises(ConfigError, match=r"carrier-pigeon.*known: africastalking, kannel.*twilio"):
        registry.build(configured(), ["africastalking", "carrier-pigeon"])


@pytest.mark.parametrize("name", list(registry.GATEWAYS))
def test_every_gateway_has_a_module_tests_and_payloads(name: str):
    assert (FOLDER / name).is_dir()
    assert Path(__file__).with_name(f"test_{name}.py").exists()


@pytest.mark.parametrize("name", list(registry.GATEWAYS))
@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("", True),
        ("http://127.0.0.1:9100", True),
        ("http://127.9.9.9", True),
        ("http://localhost:9100/base", True),
        ("http://[::1]:9100", True),
        ("https://api.africastalking.com", False),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1.example.org", False),
        ("http://127.0.0.1@example.org", False),
        ("localhost:9100", False),
        ("http://[::1", False),
        ("http://0.0.0.0", False),
    ],
)
def test_development_writes_to_loopback_only(
    configured: Callable[..., Settings], name: str, url: str, *, allowed: bool
):
    settings = configured(**{f"{name}_api_url": url})
    assert registry.outgoing_allowed(settings, name) is allowed


@pytest.mark.parametrize("name", list(registry.GATEWAYS))
def test_production_writes_to_the_real_one(configured: Callable[..., Settings], name: str):
    settings = configured(**PRODUCTION)
    assert registry.outgoing_allowed(settings, name)
    assert outgoing.api_base(settings, name) == ""


def test_an_unknown_gateway_may_not_write(configured: Callable[..., Settings]):
    assert not registry.outgoing_allowed(configured(**PRODUCTION), "carrier-pigeon")


@pytest.mark.parametrize(
    ("name", "env", "url"),
    [
        ("kannel", "development", "http://127.0.0.1:8123/simulator/gateway/kannel/cgi-bin/sendsms"),
        ("kannel", "production", "http://127.0.0.1:13013/cgi-bin/sendsms"),
        ("twilio", "development", "http://127.0.0.1:8123/simulator/gateway/twilio/2010-04-01/Accounts/AC{}/Messages.json"),
        ("twilio", "production", "https://api.twilio.com/2010-04-01/Accounts/AC{}/Messages.json"),
    ],
)  # fmt: skip
def test_messages_go_to_the_simulator_in_development_and_to_the_real_api_in_production(
    configured: Callable[..., Settings], name: str, env: str, url: str
):
    settings = configured(env=env, port=8123, africastalking_username="maraba")
    gateway = registry.build(settings, [name])[name]
    replies = {
        "kannel": "0: Accepted for delivery",
        "twilio": {"sid": "id-1"},
    }
    reply = replies[name]
    with responses.RequestsMock() as api:
        api.post(url.format("0" * 32), status=201, **({"body": reply} if isinstance(reply, str) else {"json": reply}))
        sent = gateway.send(Outbound("id-1", Channel.SMS, "+22790123456", "Sannu"))
    assert sent.external_id == "id-1"


@pytest.mark.parametrize(
    ("env", "url"),
    [
        ("development", "http://127.0.0.1:8123/simulator/gateway/africastalking/version1/messaging"),
        ("production", "https://api.africastalking.com/version1/messaging"),
    ],
)
def test_the_same_over_the_kept_connection(
    configured: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, env: str, url: str
):
    called: list[tuple[str, str]] = []

    def post(_kept: Kept, to: str, *, headers: dict[str, str], **_: object) -> Reply:
        called.append((to, headers["User-Agent"].partition("/")[0]))
        body = {"SMSMessageData": {"Recipients": [{"statusCode": 101, "messageId": "id-1"}]}}
        return Reply(201, {"content-type": "application/json"}, json.dumps(body).encode())

    monkeypatch.setattr(Kept, "post", post)
    settings = configured(env=env, port=8123, africastalking_username="maraba")
    gateway = registry.build(settings, ["africastalking"])["africastalking"]
    assert gateway.send(Outbound("id-1", Channel.SMS, "+22790123456", "Sannu")).external_id == "id-1"
    assert called == [(url, "africastalking-python")]  # the gateway's own library made the call; the line is ours
