import pytest

from tests.service.running import Running


@pytest.fixture(scope="package")
def service(tmp_path_factory):
    """One running service for the files that ask nothing special of it; it is restarted by nobody."""
    running = Running(tmp_path_factory.mktemp("service"))
    try:
        yield running.start()
    finally:
        running.stop()
