"""Proposals: numbered, decided step by step, followed by number; the words of a person are for the committee."""

import pytest
from sqlalchemy import select

from bot.community import proposals
from bot.errors import CommunityError
from bot.store.models import Proposal, ProposalEvent
from bot.text.proposals import number_of

ROAD = ("EXAMINED", "ACCEPTED", "WORKS", "DELIVERED", "IN_USE")


@pytest.fixture
def asked(world, hadjara):
    """A proposal of Hadjara's, with words; its facts."""
    turn = world.turn()
    made = hadjara.ask("new_proposal", turn, community=world.id)
    hadjara.act("proposal_words", turn, text="Un local pour coudre", proposal=made.facts["proposal"])
    return made.facts


def move(world, proposal, to, reason="", seen=None, title="Local de couture"):
    with world.database.transaction() as session:
        row = session.get_one(Proposal, int(proposal))
        if title:
            proposals.give_title(session, world.rakia, row, title, world.now, ciphers=world.ciphers)
        step = (seen or row.state, to)
        proposals.move(session, world.rakia, row.id, step, reason, world.now, teller=world.teller)


def test_a_proposal_gets_a_number_and_a_replayed_message_the_same(world, hadjara):
    turn = world.turn()
    made = hadjara.ask("new_proposal", turn, community=world.id)
    assert made.outcome == "made"
    assert made.facts["proposal_number"] == f"P-{number_of(100)}"
    assert hadjara.ask("new_proposal", turn, community=world.id) == made
    assert hadjara.ask("new_proposal", community=world.id).facts["proposal_number"] == f"P-{number_of(101)}"
    assert hadjara.ask("new_proposal", community="999").outcome == "gone"


def test_the_words_are_kept_once_encrypted_and_for_the_committee(world, hadjara, asked):
    hadjara.act("proposal_words", text="something else", proposal=asked["proposal"])
    with world.database.transaction() as session:
        row = session.get_one(Proposal, int(asked["proposal"]))
    assert b"coudre" not in row.words_enc
    assert proposals.words_of(row, ciphers=world.ciphers) == "Un local pour coudre"
    found = hadjara.ask("find_proposal", which=asked["proposal_number"])
    assert "coudre" not in str(found)


def test_anybody_follows_by_number_and_reads_what_the_committee_wrote(world, amina, asked):
    typed = asked["proposal_number"].lower().replace("-", " ")
    found = amina.ask("find_proposal", which=typed)
    assert found.outcome == "found"
    assert found.facts["proposal_title"] == "@proposal.untitled"
    assert amina.ask("proposals", community=world.id).outcome == "none"
    assert (found.facts["proposal_state"], found.facts["proposal_since"]) == ("@proposal.proposed", "d:2026-11-24")
    move(world, asked["proposal"], "EXAMINED")
    move(world, asked["proposal"], "DECLINED", "Pas de terrain libre cette annee")
    found = amina.ask("find_proposal", which=typed)
    assert found.outcome == "reasoned"
    assert found.facts["proposal_title"] == "Local de couture"
    assert [(one.id, one.label) for one in amina.ask("proposals", community=world.id).items] == [
        (asked["proposal_number"][2:], "Local de couture")
    ]
    assert found.facts["proposal_reason"] == "Pas de terrain libre cette annee"
    for wrong in ("P-9999", "hello", ""):
        assert amina.ask("find_proposal", which=wrong).outcome == "none"


def test_each_step_is_told_to_who_wants_it_and_to_nobody_else(world, hadjara, mariam, amina, asked):
    for phone in (hadjara, mariam, amina):
        phone.act("follow_proposal", proposal=asked["proposal"])
        phone.act("follow_proposal", proposal=asked["proposal"])
    amina.act("unfollow_proposal", proposal=asked["proposal"])
    move(world, asked["proposal"], "EXAMINED")
    told = f"{asked['proposal_number']}: dial"
    assert sorted(world.texts()) == sorted([(hadjara.contact(), told), (mariam.contact(), told)])


def test_the_whole_road_and_nothing_beside_it(world, asked):
    for to in ROAD:
        others = set(proposals.STATES) - set(proposals.NEXT[state_of(world, asked)])
        for other in others:
            with pytest.raises(CommunityError, match="step"):
                move(world, asked["proposal"], other, "x")
        move(world, asked["proposal"], to)
    with world.database.transaction() as session:
        moved = select(ProposalEvent.to_state).where(ProposalEvent.kind == "moved").order_by(ProposalEvent.id)
        assert session.scalars(moved).all() == list(ROAD)


def state_of(world, asked):
    with world.database.transaction() as session:
        return session.get_one(Proposal, int(asked["proposal"])).state


def test_more_is_asked_and_a_no_may_be_looked_at_again(world, asked):
    move(world, asked["proposal"], "EXAMINED")
    move(world, asked["proposal"], "MORE_INFO", "Combien de personnes ?")
    move(world, asked["proposal"], "EXAMINED")
    move(world, asked["proposal"], "DECLINED", "Pas de terrain")
    move(world, asked["proposal"], "EXAMINED")
    with world.database.transaction() as session:
        assert session.get_one(Proposal, int(asked["proposal"])).reason == ""


@pytest.mark.parametrize(
    ("to", "reason", "title", "fault"),
    [
        ("ACCEPTED", "", "", "title"),
        ("DECLINED", "", "Local", "reason"),
        ("DECLINED", "x" * 71, "Local", "reason"),
        ("MORE_INFO", "Dossier 482-719-368", "Local", "never_send"),
        ("ACCEPTED", "", "x" * 41, "title"),
    ],
)
def test_no_step_without_public_words_that_may_be_read_by_all(world, asked, to, reason, title, fault):
    move(world, asked["proposal"], "EXAMINED", title="")
    with pytest.raises(CommunityError, match=fault):
        move(world, asked["proposal"], to, reason, title=title)


def test_of_two_colleagues_who_decide_the_first_counts(world, asked):
    move(world, asked["proposal"], "EXAMINED")
    move(world, asked["proposal"], "ACCEPTED", seen="EXAMINED")
    with pytest.raises(CommunityError, match="changed"):
        move(world, asked["proposal"], "DECLINED", "Non", seen="EXAMINED")


def test_a_group_s_proposal_is_one_of_its_members(world, hadjara, amina):
    group = world.group(hadjara)
    theirs = hadjara.ask("new_proposal", community=world.id, group=group).facts["proposal"]
    not_theirs = amina.ask("new_proposal", community=world.id, group=group, by="voice", ref="ab" * 16).facts["proposal"]
    with world.database.transaction() as session:
        assert session.get_one(Proposal, int(theirs)).group_id == int(group)
        spoken = session.get_one(Proposal, int(not_theirs))
        assert (spoken.group_id, spoken.voice, spoken.referral_id) == (None, True, "ab" * 16)
        board = proposals.board(session, world.community_id)
    assert [row.id for row in board["PROPOSED"]] == [int(not_theirs), int(theirs)]


def test_a_comment_is_for_the_committee(world, asked):
    with world.database.transaction() as session:
        row = session.get_one(Proposal, int(asked["proposal"]))
        proposals.comment(session, world.rakia, row, "Voir avec la mairie", world.now, ciphers=world.ciphers)
        [event] = proposals.events_of(session, row.id)
    assert b"mairie" not in event.text_enc
    assert proposals.comment_of(event, ciphers=world.ciphers) == "Voir avec la mairie"
