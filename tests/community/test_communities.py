"""A community is chosen once and kept; who sits in its committee sees it, and nobody else but the coordinator."""

import pytest
from sqlalchemy import select

from bot.community import communities
from bot.errors import CommunityError
from bot.referrals.access import ROLES, visible_communities
from bot.store.models import Audit, Community


def test_a_community_is_chosen_once_and_kept(world, hadjara):
    assert hadjara.ask("my_community").outcome == "none"
    assert [item.label for item in hadjara.ask("communities").items] == ["Assamaka"]
    assert hadjara.ask("choose_community", community=world.id).facts == {"community_name": "Assamaka"}
    assert hadjara.ask("my_community").facts == {"community": world.id, "community_name": "Assamaka"}


def test_another_choice_replaces_the_first_and_a_closed_community_is_none(world, hadjara):
    with world.database.transaction() as session:
        filingue = communities.found(session, world.mariama, "Filingue", "", world.now).id
    hadjara.ask("choose_community", community=world.id)
    hadjara.ask("choose_community", community=str(filingue))
    assert hadjara.ask("my_community").facts["community_name"] == "Filingue"
    with world.database.transaction() as session:
        session.get_one(Community, filingue).open = False
    assert hadjara.ask("my_community").outcome == "none"
    assert hadjara.ask("choose_community", community=str(filingue)).outcome == "gone"


@pytest.mark.parametrize("role", sorted(ROLES))
def test_the_committee_and_the_coordinator_see_it_and_nobody_else(world, role):
    somebody = world.staff(f"new-{role}", role)
    with world.database.transaction() as session:
        seen = session.scalars(select(Community).where(visible_communities(somebody))).all()
    assert bool(seen) == (role == "coordinator")  # a focal point of no committee sees none


def test_who_lost_the_place_in_the_committee_sees_nothing_any_more(world):
    with world.database.transaction() as session:
        community = communities.held(session, world.rakia, world.community_id)
        communities.unseat(session, world.mariama, community, world.rakia.id, world.now)
    with world.database.transaction() as session, pytest.raises(CommunityError, match="not_found"):
        communities.held(session, world.rakia, world.community_id)


def test_a_coordinator_of_other_offices_does_not_see_it(world):
    with world.database.transaction() as session:
        session.get_one(Community, world.community_id).office = "Agadez"
    elsewhere = world.staff("elsewhere", "coordinator")
    elsewhere.offices = ["Zinder"]
    with world.database.transaction() as session, pytest.raises(CommunityError):
        communities.held(session, elsewhere, world.community_id)


def test_only_who_may_sit_in_a_committee_is_seated(world):
    world.staff("moussa", "assistant")
    with world.database.transaction() as session:
        community = session.get_one(Community, world.community_id)
        for login in ("moussa", "nobody"):
            with pytest.raises(CommunityError, match="nobody"):
                communities.seat(session, world.mariama, community, login, False, world.now)
        actions = set(session.scalars(select(Audit.action)))
    assert actions == {"community.founded", "community.seated"}


@pytest.mark.parametrize("name", ["", "A" * 25, "أساماكا"])
def test_names_fit_a_line_of_a_small_screen(world, name):
    with world.database.transaction() as session, pytest.raises(CommunityError, match="name"):
        communities.found(session, world.mariama, name, "", world.now)
