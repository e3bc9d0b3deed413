"""A hundred thousand lines (`make country`; else a tenth) in under a minute of processor time, from encrypted bytes to the last case.

Processor time of this process and of the database together: on a machine that does nothing else, the clock's.
"""

import os

import pytest

from bot.store.models import ImportRun
from tests.benchmarks.__main__ import cpu_seconds
from tests.machine import COUNTRY

from .conftest import commas, numbers

pytestmark = pytest.mark.slow
LINES, SECONDS = COUNTRY, 60 * COUNTRY / 100_000


@pytest.mark.alone
def test_a_hundred_thousand_lines_take_less_than_a_minute(brought, ordered, database, clock, capsys):
    rows = ({"Numéro de dossier": number, "Téléphone": f"+22790{at:06d}"} for at, number in enumerate(numbers(LINES)))
    file = commas(*rows)
    run_id, took = brought(file), {}
    for state in ("checking", "running"):
        started = cpu_seconds(os.getpid())
        ordered(run_id, state)
        took[state] = cpu_seconds(os.getpid()) - started
    with database.transaction() as session:
        run = session.get_one(ImportRun, run_id)
    assert (run.state, run.added, run.bad) == ("done", LINES, 0)
    with capsys.disabled():
        print(f"\nprocessor seconds for {LINES} lines:", {state: round(seconds, 1) for state, seconds in took.items()})
    assert took["running"] < SECONDS
