"""The committee's pages: what it sees and decides, and that nobody else learns that a community is there."""

import re

import pytest
from sqlalchemy import select

from bot.community import development
from bot.jobs.community import tell_places
from bot.store.models import (
    Activity,
    Audit,
    Community,
    CommunityGroup,
    GroupMember,
    Message,
    Participant,
    Proposal,
    Staff,
    TensionAnswer,
)
from tests.desk.conftest import NOON, untokened

OTHERS = ("hadiza", "moussa", "zeinabou", "adamou", "salamatou")  # the last one sits in no committee


@pytest.fixture
def assamaka(database, cast, password_hash, ciphers):
    """The invented community, as development has it; its id."""
    with database.transaction() as session:
        for login, role in (("rakia", "community_focal"), ("salamatou", "community_focal"), ("mariama", "coordinator")):
            session.add(Staff(login=login, name=login.title(), role=role, password_hash=password_hash, language="fr"))
        session.flush()
        development.load(session, NOON, ciphers=ciphers)
        return session.scalars(select(Community.id).where(Community.name == "Assamaka")).one()


@pytest.fixture
def rakia(signed_in, assamaka):
    return signed_in("rakia")


@pytest.fixture
def mariama(signed_in, assamaka):
    return signed_in("mariama")


def one(database, model, **fields):
    with database.transaction() as session:
        return session.scalars(select(model).filter_by(**fields).order_by(model.id)).first()


def pages(database, community_id):
    proposal, group, activity = (one(database, model).id for model in (Proposal, CommunityGroup, Activity))
    return [
        f"/desk/communities/{community_id}",
        f"/desk/communities/{community_id}/answer",
        f"/desk/proposals/{proposal}",
        f"/desk/groups/{group}",
        f"/desk/activities/{activity}",
    ]


def test_the_committee_reads_every_page_and_none_is_heavy(database, assamaka, rakia):
    for path in ["/desk/communities", *pages(database, assamaka)]:
        assert len(rakia.reads(path)) < 100_000, path


@pytest.mark.parametrize("login", OTHERS)
def test_for_everybody_else_it_is_what_never_was(database, assamaka, signed_in, login):
    reader = signed_in(login)
    for path in pages(database, assamaka):
        nowhere = re.sub(r"\d+", "2000000000", path, count=1)
        there, never = reader.get(path), reader.get(nowhere)
        assert (there.status_code, never.status_code) == (404, 404), path
        assert untokened(there.text) == untokened(never.text).replace(nowhere, path)
    assert "Assamaka" not in reader.get("/desk/communities").text
    assert reader.post(f"/desk/communities/{assamaka}/groups", **{"group-name": "X"}).status_code == 404


def test_a_committee_sees_its_own_community_alone(database, assamaka, rakia):
    assert "Filingué" not in rakia.reads("/desk/communities")
    other = one(database, Community, name="Filingué").id
    assert rakia.get(f"/desk/communities/{other}").status_code == 404


def test_the_coordinator_founds_gives_places_and_reads_no_ownuntokened(database, assamaka, rakia, mariama):
    with database.transaction() as session:
        asked = session.scalars(select(Proposal).where(Proposal.title == "")).one()
    own = f"/desk/proposals/{asked.id}"
    assert development.ASKED in rakia.reads(own)
    assert development.ASKED not in mariama.reads(own)
    assert rakia.post("/desk/communities/new", **{"found-name": "Arlit"}).status_code == 404
    mariama.post("/desk/communities/new", **{"found-name": "Arlit", "found-office": ""})
    arlit = one(database, Community, name="Arlit").id
    assert rakia.post(f"/desk/communities/{arlit}/committee", **{"seat-login": "rakia"}).status_code == 404
    mariama.post(f"/desk/communities/{arlit}/committee", **{"seat-login": "rakia", "seat-focal": "y"})
    assert "Arlit" in rakia.reads("/desk/communities")
    mariama.post(f"/desk/communities/{arlit}/committee/{one(database, Staff, login='rakia').id}/leave")
    assert "Arlit" not in rakia.reads("/desk/communities")


def test_reading_a_proposal_is_noted(database, assamaka, rakia):
    proposal = one(database, Proposal).id
    rakia.reads(f"/desk/proposals/{proposal}")
    with database.transaction() as session:
        assert session.scalars(select(Audit.action).where(Audit.subject == f"proposal:{proposal}")).all() == [
            "community.proposal_read"
        ]


def decide(reader, proposal, **fields):
    values = {f"move-{name}": value for name, value in fields.items()}
    return reader.post(f"/desk/proposals/{proposal.id}", **values)


def test_a_decision_is_taken_once_and_a_colleague_who_was_first_counts(database, assamaka, rakia):
    proposal = one(database, Proposal, title="Prix affichés au marché")
    fields = {"to": "ACCEPTED", "title": proposal.title, "reason": "", "seen": "EXAMINED"}
    assert decide(rakia, proposal, **fields).status_code == 303
    again = decide(rakia, proposal, **fields)
    assert again.status_code == 422
    assert "Un collègue a été plus rapide" in again.text
    assert one(database, Proposal, id=proposal.id).state == "ACCEPTED"


def test_a_no_without_a_reason_keeps_what_was_typed(database, assamaka, rakia):
    proposal = one(database, Proposal, title="Prix affichés au marché")
    refused = decide(rakia, proposal, to="DECLINED", title="Un autre titre", reason="", seen="EXAMINED")
    assert refused.status_code == 422
    assert "Donnez une raison publique" in refused.text
    assert "Un autre titre" in refused.text
    assert one(database, Proposal, id=proposal.id).title == proposal.title


