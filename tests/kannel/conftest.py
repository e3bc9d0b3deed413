"""One service for all tests of this folder, in a network where every port is free."""

import pytest

from tests.kannel.boxes import SENDSMS
from tests.machine import own_network
from tests.service.running import Running


@pytest.fixture(scope="package")
def network():
    with own_network():
        yield


@pytest.fixture(scope="package")
def service(network, tmp_path_factory):
    """Answers go back where they came from; what staff are told leaves by Kannel too."""
    running = Running(tmp_path_factory.mktemp("service"), MARABA_KANNEL_API_URL=SENDSMS, MARABA_STAFF_GATEWAY="kannel")
    try:
        yield running.start()
    finally:
        running.stop()
