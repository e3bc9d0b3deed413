"""The page of one referral: safe contact first, every step once, every reading written down."""

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from bot.engine.effects import Terms
from bot.store.models import Alert, Audit, Case, Contact, Ladder, Message, Referral, ReferralEvent

from .conftest import EVENING, MORNING, REFUSED

TICKET = "9412607"
NUMBER = "90 00 65 11"


@pytest.fixture
def row(database):
    def read(referral_id: str, model=Referral):
        with database.transaction() as session:
            return session.get(model, referral_id)

    return read


@pytest.fixture
def audit(database):
    def read(referral_id: str) -> list[tuple[str, dict]]:
        with database.transaction() as session:
            rows = session.scalars(select(Audit).where(Audit.subject == f"referral:{referral_id}").order_by(Audit.id))
            return [(one.action, one.detail) for one in rows]

    return read


@pytest.fixture
def kinds(database):
    def read(referral_id: str) -> list[str]:
        with database.transaction() as session:
            rows = select(ReferralEvent.kind).where(ReferralEvent.referral_id == referral_id).order_by(ReferralEvent.id)
            return list(session.scalars(rows))

    return read


def page(referral: str) -> str:
    return f"/desk/referrals/{referral}"


def test_every_opening_of_the_page_is_written_down(hadiza, opened, audit):
    referral = opened(TICKET, terms=MORNING)
    hadiza.reads(page(referral))
    hadiza.reads(page(referral))
    assert audit(referral) == [("referral_read", {}), ("referral_read", {})]
    assert "Fiche ouverte" in hadiza.reads(page(referral))


def test_the_only_number_to_tap_stands_where_a_call_is_allowed_now_by_whoever_has_it(hadiza, opened):
    referral = opened(TICKET, terms=MORNING, by="hadiza")
    text = hadiza.reads(page(referral))
    assert re.findall(r'href="tel:([^"]+)"', text) == ["+22790006511"]
    assert f"Appeler {NUMBER}" in text
    assert "Appeler le matin, de 7:00 à 12:00" in text


@pytest.mark.parametrize(
    ("terms", "by", "words"),
    [
        (None, "hadiza", "n’a pas encore dit"),
        (REFUSED, "hadiza", "refera le code"),
        (EVENING, "hadiza", "Pas maintenant. Appeler aujourd’hui, de 17:00 à 21:00."),
        (MORNING, None, "Prenez d’abord la demande"),
        (MORNING, "aicha", "Aïcha la suit et appelle."),
        (Terms(may_call=True, window="new moon"), "hadiza", "Ne pas appeler."),
    ],
)
def test_no_number_stands_anywhere_else(hadiza, opened, terms, by, words):
    text = hadiza.reads(page(opened(TICKET, terms=terms, by=by)))
    assert words in text
    assert "tel:" not in text
    assert NUMBER not in text
    assert "90006511" not in text


def test_terms_that_do_not_open_mean_do_not_call(hadiza, opened, database):
    referral = opened(TICKET, terms=MORNING, by="hadiza")
    with database.transaction() as session:
        session.get(Referral, referral).terms_enc = b"\x01 moved from elsewhere"
    assert "Ne pas appeler." in hadiza.reads(page(referral))


@pytest.mark.parametrize("terms", [None, MORNING])
def test_who_writes_without_a_phone_number_is_never_a_number_to_tap(hadiza, opened, database, ciphers, amina, terms):
    digest, opaque = ciphers.address("whatsapp:NE.0000001").digest, b"whatsapp:NE.0000001"
    with database.transaction() as session:
        contact = session.get_one(Contact, amina)
        contact.digest, contact.number_enc = digest, ciphers.encrypt(opaque, f"contacts|{digest}|number".encode())
    text = hadiza.reads(page(opened(TICKET, terms=terms, by="hadiza")))
    assert "aucun numéro de téléphone\xa0: WhatsApp seulement" in text
    assert "tel:" not in text
    assert "NE.0000001" not in text
    assert "Montrer le numéro" not in text
    named = Terms(may_call=True, window="morning", number="+22790001234")
    text = hadiza.reads(page(opened("9412615", terms=named, by="hadiza")))
    assert re.findall(r'href="tel:([^"]+)"', text) == ["+22790001234"]