def test_what_somebody_said_gets_a_number_and_a_comment_stays_inside(database, assamaka, rakia):
    rakia.post(f"/desk/communities/{assamaka}/proposals", **{"said-text": "Une citerne"})
    proposal = one(database, Proposal, by_digest=None, title="", state="PROPOSED", voice=False, group_id=None)
    rakia.post(f"/desk/proposals/{proposal.id}/comments", **{"comment-text": "Voir le maire"})
    assert "Voir le maire" in rakia.reads(f"/desk/proposals/{proposal.id}")


def test_a_new_code_is_shown_once_and_kept_nowhere(database, assamaka, rakia):
    group = one(database, CommunityGroup)
    shown = rakia.post(f"/desk/groups/{group.id}/code")
    code = re.search(r"Nouveau code\xa0: (\d{4})", shown.text)[1]
    assert f": {code}" not in rakia.reads(f"/desk/groups/{group.id}")
    with database.transaction() as session:
        assert session.get_one(CommunityGroup, group.id).code_hmac != group.code_hmac
        assert code not in str([row.detail for row in session.scalars(select(Audit))])


def test_a_stolen_phone_is_locked_out_with_one_press(database, assamaka, rakia):
    officer = one(database, GroupMember, role="officer")
    path = f"/desk/groups/{officer.group_id}/members/{officer.id}/lock-out"
    assert "Nouveau code" in rakia.post(path).text
    assert one(database, GroupMember, id=officer.id).ended == "locked_out"
    assert rakia.post(path).status_code == 404  # there is nobody to lock out any more


def test_roles_are_set_and_the_last_officer_stays(database, assamaka, rakia):
    first, second = (row.id for row in _members(database, "officer"))
    group = one(database, CommunityGroup).id
    press = f"/desk/groups/{group}/members/{{}}/{{}}"
    rakia.post(press.format(first, "member"))
    rakia.post(press.format(second, "member"))
    assert [row.id for row in _members(database, "officer")] == [second]
    assert "Nommez d" in rakia.reads(f"/desk/groups/{group}")
    assert rakia.post(press.format(first, "king")).status_code == 404


def _members(database, role):
    with database.transaction() as session:
        return session.scalars(select(GroupMember).where(GroupMember.role == role).order_by(GroupMember.id)).all()


def test_the_book_is_a_chart_with_its_figures_behind_it(assamaka, rakia, database):
    page = rakia.reads(f"/desk/groups/{one(database, CommunityGroup).id}")
    assert len(re.findall(r'<rect class="(?:materials|loss)"', page)) == len(development.MONTHS)
    assert page.count('<rect class="loss"') == 1
    assert "223\xa0000" in page
    assert "62 %" in page


def test_small_counts_are_not_on_the_page(assamaka, rakia):
    page = rakia.reads(f"/desk/communities/{assamaka}")
    figures = {int(found) for found in re.findall(r'<text class="figure"[^>]*>(\d+)<', page)}
    assert figures
    assert min(figures) >= 5


def test_the_answer_to_tensions_is_kept_and_says_to_nobody_how_many(database, assamaka, rakia):
    path = f"/desk/communities/{assamaka}/answer"
    fields = {"answer-kind": "", "answer-first": "2026-11-01", "answer-last": "2026-11-20", "answer-text_ha": ""}
    sent = rakia.post(path, **fields, **{"answer-text_fr": "Le puits est ouvert le soir."})
    assert sent.status_code == 303
    assert one(database, TensionAnswer).words == {"fr": "Le puits est ouvert le soir."}
    refused = rakia.post(path, **fields, **{"answer-text_fr": "Votre dossier 482-719-368"})
    assert refused.status_code == 422
    assert "numéro de dossier" in refused.text
    backwards = rakia.post(path, **fields | {"answer-last": "2026-10-01"}, **{"answer-text_fr": "Merci."})
    assert backwards.status_code == 422


def test_attendance_places_and_the_end_of_a_training(database, assamaka, rakia, ciphers):
    training = one(database, Activity, kind="training")
    path = f"/desk/activities/{training.id}"
    day = re.search(rf"{path}/days/(\d+)", rakia.reads(path))[1]
    with database.transaction() as session:
        placed = session.scalars(
            select(Participant.id).where(Participant.activity_id == training.id, ~Participant.waiting)
        ).all()
    rakia.post(f"{path}/days/{day}", there=[str(placed[0])])
    assert "1 jours sur 1" in rakia.reads(f"{path}?day={day}")
    rakia.post(f"{path}/places", **{"places-capacity": "10"})
    with database.transaction() as session:
        moved = select(Participant).where(Participant.activity_id == training.id, Participant.moved_up_at.is_not(None))
        assert len(session.scalars(moved).all()) == 2
    rakia.post(f"{path}/people", **{"person-name": "Zeinabou"})
    assert "Zeinabou" in rakia.reads(path)
    rakia.post(f"{path}/close")
    assert one(database, Activity, id=training.id).closed_at is not None


def test_no_page_shows_a_phone_number(database, assamaka, rakia):
    for path in pages(database, assamaka):
        assert not re.search(r"\+?227\d{6,}", rakia.reads(path)), path


def test_who_moved_up_is_told_by_the_sweep(database, assamaka, rakia, services, ciphers):
    training = one(database, Activity, kind="training")
    rakia.post(f"/desk/activities/{training.id}/places", **{"places-capacity": "9"})
    assert tell_places(services, now=NOON) == 1
    assert tell_places(services, now=NOON) == 0
    with database.transaction() as session:
        [message] = session.scalars(select(Message)).all()
        assert message.kind == "reminder"
