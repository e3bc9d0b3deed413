"""The command line: secrets that fit, stores found or started for a moment, faults as one sentence."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from bot import cli, config
from bot.config import ROOT
from bot.stores import running_urls
from tests.test_supervisor import Machine


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    yield made
    made.clear()


def maraba(machine, *arguments, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MARABA_")}
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", *arguments],
        cwd=ROOT,
        env={
            **kept,
            "MARABA_DATA_DIR": str(machine.settings.data_dir),
            "MARABA_PORT": str(machine.port),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_new_secrets_are_accepted_by_the_settings(monkeypatch):
    result = CliRunner().invoke(cli.app, ["new-key"])
    assert result.exit_code == 0
    for line in result.output.splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)
    settings = config.load()
    assert settings.secret_key.get_secret_value() != config.DEVELOPMENT_KEY
    monkeypatch.setenv("MARABA_ENV", "production")
    with pytest.raises(config.ConfigError) as error:
        config.load()
    assert "KEY is still" not in str(error.value)
    assert "HOOK_SECRET" not in str(error.value)


@pytest.mark.slow
def test_a_command_starts_stores_for_its_moment_and_leaves_none(machine):
    done = maraba(machine, "migrate")
    assert done.returncode == 0, done.stderr
    assert "The database is at 0" in done.stdout
    assert running_urls(machine.settings) == {}
    assert machine.store_pids() == []


@pytest.mark.slow
def test_a_command_uses_the_stores_that_run(machine):
    machine.started()
    pids = machine.store_pids()
    done = maraba(machine, "migrate")
    assert done.returncode == 0, done.stderr
    for command in (("tokens", "list"), ("staff", "list"), ("sealed", "keys")):
        done = maraba(machine, *command)
        assert done.returncode == 0, (command, done.stderr)
    assert machine.store_pids() == pids


@pytest.mark.slow
@pytest.mark.parametrize("process", ["web", "recorder", "worker", "clock"])
def test_a_process_without_stores_says_what_to_set(machine, process):
    done = maraba(machine, process)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "maraba: MARABA_DATABASE_URL, MARABA_REDIS_URL, MARABA_QUEUE_URL must be set; or run `make run`"
    )


@pytest.mark.slow
def test_production_tells_all_faults_at_once_without_a_traceback(machine):
    done = maraba(machine, "web", MARABA_ENV="production")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) >= 8
