"""People on real SMS links: what they write reaches the conversation, and what we answer reaches their phones."""

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
from handlers.kannel import part_header
from tests.kannel.boxes import Kannel, Phones, joined, settled
from tests.machine import eventually
from tests.service.running import HADIZA

pytestmark = [pytest.mark.kannel, pytest.mark.slow]

SHORT = [
    "Votre dossier est prêt : venez « demain » à l’école, 8 h… ça dure 2 heures.",
    "Ƙasa, ɓoye, ɗaki: sannu da zuwa ’yan uwa",
    "مرحبا، ملفك جاهز. تعال غدا.",
    "C'est prêt 🙏",
    "Signs: @£$¥ {[~|€^]}\\ _ à é ñ",
    " a  b ",
    "x" * 160,
    "Une ligne\net une autre",
]
LONG = [
    "Rendez-vous mardi 24/11 à 8 h, au bureau {A}. " * 9,
    "ملفك جاهز، تعال غدا 🙏 " * 9,
    "é{€" * 90,
    "🙏" * 70,
    "Une ligne\n" * 20,
]


def phone(number):
    return f"+2279011{number:04d}"


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


def tell_hadiza(service, database, texts):
    """Put texts of our own into the outbox; what leaves, by its id."""
    settings = Settings(**{**service.settings.model_dump(), "staff_gateway": "kannel"})
    ciphers, now = Ciphers.of(settings), datetime.now(UTC)
    with database.transaction() as session:
        [staff] = session.scalars(select(Staff).where(Staff.login == "hadiza")).all()
        for number, text in enumerate(texts):
            draft = outbox.Draft(Kind.STAFF, staff=staff, sms=text, budget=None, id=f"{number:032x}")
            outbox.put(session, draft, at=now, settings=settings, ciphers=ciphers)
    return {f"{number:032x}": gsm7.fold(text) for number, text in enumerate(texts)}


def states(service, messages):
    return {
        state for (state,) in service.query("select state from messages where id = any(%(ids)s)", ids=list(messages))
    }


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


def test_what_we_write_arrives_letter_by_letter_and_is_delivered(service, database, phones):
    told = tell_hadiza(service, database, SHORT + LONG)
    eventually(lambda: states(service, told) == {"delivered"}, within=90)
    assert settled(lambda: list(phones.heard))
    heard = phones.to(HADIZA)
    for message, text in told.items():
        cut = gsm7.segments(text)
        assert [(len(cut.parts),)] == service.query("select parts from messages where id = %(id)s", id=message)
        if len(cut.parts) == 1:
            assert [one.kind for one in heard if one.text == text] == [
                "text" if cut.encoding == "GSM-7" else "ucs-2"
            ], heard
        else:
            reference = bytes.fromhex(part_header(message, 1, 2))[3]
            assert joined([one for one in heard if one.header[3:4] == bytes([reference])]) == text
    assert len(heard) == sum(len(gsm7.segments(text).parts) for text in told.values())


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
    eventually(lambda: len({one.to for one in phones.heard}) == 20, within=90)
    assert settled(lambda: len(phones.heard))
    assert sorted(one.to for one in phones.heard) == everybody


def test_neither_texts_nor_numbers_stand_in_kannels_logs_or_ours(service, kannel, phones):
    phones.write(phone(40), "je suis a Tahoua")
    eventually(lambda: phones.to(phone(40)))
    logs = kannel.logs() + service.log.read_bytes()
    for word in (phone(40)[4:], "Tahoua", "Mon dossier", "dev-kannel"):
        assert word.encode() not in logs
