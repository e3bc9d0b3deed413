"""A file on its way in, as the desk and the worker take it."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from openpyxl import Workbook

from bot.data import carrying_out, runs
from bot.store.models import ImportRun, Staff
from bot.text.damm import check_digit

NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)
OURS = {
    "Numéro de dossier": "482719368", "Nom et prénom": "Salifou Mai-Dawa", "Sexe": "Homme", "Téléphone": "90 00 12 34",
    "Langue": "Haoussa", "Région": "Tahoua", "Département": "Tahoua", "Bureau": "Tahoua", "Étape": "Attente de formation",
    "Date d'ouverture": "17/08/2026", "Depuis le": "26/10/2026", "Date de naissance": "03/04/1991",
}  # fmt: skip
OTHER = {"Numéro de dossier": "502719485", "Téléphone": "90002705", "Nom et prénom": "Aïchatou"}


class Clock:
    def __init__(self):
        self.at = NOON

    def __call__(self):
        return self.at

    def forward(self, **by):
        self.at += timedelta(**by)


def numbers(count, start=20_000_000):
    for at in range(start, start + count):
        yield f"{at}{check_digit(str(at))}"


def commas(*rows, columns=None, delimiter=";"):
    full = [OURS | row for row in rows]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns or list(full[0]), delimiter=delimiter, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(full)
    return stream.getvalue().encode()


def workbook(*rows, columns=None):
    full = [OURS | row for row in rows]
    book = Workbook()
    book.active.append(columns or list(full[0]))
    for row in full:
        book.active.append([date(2026, 8, 17) if key == "Date d'ouverture" else value for key, value in row.items()])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def mariama(database):
    with database.transaction() as session:
        staff = Staff(login="mariama", name="Mariama", role="coordinator", active=True, offices=[])
        session.add(staff)
        session.flush()
    return staff


@pytest.fixture
def work(database, settings, ciphers, clock):
    """The worker, until nothing is due."""

    def work():
        while carrying_out.next_due(database, settings=settings, ciphers=ciphers, now=clock) is not None:
            pass

    return work


@pytest.fixture
def ordered(database, clock, mariama, work):
    """Order a step and let the worker do it; the run as it is then."""

    def ordered(run_id, state, staff=None):
        with database.transaction() as session:
            runs.order(session, runs.held(session, run_id, staff or mariama), state, staff=mariama, now=clock())
        work()
        with database.transaction() as session:
            return session.get_one(ImportRun, run_id)

    return ordered


@pytest.fixture
def brought(database, ciphers, clock, mariama):
    def brought(content, name="cases.csv", staff=None, **more):
        with database.transaction() as session:
            return runs.bring(
                session, name, content, staff=staff or mariama, ciphers=ciphers, now=clock(), **more
            ).id  # fmt: skip

    return brought


@pytest.fixture
def imported(brought, ordered):
    def imported(content, name="cases.csv", **more):
        run_id = brought(content, name, **more)
        ordered(run_id, "checking")
        return ordered(run_id, "running")

    return imported
