from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import pytest

from bot.config import ROOT, Settings
from bot.gateway import Gateway
from handlers import described
from handlers.africastalking import AfricasTalking
from handlers.kannel import Kannel
from handlers.twilio import Twilio
from tests.standin import StandIn

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Settings of these tests alone: nothing of the environment."""

    def make(**more: object) -> Settings:
        return Settings(
            **{"env": "development", "public_url": "https://maraba.example.org", "hook_secret": "dev", **more}
        )

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    return make


@pytest.fixture(scope="module", params=["module", "described"])
def make(request: pytest.FixtureRequest) -> Callable[..., Gateway]:
    """Africa's Talking made of settings: its module, and docs/examples/africastalking.yaml under the same name."""
    if request.param == "module":
        return partial(AfricasTalking, clock=lambda: NOW)
    example = described.read(ROOT / "docs" / "examples" / "africastalking.yaml")
    return partial(described.Described, example.model_copy(update={"name": AfricasTalking.name}), clock=lambda: NOW)


@pytest.fixture
def africastalking(
    make: Callable[..., Gateway],
    configured: Callable[..., Settings],
    stand_in: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> Gateway:
    monkeypatch.setenv("AT_API_URL", stand_in.url)
    return make(configured(africastalking_api_url=stand_in.url))


@pytest.fixture
def twilio(configured: Callable[..., Settings], stand_in: StandIn) -> Twilio:
    return Twilio(configured(twilio_api_url=stand_in.url), clock=lambda: NOW)


@pytest.fixture
def kannel(configured: Callable[..., Settings], stand_in: StandIn) -> Kannel:
    return Kannel(configured(kannel_api_url=stand_in.url), clock=lambda: NOW)