def test_another_number_that_the_person_named_is_the_one_to_call(hadiza, opened):
    other = Terms(may_call=True, window="morning", number="+22790001234", cover_phrase="la leçon de couture")
    text = hadiza.reads(page(opened(TICKET, terms=other, by="hadiza")))
    assert re.findall(r'href="tel:([^"]+)"', text) == ["+22790001234"]
    assert "«\xa0la leçon de couture\xa0», puis raccrocher" in text


def test_a_yes_to_call_me_now_opens_the_call_for_fifteen_minutes_at_the_number_that_was_used(hadiza, opened, hands):
    until = int((hands() + timedelta(minutes=10)).timestamp())
    terms = Terms(may_call=False, number="+22790001234", now_until=until, now_number="+22790005555")
    referral = opened(TICKET, terms=terms, by="hadiza", call_now_answered_at=hands() - timedelta(minutes=5))
    text = hadiza.reads(page(referral))
    assert "Appeler maintenant, avant 09:22" in text
    assert re.findall(r'href="tel:([^"]+)"', text) == ["+22790005555"]
    hands.forward(minutes=11)
    text = hadiza.reads(page(referral))
    assert "Ne pas appeler." in text
    assert "tel:" not in text


def test_a_no_to_call_me_now_allows_nothing(hadiza, opened, hands):
    referral = opened(TICKET, terms=REFUSED, by="hadiza", call_now_answered_at=hands())
    assert "tel:" not in hadiza.reads(page(referral))


def test_taking_it_stops_the_ladder_and_says_by_when_to_call(hadiza, opened, row, services):
    referral = opened(TICKET, terms=MORNING, told="hadiza")
    answer = hadiza.post(f"{page(referral)}/accept")
    assert answer.status_code == 303
    assert "941-2607 est à vous. Premier appel avant 09:57." in hadiza.reads(page(referral))
    assert row(referral).state == "accepted"
    assert ("climb", referral) in services.woken


def test_whoever_is_second_is_told_kindly(hadiza, signed_in, opened, row, cast):
    referral = opened(TICKET, terms=MORNING)
    hadiza.post(f"{page(referral)}/accept")
    answer = signed_in("aicha").post(f"{page(referral)}/accept")
    assert answer.status_code == 409
    assert "n’est plus possible" in answer.text
    assert row(referral).accepted_by == cast["hadiza"]


def test_those_told_before_hear_that_it_is_taken(hadiza, opened, database, cast):
    referral = opened(TICKET, terms=MORNING, told="aicha")
    hadiza.post(f"{page(referral)}/accept")
    with database.transaction() as session:
        assert session.scalars(select(Message.staff_id)).all() == [cast["aicha"]]


def test_i_cannot_tells_the_next_person_at_once(hadiza, opened, row, hands, database):
    referral = opened(TICKET, told="hadiza")
    assert hadiza.post(f"{page(referral)}/refuse", **{"refuse-reason": "busy"}).location == "/desk/"
    ladder = row(referral, Ladder)
    assert (ladder.due_at, ladder.why) == (hands(), "refused")
    with database.transaction() as session:
        alert = session.scalars(select(Alert)).one()
        assert (alert.answer, alert.open) == ("no", False)


def test_handing_back_what_one_has_taken_starts_the_ladder_again(hadiza, opened, row, hands):
    referral = opened(TICKET, terms=MORNING, by="hadiza")
    hadiza.post(f"{page(referral)}/refuse", **{"refuse-reason": "away"})
    assert (row(referral).state, row(referral).accepted_by) == ("new", None)
    assert row(referral, Ladder).due_at <= hands()


@pytest.mark.parametrize("result", ["spoke", "no_answer", "other_answered", "bad_moment", "off"])
def test_a_call_is_logged_with_its_result_and_note(hadiza, opened, kinds, row, result):
    referral = opened(TICKET, terms=MORNING, by="hadiza")
    answer = hadiza.post(f"{page(referral)}/call", **{"call-result": result, "call-note": "Rappeler demain à 8:00"})
    assert answer.status_code == 303
    assert kinds(referral)[-2:] == ["call_logged", "noted"]
    assert row(referral).first_attempt_at is not None
    assert row(referral, Ladder).due_at is None
    assert "Rappeler demain à 8:00" in hadiza.reads(page(referral))


