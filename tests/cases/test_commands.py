"""The command line of cases and staff, as operators meet it."""

import re

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from bot.cases.commands import app as cases
from bot.cases.development import INVENTED
from bot.errors import BotError
from bot.referrals.commands import app as people
from bot.store.models import Case, Staff
from tests.cases.test_importing import write


@pytest.fixture
def maraba(settings, database, redis_client, monkeypatch):
    for name in ("database_url", "redis_url", "queue_url"):
        monkeypatch.setenv(f"MARABA_{name.upper()}", getattr(settings, name))

    def run(app, *arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


def count(database, model):
    with database.transaction() as session:
        return session.scalar(select(func.count()).select_from(model))


def test_import_tells_counts_and_dry_run_writes_nothing(maraba, database):
    dry = maraba(cases, "import", INVENTED, "--dry-run")
    assert (dry.exit_code, "202 added" in dry.output) == (0, True)
    assert count(database, Case) == 0
    assert "202 added, 0 changed, 0 unchanged, 0 bad" in maraba(cases, "import", INVENTED).output
    assert count(database, Case) == 202


def test_a_bad_line_is_told_and_ends_with_status_1(maraba, database, tmp_path):
    file = write(tmp_path / "cases.csv", {"phone": "12"}, {"case_number": "502719485"})
    result = maraba(cases, "import", file)
    assert result.exit_code == 1
    assert "line 2, phone: not a mobile number" in result.output.replace("is not", "not")
    assert count(database, Case) == 1
    assert maraba(cases, "import", file, "--strict").exit_code == 1


def test_a_start_code_is_shown_once_and_a_lock_is_lifted(maraba, database, ciphers, tmp_path):
    maraba(cases, "import", write(tmp_path / "cases.csv", {}))
    shown = maraba(cases, "start-code", "N482-719-368").output
    code = re.search(r"once: (\d{6})\n", shown)[1]
    with database.transaction() as session:
        case = session.scalars(select(Case)).one()
        assert case.start_code_hmac == ciphers.code("start|482719368", code)
        case.locked_enrolled = True
    assert maraba(cases, "unlock", "482719368").exit_code == 0
    with database.transaction() as session:
        assert not session.scalars(select(Case)).one().locked_enrolled


def test_an_unknown_case_is_one_sentence(maraba):
    for number in ("502719485", "123"):
        assert isinstance(maraba(cases, "start-code", number).exception, BotError)


def test_staff_are_added_listed_and_put_on_duty_without_their_numbers_shown(maraba, database):
    for login, digit in (("hadiza", 1), ("aicha", 2)):
        added = maraba(
            people, "staff", "add", login, "--name", login, "--role", "protection", "--phone", f"9000990{digit}"
        )
        assert added.exit_code == 0, added.output
    assert count(database, Staff) == 2
    listed = maraba(people, "staff", "list").output
    assert "hadiza" in listed
    assert "9000" not in listed
    assert maraba(people, "duty", "set", "protection", "aicha", "hadiza").exit_code == 0
    assert re.search(r"protection +all offices +1 +aicha", maraba(people, "duty", "list").output)
    assert maraba(people, "staff", "leave", "aicha").exit_code == 0
