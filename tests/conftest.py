"""The stores of the tests: real ones, private, started as the product starts its own.

One set of servers a run, started by the process that controls it; each pytest-xdist process has a database and
two Valkey databases of its own, emptied between tests. A test that breaks a store starts its own EmbeddedStores.
"""

import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
import redis
import structlog
from sqlalchemy import text
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from bot.config import Settings
from bot.content.screens import Content, content_of
from bot.store import migrate
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.stores import EmbeddedStores
from tests import chromium as program
from tests.machine import lacks_kannel

TEMPLATE = "migrated"
VALKEY_DATABASES = 16
_STORES = pytest.StashKey[EmbeddedStores]()
_TURNS = pytest.StashKey["Turns"]()
_BLOCKED = (socket.AF_INET, socket.AF_INET6)


class OutsideWorld(AssertionError):
    """A test wanted to reach another machine."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-transcripts", action="store_true", help="rewrite tests/transcripts as it goes now")
    parser.addoption("--pictures", default="", help="folder for the pictures of the pages in docs")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests come first, so that at the end no process waits for the others; what is measured alone comes last,
    when the others have little to finish.

    Without Chromium or Kannel their tests are left out; in CI they fail, so that nobody believes they ran.
    """
    items.sort(key=_place)
    if os.environ.get("CI"):
        return
    lacks = {"browser": "" if program.PROGRAM else "no Chromium: install it, or set MARABA_CHROMIUM"}
    lacks["kannel"] = lacks_kannel()
    for item in items:
        for name in filter(item.get_closest_marker, lacks):
            if lacks[name]:
                item.add_marker(pytest.mark.skip(reason=lacks[name]))


def _place(item: pytest.Item) -> int:
    if item.get_closest_marker("alone"):
        return 2
    return 0 if any(map(item.get_closest_marker, ("slow", "browser", "kannel"))) else 1


# Files that share one running service go to one process: else each process would start its own.
ONE_SERVICE = {
    "tests/browser/": "browser",
    "tests/kannel/": "kannel",
    "tests/service/test_described.py": "service",
    "tests/service/test_line.py": "service",
    "tests/service/test_meta.py": "service",
    "tests/service/test_missed_calls.py": "service",
    "tests/service/test_missed.py": "shaken",
    "tests/service/test_outages.py": "shaken",
    "tests/service/test_secrets.py": "shaken",
}


