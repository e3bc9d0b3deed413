"""Places in activities: each once, in order, whoever asks how often; who moves up is told."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from bot.community import activities
from bot.errors import CommunityError
from bot.store.models import Activity, Community, Participant

TODAY = date(2026, 11, 24)


@pytest.fixture
def sewing(world):
    return new(world, "sewing", 2, [TODAY + timedelta(days=3)])


def new(world, kind, capacity, days=()):
    with world.database.transaction() as session:
        community = session.get_one(Community, world.community_id)
        activity = activities.begin(session, world.rakia, community, kind, kind.title(), "Centre", capacity, world.now)
        for day in days:
            activities.add_day(session, world.rakia, activity, day, world.now)
        return str(activity.id)


def tell(world):
    with world.database.transaction() as session:
        return activities.tell_moved_up(session, world.teller, world.now)


def test_what_is_told_of_an_activity(world, sewing, hadjara):
    assert [item.label for item in hadjara.ask("activities", community=world.id).items] == ["Sewing"]
    found = hadjara.ask("activity", activity=sewing)
    assert (found.outcome, found.facts["activity_left"]) == ("open", "2")
    assert found.facts["activity_next"] == "w:2026-11-27"
    assert found.facts["activity_kind"] == "@activity.sewing"


def test_joining_the_last_place_the_list_and_moving_up(world, sewing, hadjara, mariam, amina):
    assert hadjara.ask("join_activity", activity=sewing).outcome == "joined"
    assert mariam.ask("join_activity", activity=sewing).outcome == "joined"
    last = amina.ask("join_activity", activity=sewing)
    assert (last.outcome, last.facts) == ("waiting", {"activity_ahead": "0"})
    assert amina.ask("activity", activity=sewing).outcome == "waiting"
    amina.contact()
    turn = world.turn()
    assert hadjara.ask("leave_activity", turn, activity=sewing).outcome == "left"
    assert hadjara.ask("leave_activity", turn, activity=sewing).outcome == "left"  # the same turn again
    assert hadjara.ask("leave_activity", activity=sewing).outcome == "not_in"
    assert amina.ask("activity", activity=sewing).outcome == "joined"
    assert tell(world) == 1
    assert tell(world) == 0
    assert world.texts() == [(amina.contact(), "dial")]


def test_joining_twice_keeps_one_place(world, sewing, hadjara):
    turn = world.turn()
    for again in (turn, turn, None):
        assert hadjara.ask("join_activity", again, activity=sewing).outcome == "joined"
    with world.database.transaction() as session:
        assert len(session.scalars(select(Participant)).all()) == 1


def test_forty_at_once_get_each_place_once(world):
    knitting = new(world, "knitting", 15)
    phones = [world.phone(f"+2279000{n:04d}") for n in range(2000, 2040)]
    turns = [world.turn() for _ in phones]
    with ThreadPoolExecutor(12) as threads:
        asked = [
            threads.submit(phone.ask, "join_activity", turn, activity=knitting)
            for phone, turn in zip(phones * 2, turns * 2, strict=True)
        ]
        outcomes = [one.result().outcome for one in asked]
    assert outcomes[:40].count("joined") == 15
    assert outcomes[40:] == outcomes[:40]  # each sent twice, each answered alike
    with world.database.transaction() as session:
        there = activities.participants(session, int(knitting))
    assert [one.waiting for one in there] == [False] * 15 + [True] * 25


def test_more_places_move_people_up_and_fewer_take_none_away(world, sewing, hadjara, mariam, amina):
    for phone in (hadjara, mariam, amina):
        phone.ask("join_activity", activity=sewing)
    with world.database.transaction() as session:
        activity = session.get_one(Activity, int(sewing))
        activities.change_capacity(session, world.rakia, activity, 3, world.now)
        activities.change_capacity(session, world.rakia, activity, 1, world.now)
        assert [one.waiting for one in activities.participants(session, activity.id)] == [False] * 3


def test_what_is_over_is_not_offered_and_takes_nobody(world, hadjara):
    gone = new(world, "meeting", 5, [TODAY - timedelta(days=1)])
    assert hadjara.ask("activities", community=world.id).outcome == "none"
    assert hadjara.ask("activity", activity=gone).outcome == "over"
    assert hadjara.ask("join_activity", activity=gone).outcome == "over"


def test_a_training_of_three_months_is_completed_by_who_was_there_often_enough(world, hadjara, mariam):
    days = [TODAY + timedelta(weeks=week) for week in range(12)]
    training = new(world, "training", 20, days)
    for phone in (hadjara, mariam):
        phone.ask("join_activity", activity=training)
    with world.database.transaction() as session:
        activity = session.get_one(Activity, int(training))
        first, second = activities.participants(session, activity.id)
        for place, day in enumerate(activities.days_of(session, activity.id)):
            there = {first.id} if place < 10 else {first.id, second.id}
            activities.attend(session, world.rakia, day, there, world.now)
            activities.attend(session, world.rakia, day, there, world.now)
        progress = activities.progress_of(session, activity)
        activities.close(session, world.rakia, activity, world.now)
    assert (progress[first.id].there, progress[first.id].completes) == (12, True)
    assert (progress[second.id].there, progress[second.id].completes) == (2, False)
    with world.database.transaction() as session:
        assert session.get_one(Participant, first.id).completed_at is not None
        assert session.get_one(Participant, second.id).completed_at is None


def test_a_training_half_way_completes_nobody_yet(world, hadjara):
    training = new(world, "training", 20, [TODAY + timedelta(weeks=week) for week in range(12)])
    hadjara.ask("join_activity", activity=training)
    with world.database.transaction() as session:
        activity = session.get_one(Activity, int(training))
        [place] = activities.participants(session, activity.id)
        for day in activities.days_of(session, activity.id)[:6]:
            activities.attend(session, world.rakia, day, {place.id}, world.now)
        assert not activities.progress_of(session, activity)[place.id].completes


def test_who_has_no_phone_is_written_down_and_their_name_is_not_kept_in_the_clear(world, sewing, ciphers):
    with world.database.transaction() as session:
        activity = session.get_one(Activity, int(sewing))
        activities.write_down(session, world.rakia, activity, "Zeinabou", world.now, ciphers=ciphers)
        [place] = activities.participants(session, activity.id)
    assert b"Zeinabou" not in place.name_enc
    assert not place.waiting


@pytest.mark.parametrize(("kind", "capacity", "fault"), [("dance", 5, "kind"), ("sewing", 0, "capacity")])
def test_an_activity_has_a_kind_and_places(world, kind, capacity, fault):
    with world.database.transaction() as session:
        community = session.get_one(Community, world.community_id)
    with world.database.transaction() as session, pytest.raises(CommunityError, match=fault):
        activities.begin(session, world.rakia, community, kind, "X", "", capacity, world.now)
