"""Steps on the page of a referral: reasons, taking back, what the person says, reminders, passing on, printing."""

import re

import pytest
from sqlalchemy import select

from bot.engine.effects import Terms
from bot.referrals.terms import read_terms
from bot.store.models import Audit, Consent, Flag, Referral, ReferralEvent

from .conftest import MORNING, REFUSED

TICKET = "9412607"


@pytest.fixture
def row(database):
    def read(referral_id):
        with database.transaction() as session:
            return session.get_one(Referral, referral_id)

    return read


def page(referral: str) -> str:
    return f"/desk/referrals/{referral}"


def take_back(reader, shown: str):
    found = re.search(r'action="([^"]+/undo)".*?name="event" value="(\d+)"', shown, re.DOTALL)
    assert found
    return reader.post(found[1], event=found[2])


def test_the_next_page_offers_to_take_a_step_back_for_a_minute(hadiza, opened, row, hands):
    referral = opened(TICKET, terms=MORNING)
    hadiza.post(f"{page(referral)}/accept")
    shown = hadiza.reads(page(referral))
    assert take_back(hadiza, shown).location == page(referral)
    assert row(referral).accepted_by is None
    assert "Annulé, 941-2607." in hadiza.reads(page(referral))
    hadiza.post(f"{page(referral)}/accept")
    shown = hadiza.reads(page(referral))
    hands.forward(seconds=61)
    take_back(hadiza, shown)
    assert "Trop tard pour annuler" in hadiza.reads(page(referral))
    assert row(referral).accepted_by is not None


def test_what_was_handed_out_of_sight_is_taken_back_from_today(hadiza, opened, row, database):
    referral = opened(TICKET, terms=MORNING, by="hadiza")
    answer = hadiza.post(f"{page(referral)}/code", **{"code-code": "GBV"})
    assert answer.location == "/desk/"
    shown = hadiza.reads("/desk/")
    assert hadiza.get(page(referral)).status_code == 404
    assert take_back(hadiza, shown).location == page(referral)
    assert row(referral).queue == "protection"
    with database.transaction() as session:
        noted = select(ReferralEvent.kind).where(ReferralEvent.referral_id == referral).order_by(ReferralEvent.id)
        kinds = list(session.scalars(noted))
    assert kinds == ["opened", "code_set", "undone"]


@pytest.mark.parametrize("event", ["", "x", "0", "9" * 30])
def test_an_event_of_nobodys_is_not_found(hadiza, opened, event):
    assert hadiza.post(f"{page(opened(TICKET))}/undo", event=event).status_code == 404


def test_i_cannot_asks_why(hadiza, opened, row):
    referral = opened(TICKET, told="hadiza")
    answer = hadiza.post(f"{page(referral)}/refuse")
    assert answer.status_code == 422
    assert "je connais la personne ou la famille" in answer.text
    hadiza.post(f"{page(referral)}/refuse", **{"refuse-reason": "known"})
    assert "Ne peut pas\xa0: je connais la personne" in hadiza.reads(page(referral))


def test_a_step_that_is_not_possible_says_why_under_its_field(hadiza, opened, row):
    referral = opened(TICKET, private=True, terms=MORNING, by="hadiza")
    fields = {"level-level": "high", "level-reason": "no_hurry"}
    answer = hadiza.post(f"{page(referral)}/level", **fields)
    assert answer.status_code == 422
    assert "Notez d’abord un appel où vous avez parlé" in answer.text
    hadiza.post(f"{page(referral)}/call", **{"call-result": "spoke"})
    assert hadiza.post(f"{page(referral)}/level", **fields).status_code == 303
    assert row(referral).level == "high"
    assert "traitée comme critique" not in hadiza.reads(page(referral))


def test_what_the_person_says_on_the_call_is_the_banner_of_the_next(hadiza, opened, row, ciphers):
    referral = opened(TICKET, terms=MORNING, by="hadiza")
    said = {"terms-may_call": "yes", "terms-window": "evening", "terms-who_answers": "sa soeur", "terms-text": "yes"}
    answer = hadiza.post(f"{page(referral)}/call", **{"call-result": "no_answer"}, **said)
    assert answer.status_code == 422  # nobody said it
    hadiza.post(f"{page(referral)}/call", **{"call-result": "spoke"}, **said)
    shown = hadiza.reads(page(referral))
    assert "Pas maintenant. Appeler aujourd’hui, de 17:00 à 21:00." in shown
    assert "la personne, par téléphone, 09:12" in shown
    assert read_terms(row(referral), ciphers=ciphers).text is True


def test_a_person_who_comes_by_opens_what_was_closed_to_calls(hadiza, opened, row, ciphers):
    referral = opened(TICKET, terms=REFUSED, by="hadiza")
    assert hadiza.post(f"{page(referral)}/terms").status_code == 422
    assert hadiza.post(f"{page(referral)}/terms", **{"terms-may_call": "yes", "terms-number": "12"}).status_code == 422
    hadiza.post(
        f"{page(referral)}/terms", **{"terms-may_call": "yes", "terms-number": "90 00 12 34", "terms-how": "in_person"}
    )
    terms = read_terms(row(referral), ciphers=ciphers)
    assert (terms.may_call, terms.number, terms.said_by) == (True, "+22790001234", "in_person")
    assert terms != Terms(may_call=True)