class Together(LoadFileScheduling):
    """As `--dist loadfile`, but for those."""

    def _split_scope(self, nodeid: str) -> str:
        there = (scope for start, scope in ONE_SERVICE.items() if nodeid.startswith(start))
        return next(there, super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    return Together(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI, where root runs everything, a skipped test fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and os.geteuid() == 0 and reporter and reporter.stats.get("skipped"):
        reporter.ensure_newline()
        reporter.write_line("tests were skipped, and in CI none may be", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _start_stores(config: pytest.Config) -> dict[str, str]:
    """Start them once a run, with a migrated database to copy; their addresses by settings field."""
    if _STORES not in config.stash:
        folder = Path(tempfile.mkdtemp(prefix="maraba-tests-"))
        # Other stores than the embedded ones: set the three URLs, as for the service.
        stores = EmbeddedStores(Settings(data_dir=folder), durable=False, say=lambda _line: None)
        stores.start()
        config.stash[_STORES] = stores
        if stores.postgres:
            stores.postgres.create(TEMPLATE)
            migrate.upgrade(stores.postgres.url(TEMPLATE))
    return config.stash[_STORES].urls


def pytest_configure() -> None:
    """A painted traceback of each expected fault would cost seconds."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


def pytest_configure_node(node) -> None:
    """pytest-xdist: the controlling process starts the stores and tells each worker where they are."""
    node.workerinput["maraba_urls"] = _start_stores(node.config)
    node.workerinput["maraba_turns"] = str(node.config.stash[_STORES].folder)


class Turns:
    """Files that the processes of a run lock: whoever measures time works alone, all others at the same time."""

    def __init__(self, folder: Path) -> None:
        self.door, self.room = (folder / "door").open("w"), (folder / "room").open("w")

    @contextmanager
    def taken(self, *, alone: bool) -> Iterator[None]:
        fcntl.flock(self.door, fcntl.LOCK_EX)  # who waits to be alone lets nobody in meanwhile
        fcntl.flock(self.room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(self.door, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self.room, fcntl.LOCK_UN)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    folder = getattr(item.config, "workerinput", {}).get("maraba_turns")
    if folder is None:
        return (yield)
    if _TURNS not in item.config.stash:
        item.config.stash[_TURNS] = Turns(Path(folder))
    with item.config.stash[_TURNS].taken(alone=item.get_closest_marker("alone") is not None):
        return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    stores = config.stash.get(_STORES, None)
    if stores:
        stores.stop()
        shutil.rmtree(stores.folder, ignore_errors=True)


def pytest_sessionstart(session: pytest.Session) -> None:
    """No test reaches past this machine; the guard stands in every process of a run."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def check(self: socket.socket, address: object) -> None:
        host = str(address[0]) if self.family in _BLOCKED and isinstance(address, tuple) else "localhost"
        if host not in ("localhost", "::1") and not host.startswith("127."):
            raise OutsideWorld("a test tried to reach another machine")

    def guarded(self: socket.socket, address: object) -> None:
        check(self, address)
        connect(self, address)

    def guarded_ex(self: socket.socket, address: object) -> int:
        check(self, address)
        return connect_ex(self, address)

    socket.socket.connect = guarded
    socket.socket.connect_ex = guarded_ex


def _worker_number(config: pytest.Config) -> int:
    name = getattr(config, "workerinput", {}).get("workerid", "gw0")
    return int(name.removeprefix("gw"))


@pytest.fixture(scope="session")
def store_urls(pytestconfig: pytest.Config) -> dict[str, str]:
    """The three addresses of this process, by settings field."""
    urls = getattr(pytestconfig, "workerinput", {}).get("maraba_urls") or _start_stores(pytestconfig)
    number = _worker_number(pytestconfig)
    assert number < VALKEY_DATABASES, "more test processes than Valkey databases"
    name = f"worker{number}"
    database = Database(urls["database_url"])
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    database.close()
    return {
        "database_url": urls["database_url"].replace("/maraba?", f"/{name}?"),
        "redis_url": urls["redis_url"].replace("db=0", f"db={number}"),
        "queue_url": urls["queue_url"].replace("db=0", f"db={number}"),
    }


@pytest.fixture(scope="session")
def _session_settings(store_urls: dict[str, str]) -> Settings:
    return Settings(**store_urls)


@pytest.fixture
def settings(_session_settings: Settings, tmp_path: Path) -> Settings:
    """Development settings on the test stores; `settings.model_copy(update={…})` for others."""
    return _session_settings.model_copy(update={"data_dir": tmp_path / "data"})


@pytest.fixture(scope="session")
def _session_database(store_urls: dict[str, str]) -> Iterator[Database]:
    database = Database(store_urls["database_url"], pool_size=20)
    yield database
    database.close()


@pytest.fixture
def database(_session_database: Database) -> Iterator[Database]:
    """A migrated, empty PostgreSQL: a copy that is new with each run, and emptied after each test."""
    yield _session_database
    _empty(_session_database)


_MANY = 500  # rows above which a table is emptied as a whole


@cache
def _tables(database: Database) -> tuple[str, dict[str, list[str]]]:
    """What tells which tables hold rows, and the sequences of each."""
    with database.engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT c.oid::regclass::text, array_remove(array_agg(s.oid::regclass::text), NULL) FROM pg_class c "
                "JOIN pg_namespace n ON n.oid = c.relnamespace "
                "LEFT JOIN pg_depend d ON d.refobjid = c.oid AND d.deptype IN ('a', 'i') "
                "LEFT JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' "
                "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
                "AND c.relname <> 'alembic_version' GROUP BY c.oid"
            )
        ).all()
    look = "SELECT '{0}', (SELECT count(*) FROM (SELECT FROM {0} LIMIT {1}) few) WHERE EXISTS (SELECT FROM {0})"
    return " UNION ALL ".join(look.format(name, _MANY) for name, _ in found), {name: list(own) for name, own in found}


def _empty(database: Database) -> None:
    """Empty the tables that hold rows. Few rows are deleted, which takes a tenth of the time of emptying their tables."""
    probe, sequences = _tables(database)
    with database.engine.begin() as connection:
        full = dict(connection.execute(text(probe)).all())
        if any(rows == _MANY for rows in full.values()):
            connection.execute(text(f"TRUNCATE {', '.join(full)} RESTART IDENTITY CASCADE"))
        elif full:
            steps = [f"DELETE FROM {name}" for name in full]
            steps += [f"ALTER SEQUENCE {one} RESTART" for name in full for one in sequences[name]]
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # no order, no guards of records
            connection.exec_driver_sql("; ".join(steps))


def _emptied(url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(url)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture
def redis_client(store_urls: dict[str, str]) -> Iterator[redis.Redis]:
    """The conversation store, empty; keys and values are bytes."""
    yield from _emptied(store_urls["redis_url"])


@pytest.fixture
def queue_client(store_urls: dict[str, str]) -> Iterator[redis.Redis]:
    """The job store, empty."""
    yield from _emptied(store_urls["queue_url"])


@pytest.fixture(scope="session")
def content(_session_settings: Settings) -> Content:
    """The real flows and translations."""
    return content_of(_session_settings)


@pytest.fixture
def ciphers(settings: Settings) -> Ciphers:
    """The keys of `settings`."""
    return Ciphers.of(settings)


@pytest.fixture(scope="session")
def chromium():
    """One browser for all tests of a process: its library runs only once in a thread."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program.PROGRAM, args=program.FLAGS)
        yield browser
        browser.close()
