import pytest

from bot.config import ROOT
from tests.service.running import Running
from tests.standin.niamey_link import ENVIRONMENT, NiameyLink

SECRETS = {
    name: f"told-{name.lower()}-0123456789"
    for name in ("HOOK_SECRET", "TWILIO_AUTH_TOKEN", "AFRICASTALKING_API_KEY", "KANNEL_PASSWORD", "META_APP_SECRET")
}


def _while_it_runs(running):
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="package")
def link():
    """The aggregator of the described gateway."""
    with NiameyLink() as running:
        yield running


@pytest.fixture(scope="package")
def service(tmp_path_factory, link):
    """One running service for the files that ask nothing special of it, with a described gateway; nobody stops it."""
    yield from _while_it_runs(
        Running(
            tmp_path_factory.mktemp("service"),
            MARABA_DESCRIBED_GATEWAYS=str(ROOT / "docs" / "examples" / "aggregator-xml.yaml"),
            NIAMEY_LINK_API_URL=link.url,
            **ENVIRONMENT,
        )
    )


@pytest.fixture(scope="package")
def shaken(tmp_path_factory):
    """One whose stores and gateways stand still for a while. It has secrets of its own, tells its log what it can,
    and looks each second for what it missed.
    """
    secrets = {f"MARABA_{name}": value for name, value in SECRETS.items()}
    folder = tmp_path_factory.mktemp("shaken")
    yield from _while_it_runs(Running(folder, MARABA_LOG_LEVEL="DEBUG", MARABA_TWILIO_LOOK_BACK="1", **secrets))
