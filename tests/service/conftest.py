import pytest

from tests.service.running import Running


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """One running service for the tests of a module; it is restarted by nobody."""
    running = Running(tmp_path_factory.mktemp("service"))
    try:
        yield running.start()
    finally:
        running.stop()
