"""Keys and imports from the command line."""

import re

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from bot.cases.commands import app as cases
from bot.data import runs, tokens
from bot.data.commands import app as keys
from bot.data.mapping import proposed
from bot.store.models import Case, ColumnMapping, ImportRun

from .conftest import OURS, commas


@pytest.fixture
def maraba(settings, database, redis_client, monkeypatch):
    for name in ("database_url", "redis_url", "queue_url"):
        monkeypatch.setenv(f"MARABA_{name.upper()}", getattr(settings, name))

    def run(app, *arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


def test_keys_are_made_listed_and_revoked(maraba, database, ciphers, clock):
    made = maraba(keys, "make", "case-system", "--scopes", "cases:read,cases:write")
    secret = re.search(r"maraba_[\w-]{43}", made.output)[0]
    assert "case-system" in maraba(keys, "list").output
    assert secret not in maraba(keys, "list").output
    assert maraba(keys, "revoke", "case-system").exit_code == 0
    assert "revoked" in maraba(keys, "list").output
    with database.transaction() as session:
        assert tokens.of_secret(session, secret, ciphers=ciphers, now=clock()) is None
    for wrong in (("make", "x", "--scopes", "cases:read"), ("make", "other", "--scopes", "all"), ("revoke", "nobody")):
        assert maraba(keys, *wrong).exit_code == 2


def test_an_import_by_a_kept_mapping_is_listed_and_can_be_undone(maraba, database, ordered, tmp_path):
    file = tmp_path / "theirs.csv"
    file.write_bytes(commas({}))
    with database.transaction() as session:
        session.add(ColumnMapping(name="Agadez", mapping=proposed(list(OURS)).kept()))
    assert maraba(cases, "import", file).exit_code == 1  # our own headings are not there
    done = maraba(cases, "import", file, "--mapping", "Agadez")
    assert "1 added" in done.output
    assert maraba(cases, "import", file, "--mapping", "nobody's").exit_code == 2
    with database.transaction() as session:
        run = session.scalars(select(ImportRun).order_by(ImportRun.id.desc())).first()
    assert (run.state, run.added, run.file_name, run.staff_id) == ("done", 1, "theirs.csv", None)
    assert runs.may_undo(run, run.made_at)
    assert ordered(run.id, "undoing").undone == 1
    with database.transaction() as session:
        assert session.scalars(select(Case)).all() == []
