"""People on real SMS links: what they write reaches the conversation, and what we answer reaches their phones."""

import secrets
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from bot import outbox
from bot.config import Settings
from bot.kinds import Kind
from bot.store.ciphers import Ciphers
from bot.store.database import Database
from bot.store.models import Staff
from bot.text import gsm7
from tests.kannel.boxes import SENDSMS, Kannel, Phones, joined, settled
from tests.machine import eventually, own_network
from tests.service.running import HADIZA, Running

pytestmark = [pytest.mark.kannel, pytest.mark.slow]

FRENCH = "Votre dossier est prêt : venez « demain » à l’école, 8 h… ça dure 2 heures."
HAUSA = "Ƙasa, ɓoye, ɗaki: sannu da zuwa ’yan uwa"
ARABIC = "مرحبا، ملفك جاهز. تعال غدا."
EMOJI = "C'est prêt 🙏"
LONG_FRENCH = "Rendez-vous mardi 24/11 à 8 h, au bureau {A}. " * 9
LONG_ARABIC = "ملفك جاهز، تعال غدا 🙏 " * 9


def phone(number):
    return f"+2279011{number:04d}"


@pytest.fixture(scope="module", autouse=True)
def network():
    with own_network():
        yield


@pytest.fixture(scope="module")
def service(network, tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("service"), MARABA_KANNEL_API_URL=SENDSMS, MARABA_STAFF_GATEWAY="kannel")
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def kannel(service, tmp_path_factory):
    boxes = Kannel(tmp_path_factory.mktemp("kannel"), service.port)
    try:
        yield boxes.start()
    finally:
        boxes.stop()


@pytest.fixture
def phones(kannel):
    phones = Phones()
    yield phones
    phones.stop()


@pytest.fixture(scope="module")
def database(service):
    database = Database(service.urls["database_url"])
    yield database
    database.close()


def tell_hadiza(service, database, text):
    """Put a text of our own into the outbox; its id."""
    settings = Settings(**{**service.settings.model_dump(), "staff_gateway": "kannel"})
    with database.transaction() as session:
        [staff] = session.scalars(select(Staff).where(Staff.login == "hadiza")).all()
        draft = outbox.Draft(Kind.STAFF, staff=staff, sms=text, budget=None, id=secrets.token_hex(16))
        return outbox.put(session, draft, at=datetime.now(UTC), settings=settings, ciphers=Ciphers.of(settings)).id


def states(service, **where):
    [(name, value)] = where.items()
    return service.query(f"select state, parts from messages where {name} = %({name})s", **{name: value})


@pytest.mark.parametrize("text", ["Bonjour", "  menu  ", "Ƙasa 🙏", "مرحبا", "a&b=c+d%41?"])
def test_what_is_written_is_answered_whatever_its_letters(service, phones, text):
    number = phone(100 + len(text) * 10 + ord(text[0]) % 10)
    phones.write(number, text)
    [answer] = eventually(lambda: phones.to(number))
    assert answer.text.startswith("Bonjour. 1 Mon dossier")
    assert "?" not in answer.text.replace(" ?", "")
    assert gsm7.is_gsm7(answer.text)


def test_a_conversation_goes_on_message_by_message(phones):
    for position, (text, beginning) in enumerate(
        [("MENU", "Bonjour. 1 Mon dossier"), ("5", "1 Francais"), ("3", "If the line drops")]
    ):
        phones.write(phone(1), text)
        answer = eventually(lambda position=position: phones.to(phone(1))[position:])[0]
        assert answer.text.startswith(beginning), answer


@pytest.mark.parametrize("text", [FRENCH, HAUSA, ARABIC, EMOJI, "Signs: @£$¥ {[~|€^]}\\ _ à é ñ", " a  b ", "x" * 160])
def test_an_sms_arrives_letter_by_letter_and_is_delivered(service, database, phones, text):
    message = tell_hadiza(service, database, text)
    [heard] = eventually(lambda: phones.to(HADIZA))
    assert heard.text == gsm7.fold(text)
    assert heard.kind == ("text" if gsm7.is_gsm7(heard.text) else "ucs-2")
    eventually(lambda: states(service, id=message) == [("delivered", 1)])


@pytest.mark.parametrize("text", [LONG_FRENCH, LONG_ARABIC, "é{€" * 90, "🙏" * 70])
def test_a_long_sms_arrives_whole_and_is_delivered_when_all_its_parts_are(service, database, phones, text):
    message = tell_hadiza(service, database, text)
    cut = gsm7.segments(gsm7.fold(text))
    assert len(cut.parts) > 1
    parts = eventually(lambda: len(phones.to(HADIZA)) == len(cut.parts) and phones.to(HADIZA))
    assert joined(parts) == gsm7.fold(text)
    eventually(lambda: states(service, id=message) == [("delivered", len(cut.parts))])


def test_what_is_no_text_is_dropped_for_good(service, kannel, phones):
    before = kannel.received()
    phones.write(phone(30), "caf%05", kind="data")
    phones.write("444", "Solde: 100 F")
    eventually(lambda: kannel.received() == before + 2)
    phones.write(phone(31), "MENU")
    eventually(lambda: phones.to(phone(31)))
    assert settled(lambda: len(phones.heard))
    assert phones.to(phone(30)) == phones.to("444") == []
    assert "(0 queued)" in kannel.status()


def test_twenty_people_at_once(service, phones):
    everybody = [phone(200 + number) for number in range(20)]
    for number in everybody:
        phones.write(number, "MENU")
    eventually(lambda: len({one.to for one in phones.heard}) == 20, within=30)
    assert settled(lambda: len(phones.heard))
    assert sorted(one.to for one in phones.heard) == everybody


def test_neither_texts_nor_numbers_stand_in_kannels_logs_or_ours(service, kannel, phones):
    phones.write(phone(40), "je suis a Tahoua")
    eventually(lambda: phones.to(phone(40)))
    logs = kannel.logs() + service.log.read_bytes()
    for word in (phone(40)[4:], "Tahoua", "Mon dossier", "dev-kannel"):
        assert word.encode() not in logs