def test_a_call_without_a_result_keeps_what_was_typed(hadiza, opened, kinds):
    referral = opened(TICKET, terms=MORNING, by="hadiza")
    answer = hadiza.post(f"{page(referral)}/call", **{"call-note": "ne pas perdre ceci"})
    assert answer.status_code == 422
    assert "Choisissez une réponse." in answer.text
    assert "ne pas perdre ceci" in answer.text
    assert kinds(referral) == ["opened"]


def test_a_note_is_kept_encrypted(hadiza, opened, database):
    referral = opened(TICKET, by="hadiza")
    hadiza.post(f"{page(referral)}/note", **{"note-note": "rendez-vous au marché"})
    with database.transaction() as session:
        event = session.scalars(select(ReferralEvent).where(ReferralEvent.kind == "noted")).one()
    assert b"march" not in event.text_enc
    assert event.detail == {}


def test_a_note_is_shown_as_text_never_as_markup(hadiza, opened):
    referral = opened(TICKET, by="hadiza")
    hadiza.post(f"{page(referral)}/note", **{"note-note": "<script>alert(1)</script>"})
    text = hadiza.reads(page(referral))
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


def test_call_me_now_is_left_and_withdrawn(hadiza, opened, row):
    referral = opened(TICKET, terms=REFUSED, by="hadiza")
    hadiza.post(f"{page(referral)}/call-now", left="1")
    assert row(referral).call_now is True
    assert 'aria-checked="true"' in hadiza.reads(page(referral))
    hadiza.post(f"{page(referral)}/call-now", left="0")
    assert row(referral).call_now is False


@pytest.mark.parametrize(
    ("code", "queue", "level", "target"),
    [
        ("THR", "protection", "critical", "referral"),
        ("GBV", "gbv", "critical", "today"),
        ("KIT", "assistance", "critical", "today"),
    ],
)
def test_the_code_moves_the_queue_and_never_lowers_the_level(hadiza, opened, row, code, queue, level, target):
    referral = opened(TICKET, private=True, by="hadiza")
    answer = hadiza.post(f"{page(referral)}/code", **{"code-code": code})
    found = row(referral)
    assert (found.queue, found.level, found.code) == (queue, level, code)
    assert answer.location == ("/desk/" if target == "today" else page(referral))


def test_who_may_no_longer_see_it_loses_it_and_the_new_queue_is_told(hadiza, opened, row, hands, database):
    referral = opened(TICKET, by="hadiza", told="aicha")
    hadiza.post(f"{page(referral)}/code", **{"code-code": "GBV"})
    found, ladder = row(referral), row(referral, Ladder)
    assert (found.state, found.accepted_by) == ("new", None)
    assert ladder.due_at <= hands()
    assert ladder.rung == 0
    assert hadiza.get(page(referral)).status_code == 404


def test_abuse_by_staff_seals_it(hadiza, zeinabou, opened, row):
    referral = opened(TICKET, by="hadiza")
    hadiza.post(f"{page(referral)}/code", **{"code-code": "SEA"})
    assert (row(referral).sealed, row(referral).queue) == (True, "sealed")
    assert "Code enregistré, 941-2607." in hadiza.reads("/desk/")  # her own step, said once
    assert "941-2607" not in hadiza.reads("/desk/queues")
    assert "941-2607" in zeinabou.reads("/desk/")


def test_a_seal_is_not_broken_by_a_code(zeinabou, opened, row):
    referral = opened(TICKET, queue="sealed", by="zeinabou")
    zeinabou.post(f"{page(referral)}/code", **{"code-code": "KIT"})
    assert (row(referral).sealed, row(referral).queue) == (True, "sealed")


def test_an_unknown_code_is_refused(hadiza, opened, row):
    referral = opened(TICKET, by="hadiza")
    assert hadiza.post(f"{page(referral)}/code", **{"code-code": "XXX"}).status_code == 422
    assert row(referral).code is None


def test_closing_asks_for_an_outcome_and_ends_everything(hadiza, opened, row):
    referral = opened(TICKET, by="hadiza")
    assert hadiza.post(f"{page(referral)}/close").status_code == 422
    assert hadiza.post(f"{page(referral)}/close", **{"close-outcome": "helped"}).status_code == 303
    assert (row(referral).state, row(referral).outcome) == ("closed", "helped")
    text = hadiza.reads(page(referral))
    assert "close 09:12" in text
    assert "<textarea" not in text
    assert "941-2607" not in hadiza.reads("/desk/queues")


