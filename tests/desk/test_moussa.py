"""Moussa, assistant, must not be able to tell that Hadiza's referrals exist (safety 19)."""

import re

import pytest
from sqlalchemy import select

from bot.engine.effects import Terms
from bot.store.models import Audit, Referral

from .conftest import MORNING

TICKET = "9412607"
STEPS = ["accept", "refuse", "call", "note", "call-now", "code", "close", "texts/1", "number"]
STEPS += ["hand-over", "take-over", "level", "reopen", "undo", "terms", "flags", "flags/1/end", "consents", "print"]
STEPS += ["consents/1/withdraw", "consents/1/agree", "without-consent"]
FIELDS = {"call-result": "spoke", "note-note": "x", "code-code": "KIT", "close-outcome": "helped"}
FIELDS |= {"text-reason": "why not", "number-reason": "why not", "print-reason": "why not", "refuse-reason": "busy"}
FIELDS |= {"hand-queue": "assistance", "hand-reason": "asked", "over-reason": "away", "level-level": "normal"}
FIELDS |= {"level-reason": "misread", "reopen-reason": "mistake", "event": "1", "terms-may_call": "yes"}
FIELDS |= {"flag-word": "call", "flag-until": "2026-11-25", "consent-receiver": "health", "consent-purpose": "care"}
FIELDS |= {"consent-answer": "yes", "consent-language": "fr", "consent-channel": "voice", "without-receiver": "health"}
FIELDS |= {"without-purpose": "care", "without-right": "life", "without-reason": "why not"}


def plain(page: str) -> str:
    """A page without its tokens, which differ every time."""
    return re.sub(r'value="[^"]{40,}"', 'value=""', page)


@pytest.mark.parametrize(
    "page", ["/desk/", "/desk/queues", "/desk/queues?queue=A", "/desk/queues?level=critical", "/desk/find"]
)
def test_his_pages_are_the_same_with_and_without_her_referral(moussa, opened, page):
    before = plain(moussa.reads(page))
    opened(TICKET, terms=MORNING, told="hadiza", text="il me cherche")
    opened("4821737", queue="sealed")
    assert plain(moussa.reads(page)) == before


def test_her_number_answers_him_like_one_that_never_was(moussa, opened):
    before = moussa.post("/desk/find", wanted="941-2607")
    opened(TICKET)
    after = moussa.post("/desk/find", wanted="941-2607")
    assert (after.status_code, plain(after.text)) == (before.status_code, plain(before.text))
    assert "Aucune demande avec ce numéro." in after.text


def test_her_page_answers_him_like_one_that_never_was(moussa, opened):
    referral = opened(TICKET)
    hers, none = moussa.get(f"/desk/referrals/{referral}"), moussa.get("/desk/referrals/" + "b" * 32)
    assert hers.status_code == none.status_code == 404
    assert plain(hers.text) == plain(none.text)
    assert "Aucune demande avec ce numéro." in hers.text


@pytest.mark.parametrize("step", STEPS)
def test_his_steps_on_her_referral_change_nothing_and_tell_nothing(moussa, opened, database, step):
    referral = opened(TICKET, text="il me cherche")
    hers = moussa.post(f"/desk/referrals/{referral}/{step}", **FIELDS)
    none = moussa.post(f"/desk/referrals/{'b' * 32}/{step}", **FIELDS)
    assert hers.status_code == none.status_code == 404
    assert plain(hers.text) == plain(none.text)
    with database.transaction() as session:
        row = session.get(Referral, referral)
        assert (row.state, row.accepted_by, row.code, row.call_now) == ("new", None, None, False)
        assert session.scalars(select(Audit).where(Audit.subject == f"referral:{referral}")).all() == []


def test_the_same_phone_lists_only_what_he_may_see(moussa, hadiza, opened):
    kit = opened("6673189", queue="assistance", code="KIT", level="normal")
    before = plain(moussa.reads(f"/desk/referrals/{kit}"))
    opened(TICKET, private=True)
    page = moussa.reads(f"/desk/referrals/{kit}")
    assert "941-2607" not in page
    assert "Même téléphone" not in page
    assert "Fiche ouverte" not in before
    assert "941-2607" in hadiza.reads("/desk/queues")


def test_he_sees_his_own_queue(moussa, opened):
    opened("6673189", queue="assistance", code="KIT", level="normal", terms=MORNING)
    assert "667-3189" in moussa.reads("/desk/")
    assert "667-3189" in moussa.reads("/desk/queues")
    assert moussa.post("/desk/find", wanted="6673189").status_code == 302


@pytest.mark.parametrize("login", ["hadiza", "moussa", "ousmane"])
def test_a_sealed_referral_exists_for_its_focal_points_only(signed_in, opened, login):
    reader, focal = signed_in(login), signed_in("zeinabou")
    before = [plain(reader.reads(page)) for page in ("/desk/", "/desk/queues")]
    referral = opened("3594726", queue="sealed", terms=Terms(may_call=True))
    assert [plain(reader.reads(page)) for page in ("/desk/", "/desk/queues")] == before
    assert reader.get(f"/desk/referrals/{referral}").status_code == 404
    assert "Aucune demande" in reader.post("/desk/find", wanted="3594726").text
    assert "359-4726" in focal.reads("/desk/")
    assert focal.get(f"/desk/referrals/{referral}").status_code == 200


def test_a_note_stays_with_the_queue_it_was_written_for(hadiza, moussa, opened):
    referral = opened(TICKET, by="hadiza", text="il me cherche")
    hadiza.post(f"/desk/referrals/{referral}/note", **{"note-note": "elle a peur"})
    assert "elle a peur" in hadiza.reads(f"/desk/referrals/{referral}")
    hadiza.post(f"/desk/referrals/{referral}/code", **{"code-code": "KIT"})
    page = moussa.reads(f"/desk/referrals/{referral}")
    assert "elle a peur" not in page
    assert "Lire, avec motif" not in page
    texts = [int(one) for one in range(1, 10)]
    answers = {moussa.post(f"/desk/referrals/{referral}/texts/{one}", **FIELDS).status_code for one in texts}
    assert answers == {404}
