"""Writing to a person from the page of a request: first what they will read, then sending; the end, asked or not."""

import re

import pytest
from sqlalchemy import select

from bot.engine.effects import Terms
from bot.referrals import consents
from bot.store.models import Audit, Message, Referral, ReferralEvent, Staff

from .conftest import untokened

MAY_WRITE = Terms(may_call=True, text=True)
ID = "4821737".rjust(32, "a")
PAGE = f"/desk/referrals/{ID}"
ONCE = "an-id-of-one-form"


@pytest.fixture
def request_(opened):
    """Amina's, hers to write about; Hadiza has it."""
    return opened("4821737", terms=MAY_WRITE, by="hadiza")


def sent(database, ciphers):
    with database.transaction() as session:
        return [
            ciphers.decrypt(one.text_enc, f"messages|{one.id}|text".encode()).decode()
            for one in session.scalars(select(Message).where(Message.kind == "reply"))
        ]


def preview(reader, **fields):
    return reader.post(
        f"{PAGE}/reply", on=PAGE, **{"reply-sentence": "", "reply-text": "", "reply-once": ONCE} | fields
    )


def sends(reader, **fields):
    typed = {"reply-sentence": "", "reply-text": "", "reply-once": ONCE} | fields
    return reader.post(f"{PAGE}/reply/send", on=PAGE, **typed)


def test_a_reviewed_sentence_is_shown_in_the_persons_language_with_its_price_before_it_leaves(
    hadiza, request_, database, ciphers, services
):
    services.settings = services.settings.model_copy(update={"prices": {services.settings.sms_gateway: "8 XOF"}})
    page = preview(hadiza, **{"reply-sentence": "call_when"})
    assert page.status_code == 200
    assert "Muna so mu kira ku." in page.text
    assert re.search(r"1 SMS, 8\xa0XOF</strong>, en haoussa", page.text)
    assert "Quel moment vous convient" in page.text
    assert "téléphone est peut-être partagé" in page.text
    assert sent(database, ciphers) == [], "a preview sends nothing"


def test_sending_twice_is_one_message_and_the_page_shows_it(hadiza, request_, database, ciphers):
    for _ in range(2):
        assert sends(hadiza, **{"reply-sentence": "call_when"}).status_code == 303
    assert sent(database, ciphers) == ["Muna so mu kira ku. Yaushe ya dace? Ku rubuta rana da awa."]
    page = hadiza.reads(PAGE)
    assert 'class="bubble mine"' in page
    assert "Hadiza · SMS, attend" in page
    assert "muette jusqu’à 10:12" in page
    with database.transaction() as session:
        assert session.scalars(select(Audit).where(Audit.action == "referral.reply")).one().detail == {
            "sentence": "call_when"
        }


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "pas les deux"),
        ({"reply-sentence": "dial", "reply-text": "bonjour"}, "pas les deux"),
        ({"reply-text": "Venez a l'hopital"}, "ce canal ne doit pas porter"),
        ({"reply-text": "mot " * 119}, "Raccourcissez"),
        ({"reply-text": "dossier 482 719 368"}, "numéro de dossier"),
    ],
)
def test_what_may_not_be_written_is_said_beside_what_was_typed(hadiza, request_, database, ciphers, fields, said):
    for answer in (preview(hadiza, **fields), sends(hadiza, **fields)):
        assert answer.status_code == 422
        assert said in answer.text
    assert sent(database, ciphers) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"terms": None}, "n’a pas dit qu’on peut écrire"),
        ({"terms": Terms(may_call=True)}, "n’a pas dit qu’on peut écrire"),
        ({"terms": MAY_WRITE, "private": True}, "laisserait une trace"),
        ({"terms": MAY_WRITE, "minor": True}, "proches d’un enfant"),
    ],
)
def test_the_page_says_why_nobody_is_written_to_and_nothing_leaves(hadiza, opened, database, ciphers, more, said):
    opened("4821737", by="hadiza", **more)
    page = hadiza.reads(PAGE)
    assert said in page
    assert "reply-text" not in page
    for answer in (preview(hadiza, **{"reply-text": "Bonjour"}), sends(hadiza, **{"reply-text": "Bonjour"})):
        assert answer.status_code == 422
    assert sent(database, ciphers) == []


def test_who_may_not_see_the_request_gets_the_same_as_for_one_that_never_was(moussa, request_, database, ciphers):
    for path in ("reply", "reply/send", "close"):
        fields = {"reply-text": "Bonjour", "reply-sentence": "", "reply-once": ONCE, "close-outcome": "helped"}
        there = moussa.post(f"{PAGE}/{path}", **fields)
        never = moussa.post(f"/desk/referrals/{'b' * 32}/{path}", **fields)
        assert (there.status_code, untokened(there.text)) == (404, untokened(never.text))
    assert sent(database, ciphers) == []


def test_what_the_person_answers_stands_at_the_left(hadiza, request_, database, ciphers, hands):
    sends(hadiza, **{"reply-sentence": "call_when"})
    hands.forward(minutes=5)
    with database.transaction() as session:
        kept = ciphers.encrypt(b"gobe da safe", f"referrals|{ID}|text".encode())
        session.add(ReferralEvent(referral_id=ID, at=hands(), kind="wrote_back", text_enc=kept))
        session.add(ReferralEvent(referral_id=ID, at=hands(), kind="wrote_back"))
    page = hadiza.reads(PAGE)
    assert page.count("gobe da safe") == 1
    assert page.index("Muna so") < page.index("gobe da safe")
    assert "c’est peut-être un code" in page


def closing_of(database):
    with database.transaction() as session:
        found = session.get_one(Referral, ID)
        return found.state, found.closing


def test_closing_asks_the_person_or_keeps_the_reason(hadiza, request_, database):
    assert hadiza.post(f"{PAGE}/close", on=PAGE, **{"close-outcome": "helped", "close-untold": "x"}).status_code == 422
    assert closing_of(database) == ("accepted", "")
    hadiza.post(f"{PAGE}/close", on=PAGE, **{"close-outcome": "helped", "close-untold": ""})
    assert closing_of(database) == ("closed", "asking")
    assert "demandera à la personne si c’est résolu" in hadiza.reads(PAGE)


@pytest.mark.parametrize(("answer", "ends"), [("no", ("accepted", "")), ("yes", ("closed", "asking"))])
def test_handed_over_with_consent_needs_a_consent(hadiza, request_, database, hands, answer, ends):
    fields = {"close-outcome": "referred", "close-untold": ""}
    asked = {"receiver": "health", "purpose": "care", "language": "fr", "channel": "voice"}
    with database.transaction() as session:
        staff = session.scalars(select(Staff).where(Staff.login == "hadiza")).one()
        found = session.get_one(Referral, ID)
        consents.note_answer(session, found, staff, answer=answer, at=hands.at, **asked)
    answered = hadiza.post(f"{PAGE}/close", on=PAGE, **fields)
    assert ("que la personne dit oui" in answered.text) == (answer == "no")
    assert closing_of(database) == ends


def test_after_a_talk_in_private_the_machine_says_why_nothing_is_sent(hadiza, opened, database):
    opened("4821737", by="hadiza", terms=MAY_WRITE, private=True)
    page = hadiza.reads(PAGE)
    assert "close-untold" not in page
    assert "laisserait une trace" in page
    hadiza.post(f"{PAGE}/close", on=PAGE, **{"close-outcome": "helped"})
    assert closing_of(database) == ("closed", "private")