def test_what_a_person_wrote_opens_for_a_reason_only_and_is_written_down(hadiza, opened, audit, database):
    referral = opened(TICKET, by="hadiza", text="il me cherche")
    with database.transaction() as session:
        event = session.scalars(select(ReferralEvent.id).where(ReferralEvent.kind == "wrote")).one()
    text = hadiza.reads(page(referral))
    assert "il me cherche" not in text
    assert "Message gardé chiffré · Lire, avec motif" in text
    assert "il me cherche" not in hadiza.post(f"{page(referral)}/texts/{event}", **{"text-reason": " "}).text
    answer = hadiza.post(f"{page(referral)}/texts/{event}", **{"text-reason": "préparer l’appel"})
    assert "il me cherche" in answer.text
    assert ("text_read", {"event": event, "reason": "préparer l’appel"}) in audit(referral)
    assert "il me cherche" not in hadiza.reads(page(referral))


def test_a_text_of_another_referral_does_not_open_here(hadiza, opened, database):
    opened(TICKET, by="hadiza", text="il me cherche")
    other = opened("4821737", by="hadiza")
    with database.transaction() as session:
        event = session.scalars(select(ReferralEvent.id).where(ReferralEvent.kind == "wrote")).one()
    assert hadiza.post(f"{page(other)}/texts/{event}", **{"text-reason": "curiosity"}).status_code == 404


def test_the_number_opens_for_a_reason_only_and_is_written_down(hadiza, opened, audit):
    referral = opened(TICKET, by="hadiza", terms=REFUSED)
    assert NUMBER not in hadiza.post(f"{page(referral)}/number", **{"number-reason": ""}).text
    text = hadiza.post(f"{page(referral)}/number", **{"number-reason": "la personne est au bureau"}).text
    assert NUMBER in text
    assert "tel:" not in text
    assert audit(referral)[-1] == ("number_read", {"reason": "la personne est au bureau"})


def test_the_ladder_shows_who_was_told_and_who_comes_next(hadiza, opened):
    text = hadiza.reads(page(opened(TICKET, told="hadiza")))
    assert "SMS envoyé · sans réponse" in text
    assert re.search(r"next-one\">Aïcha</span>\s*<span class=\"hour\">09:20", text)


def test_a_block_at_the_gateway_is_shown(hadiza, opened, database, amina):
    with database.transaction() as session:
        session.get_one(Contact, amina).blocked = ["sms"]
    assert "SMS\u00a0: aucune réponse n’arrive chez la personne" in hadiza.reads(page(opened(TICKET, terms=MORNING)))


@pytest.mark.parametrize(
    ("locked", "words"),
    [
        ({}, None),
        ({"locked_others": True}, "six depuis un autre téléphone"),
        ({"locked_enrolled": True}, "fermé jusqu’à votre appel"),
    ],
)
def test_staff_see_that_somebody_tried_to_open_the_file(hadiza, opened, database, locked, words):
    with database.transaction() as session:
        case = Case(
            number="482719368", name="Salifou", sex="M", language="fr", region="Tahoua", department="Tahoua",
            office="Tahoua", stage="TRAINING", opened_on=date(2026, 8, 17), stage_since=date(2026, 10, 26), **locked,
        )  # fmt: skip
        session.add(case)
        session.flush()
        case_id = case.id
    text = hadiza.reads(page(opened(TICKET, terms=MORNING, case_id=case_id)))
    assert "482-719-368" in text
    assert words in text if words else "Codes faux" not in text


def test_a_private_talk_says_how_it_is_treated_and_does_not_print(hadiza, opened):
    text = hadiza.reads(page(opened(TICKET, private=True, by="hadiza")))
    assert "traitée comme critique" in text
    assert "never-print" in text
    assert "non demandé (parler en privé)" in text


@pytest.mark.parametrize("odd", ["%00", "x" * 5000, "..%2f..", "é", "a b"])
def test_an_odd_address_is_nobodys_number(hadiza, odd):
    assert hadiza.get(f"/desk/referrals/{odd}").status_code == 404