def test_a_reminder_stands_on_today_without_its_word(hadiza, moussa, opened, database, hands):
    referral = opened(TICKET, terms=MORNING, by="hadiza")
    hadiza.post(f"{page(referral)}/flags", **{"flag-word": "medical", "flag-until": "2026-11-24"})
    assert "Rappels du jour" not in hadiza.reads("/desk/")
    hands.forward(days=1)
    hadiza.signs_in("hadiza")
    shown = hadiza.reads("/desk/")
    assert "Rappels du jour" in shown
    assert "suivi médical" not in shown
    assert "suivi médical" in hadiza.reads(page(referral))
    with database.transaction() as session:
        flag = session.scalars(select(Flag.id)).one()
    hadiza.post(f"{page(referral)}/flags/{flag}/end")
    assert "Rappels du jour" not in hadiza.reads("/desk/")


def test_the_sentence_is_read_out_in_the_persons_language_before_the_answer(hadiza, opened, database):
    referral = opened(TICKET, terms=MORNING, by="hadiza")
    asked = {"consent-receiver": "health", "consent-purpose": "care"}
    shown = hadiza.post(f"{page(referral)}/consents", **asked)
    assert shown.status_code == 200
    assert re.search(r'lang="ha">Za mu iya magana game da ku da asibiti', shown.text)
    assert hadiza.post(f"{page(referral)}/consents", **asked, **{"consent-answered": "1"}).status_code == 422
    answer = {"consent-answered": "1", "consent-answer": "yes", "consent-language": "ha", "consent-channel": "voice"}
    assert hadiza.post(f"{page(referral)}/consents", **asked, **answer).status_code == 303
    with database.transaction() as session:
        assert session.scalars(select(Consent)).one().language == "ha"
    assert "La personne a dit oui" in hadiza.reads(page(referral))


def test_without_a_yes_a_colleague_agrees_on_her_own_sign_in(hadiza, signed_in, opened, database):
    referral = opened(TICKET, terms=MORNING, by="hadiza")
    fields = {
        "without-receiver": "health",
        "without-purpose": "care",
        "without-right": "life",
        "without-reason": "elle saigne",
    }
    hadiza.post(f"{page(referral)}/without-consent", **fields)
    shown = hadiza.reads(page(referral))
    assert "Attend une deuxième personne. Ne transmettez rien." in shown
    assert "comme deuxième personne" not in shown
    with database.transaction() as session:
        consent = session.scalars(select(Consent.id)).one()
    assert hadiza.post(f"{page(referral)}/consents/{consent}/agree").status_code == 409
    aicha = signed_in("aicha")
    assert "elle saigne" in aicha.reads(page(referral))
    aicha.post(f"{page(referral)}/consents/{consent}/agree")
    assert "pour sauver une vie\xa0: Hadiza et Aïcha sont d’accord" in aicha.reads(page(referral))


def test_notes_and_number_print_for_a_reason_and_never_what_is_private(hadiza, zeinabou, opened, database):
    referral = opened(TICKET, terms=MORNING, by="hadiza")
    assert 'class="docked prints"' not in hadiza.reads(page(referral))
    assert hadiza.post(f"{page(referral)}/print", **{"print-reason": ""}).status_code == 422
    text = hadiza.post(f"{page(referral)}/print", **{"print-reason": "réunion de suivi"}).text
    assert 'class="docked prints"' in text
    assert "90 00 65 11" in text
    with database.transaction() as session:
        assert session.scalars(select(Audit.detail).where(Audit.action == "request_printed")).all() == [
            {"reason": "réunion de suivi"}
        ]
    private = opened("4821737", private=True, by="hadiza", terms=MORNING)
    assert hadiza.post(f"{page(private)}/print", **{"print-reason": "réunion"}).status_code == 404
    sealed = opened("1234567", queue="sealed", by="zeinabou", terms=MORNING)
    assert zeinabou.post(f"{page(sealed)}/print", **{"print-reason": "réunion"}).status_code == 404
    # another request of the phone may be private: it is not on the paper of this one
    assert re.search(r'class="[^"]*no-print" aria-labelledby="same-title"', hadiza.reads(page(referral)))


def test_three_days_without_a_talk_propose_steps_and_move_nothing(hadiza, opened, database, hands, row):
    referral = opened(TICKET, terms=MORNING, by="hadiza")
    with database.transaction() as session:
        for day in range(3):
            at = hands().replace(day=20 + day)
            session.add(ReferralEvent(referral_id=referral, at=at, kind="call_logged", detail={"result": "off"}))
    shown = hadiza.reads(page(referral))
    assert "3 jours" in shown
    assert "demandez à la coordination" in shown
    assert row(referral).state == "accepted"
